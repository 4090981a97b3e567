package bench

import (
	"cmp"
	"fmt"
	"slices"
)

// figure is one quantity, measured once a round.
type figure struct {
	ID     string    `json:"id"` // its group, a dot and its own name: create.three.share
	Name   string    `json:"name"`
	Unit   string    `json:"unit"`
	Goal   string    `json:"goal,omitempty"`
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Met    string    `json:"met,omitempty"`     // yes or no, by the median
	Absent string    `json:"missing,omitempty"` // why it was not measured

	goal goal
}

// settle computes what the rounds come to.
func (f *figure) settle() {
	f.Goal = f.goal.String()
	if len(f.Rounds) == 0 {
		f.Absent = cmp.Or(f.Absent, "its step failed")
		return
	}
	s := slices.Sorted(slices.Values(f.Rounds))
	f.Min, f.Max, f.Median = s[0], s[len(s)-1], median(s)
	f.Met = f.goal.met(f.Median)
}

// median is that of sorted values, of which there is one at least.
func median(s []float64) float64 {
	half := len(s) / 2
	if len(s)%2 == 1 {
		return s[half]
	}
	return (s[half-1] + s[half]) / 2
}

// figures are all that a run is to find, in the order they are told.
type figures []*figure

// of returns the figure of an id, which the plan has: one that it has not is a mistake of this package.
func (fs figures) of(id string) *figure {
	i := slices.IndexFunc(fs, func(f *figure) bool { return f.ID == id })
	if i < 0 {
		panic(fmt.Sprintf("bench: the plan has no figure %q", id))
	}
	return fs[i]
}

// add notes one round's value.
func (fs figures) add(id string, v float64) {
	f := fs.of(id)
	f.Rounds = append(f.Rounds, v)
}

// miss notes why a figure is not measured.
func (fs figures) miss(id, why string) { fs.of(id).Absent = why }
