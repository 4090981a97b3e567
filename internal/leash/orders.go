package leash

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// order is one line from the keeper. Moments are instants of the monotonic clock.
type order struct {
	stop       bool
	term, kill int64
}

func (o order) String() string {
	if o.stop {
		return fmt.Sprintf("stop %d\n", o.kill)
	}
	return fmt.Sprintf("until %d %d\n", o.term, o.kill)
}

func parseOrder(line string) (order, error) {
	words := strings.Fields(line)
	var moments [2]int64
	if len(words) < 2 || len(words) > 3 {
		return order{}, fmt.Errorf("order %q: wants one or two moments", line)
	}
	for i, w := range words[1:] {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return order{}, fmt.Errorf("order %q: %w", line, err)
		}
		moments[i] = n
	}
	switch {
	case words[0] == "until" && len(words) == 3:
		return order{term: moments[0], kill: moments[1]}, nil
	case words[0] == "stop" && len(words) == 2:
		return order{stop: true, kill: moments[0]}, nil
	}
	return order{}, fmt.Errorf("order %q: is none", line)
}

// times is what the orders come to.
type times struct {
	term, kill time.Time // by the last until
	stop       time.Time // by the strictest stop; zero: none came
	told       bool      // the command was told to end
}

// take takes an order in; at turns instants into times.
func (t *times) take(o order, now time.Time, at func(int64) time.Time) {
	switch kill := at(o.kill); {
	case !o.stop:
		t.term, t.kill = at(o.term), kill
	case t.stop.IsZero() || kill.Before(t.stop):
		t.stop, t.term = kill, now
	}
}

// next returns what is due first, and when; kill where both are.
func (t *times) next() (kill bool, when time.Time) {
	last := t.last()
	if term := t.first(); !t.told && term.Before(last) {
		return false, term
	}
	return true, last
}

// last is when everything is killed.
func (t *times) last() time.Time {
	if !t.stop.IsZero() && t.stop.Before(t.kill) {
		return t.stop
	}
	return t.kill
}

// first is when the command is to be told: a stop is not undone by an until that comes after it.
func (t *times) first() time.Time {
	if !t.stop.IsZero() {
		return time.Time{}
	}
	return t.term
}

// reportEnd is the one line to the keeper.
func reportEnd(r Result) string {
	if r.Err != nil {
		return fmt.Sprintf("error %t %s\n", r.Told, strings.ReplaceAll(r.Err.Error(), "\n", " "))
	}
	return fmt.Sprintf("ended %d %d %t\n", r.Code, r.Signal, r.Told)
}

func parseReport(line string) (Result, error) {
	var r Result
	if text, ok := strings.CutPrefix(line, "error "); ok {
		told, why, _ := strings.Cut(strings.TrimSpace(text), " ")
		return Result{Err: errors.New(why), Told: told == "true"}, nil
	}
	if _, err := fmt.Sscanf(line, "ended %d %d %t", &r.Code, &r.Signal, &r.Told); err != nil {
		return Result{}, fmt.Errorf("report %q: %w", line, err)
	}
	return r, nil
}
