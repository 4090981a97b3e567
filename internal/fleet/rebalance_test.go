package fleet

import (
	"context"
	"testing"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// looked is a store that counts how often sessions are read.
type looked struct {
	Store
	times int
}

func (l *looked) Sessions(ctx context.Context, ids []session.ID) ([]session.Session, error) {
	l.times++
	return l.Store.Sessions(ctx, ids)
}

// A node that has too much, none of which may be moved, reads what it owns now and then; where somebody wishes the load evened out, at once.
func TestANodeRestsThatSoughtInVain(t *testing.T) {
	t.Parallel()
	r, prefix := redistest.Single(t), redistest.Prefix(t)
	a := join(t, r, prefix, "a", settings{idle: true, rate: 100})
	drafts := make([]session.Draft, 30)
	for i := range drafts {
		drafts[i] = session.Draft{Type: "t", Name: "n", Workspace: "/w", Labels: map[string]string{session.LabelDisruption: session.DisruptionNever}}
	}
	for _, res := range a.CreateBatch(t.Context(), drafts) {
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
	join(t, r, prefix, "b", settings{idle: true})
	l := &looked{Store: a.Service.Store}
	a.Service.Store = l
	await(t, func() string {
		if err := a.evenOut(t.Context()); err != nil {
			return err.Error()
		}
		if l.times == 0 { // it judges nobody yet, or does not know b
			return "nothing was looked at"
		}
		return ""
	})
	once := l.times
	for range 3 {
		if err := a.evenOut(t.Context()); err != nil || l.times != once {
			t.Errorf("it looked %d times more, %v", l.times-once, err)
		}
	}
	if err := a.Requests.Wish(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if err := a.evenOut(t.Context()); err != nil || l.times == once {
		t.Errorf("it did not look when it was wished, %v", err)
	}
}
