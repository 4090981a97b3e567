package clientsuite

import (
	"context"
	"slices"
	"testing"

	"orchestrator/client"
)

// leases follows the first node's assignments, and moves a session away from it.
func leases(t *testing.T, s suite) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nodes := must(s.c.Nodes(ctx))(t)
	d := draft("leases")
	d.Placement.Node = nodes[0].ID
	made := must(s.c.CreateSession(ctx, d))(t)
	moved := make(chan client.Session, 1)
	for l, err := range s.c.Follow(ctx, made.Owner) {
		switch {
		case err != nil:
			t.Fatal(err)
		case l.ID() != made.ID:
			go func() {
				<-l.Context().Done()
				_ = l.Release(context.WithoutCancel(ctx))
			}()
			continue
		case l.Epoch() != made.Epoch || l.Session().Name != made.Name:
			t.Fatalf("%+v at epoch %d, of %+v", l.Session(), l.Epoch(), made)
		}
		must(s.c.PatchSession(ctx, l.ID(), client.Patch{Status: client.Active}, client.Condition{Epoch: l.Epoch()}))(t)
		go func() {
			after, err := s.c.MigrateSession(ctx, made.ID, "")
			if err != nil {
				t.Error(err)
			}
			moved <- after
		}()
		select {
		case <-l.Revoked():
		case <-ctx.Done():
			t.Fatal("the lease was not revoked")
		}
		select {
		case <-moved:
			t.Fatal("it was moved while it was held")
		default:
		}
		if err := l.Context().Err(); err != nil {
			t.Fatalf("the lease ended before its deadline: %v", err)
		}
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
		if l.Context().Err() == nil {
			t.Fatal("a released lease goes on")
		}
		break
	}
	after := <-moved
	if after.Owner == made.Owner || after.Epoch != made.Epoch+1 {
		t.Fatalf("%+v, of %+v", after, made)
	}
	_, err := s.c.PatchSession(ctx, made.ID, client.Patch{Status: client.Idle}, client.Condition{Epoch: made.Epoch})
	wantErr(t, err, client.ErrStaleEpoch)
	held := must(s.c.Assignments(ctx, after.Owner))(t)
	if !slices.ContainsFunc(held, func(a client.Assignment) bool { return a.ID == made.ID && a.Epoch == after.Epoch }) {
		t.Fatalf("%s has no assignment of %s", after.Owner, made.ID)
	}
}
