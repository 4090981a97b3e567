package fleet

import "testing"

// Whoever watches a session is woken by its messages and by no others', once for many, and not after it has left.
func TestWatchersAreWoken(t *testing.T) {
	t.Parallel()
	var w watchers
	one, leave := w.watch("a")
	other, leaveOther := w.watch("b")
	w.wake("a")
	w.wake("a")
	if len(one) != 1 || len(other) != 0 {
		t.Errorf("%d and %d wakes", len(one), len(other))
	}
	leave()
	<-one
	w.wake("a")
	if len(one) != 0 {
		t.Error("woken after leaving")
	}
	if leaveOther(); len(w.all) != 0 {
		t.Errorf("%d sessions are still watched", len(w.all))
	}
}
