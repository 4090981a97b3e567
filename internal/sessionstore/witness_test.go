package sessionstore

import (
	"fmt"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// One record that went back is mended; where all went back together nothing in Redis can tell, and the node that acknowledged the change
// does, once.
func TestTheLossOfAllRecordsIsNoticed(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		d := damaged{bundle: setup(t, r, 8)}
		d.made = d.create(t, "one", holderA)
		places := append([]int{home}, d.chainFor(d.p())...)
		olds := make([]still, len(places))
		for i, tag := range places {
			olds[i] = d.take(t, d.made.ID, tag)
		}
		d.update(t)
		if len(places) > 1 {
			d.back(t, home, olds[0])
			d.verified(t, 0)
		}
		for i, tag := range places {
			d.back(t, tag, olds[i])
		}
		d.verified(t, 1)
		d.verified(t, 0)
		d.update(t)
		d.remove(t)
		d.verified(t, 0)
		for _, tag := range places {
			d.back(t, tag, still{})
		}
		d.verified(t, 1)
	})
}

// verified holds how many sessions are found to have lost what was acknowledged.
func (d damaged) verified(t *testing.T, want int) {
	t.Helper()
	lost, _, err := d.Verify(t.Context())
	if err != nil || len(lost) != want || want > 0 && lost[0] != d.made.ID {
		t.Fatalf("%v %v, want %d", lost, err, want)
	}
}

func TestAWitnessRemembersSoManyAndNoMore(t *testing.T) {
	t.Parallel()
	w := &witness{}
	for i := range 2 * witnessed {
		id := session.ID(fmt.Sprint(i))
		w.saw(id, "first")
		w.saw(id, "last")
	}
	all := w.some(10 * witnessed)
	if len(all) != witnessed || all["0"] != "" || all[session.ID(fmt.Sprint(2*witnessed-1))] != "last" {
		t.Fatalf("%d are remembered", len(all))
	}
	if some := w.some(10); len(some) != 10 {
		t.Fatalf("asked for 10, got %d", len(some))
	}
	w.forget("0", "first")
	w.forget(session.ID(fmt.Sprint(witnessed)), "first") // another came since
	w.forget(session.ID(fmt.Sprint(witnessed)+"1"), "last")
	if n := len(w.some(10 * witnessed)); n != witnessed {
		t.Fatalf("%d are remembered", n)
	}
	w.forget(session.ID(fmt.Sprint(witnessed)), "last")
	if n := len(w.some(10 * witnessed)); n != witnessed-1 {
		t.Fatalf("%d are remembered", n)
	}
}
