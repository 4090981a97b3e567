package sessionstore

import (
	"fmt"
	"testing"
	"time"

	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
)

// The sessions that a server keeps waiting are waited for together, and not one after the other.
func TestATakeoverWaitsOnceForAServerThatIsAway(t *testing.T) {
	t.Parallel()
	const patience, sessions = 200 * time.Millisecond, 20
	server := redistest.NewServer(t)
	b := setup(t, server, 8).dialed(t, server, redisx.Options{Patience: patience}, Config{})
	var all []Takeover
	for i := range sessions {
		all = append(all, Takeover{ID: b.create(t, fmt.Sprint(i), holderA).ID, From: holderA, To: holderB})
	}
	server.Node().Kill(t)
	began := time.Now()
	for _, res := range b.TakeOver(t.Context(), all...) {
		if !unreachable(res.Err) {
			t.Errorf("got %+v", res)
		}
	}
	if took := time.Since(began); took > sessions*patience/2 {
		t.Errorf("it took %s", took)
	}
}
