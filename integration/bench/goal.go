package bench

import "strconv"

// goal is what a figure is to reach. The zero goal is none.
type goal struct {
	sense rune // '≥' or '≤'
	value float64
}

func atLeast(v float64) goal { return goal{'≥', v} }
func atMost(v float64) goal  { return goal{'≤', v} }

func (g goal) String() string {
	if g.sense == 0 {
		return ""
	}
	return string(g.sense) + " " + strconv.FormatFloat(g.value, 'g', -1, 64)
}

// met says whether v reaches the goal, "" where there is none.
func (g goal) met(v float64) string {
	switch {
	case g.sense == 0:
		return ""
	case g.sense == '≥' && v >= g.value, g.sense == '≤' && v <= g.value:
		return "yes"
	}
	return "no"
}
