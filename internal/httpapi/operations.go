package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// Limits of a drain.
const (
	DefaultDrain = 30 * time.Second // where its deadline is not given
	MaxDrain     = 24 * time.Hour
)

// drainNode has a node hand its sessions over. The answer says that it has begun; the node shows how far it is.
func (a *api) drainNode(c *gin.Context, _ query) error {
	id, err := nodeID(c)
	if err != nil {
		return err
	}
	if err := refusePromises(c.Request.Header); err != nil {
		return err
	}
	members, err := readOptionalObject(c)
	if err != nil {
		return err
	}
	within, err := decodeDrain(members)
	if err != nil {
		return err
	}
	n, err := a.cfg.Operations.Drain(c.Request.Context(), id, within)
	if err != nil {
		return err
	}
	return reply(c, http.StatusAccepted, viewNode(n))
}

func decodeDrain(members map[string]any) (time.Duration, error) {
	f := read(members)
	within := f.duration("deadline")
	if _, given := f.take("deadline"); !given {
		within = DefaultDrain
	}
	if within <= 0 || within > MaxDrain {
		f.wrong("deadline", fmt.Sprintf("must be more than nothing and at most %s from now", MaxDrain))
	}
	return within, f.done()
}

// rebalance evens out the load, or says only what it would do.
func (a *api) rebalance(c *gin.Context, q query) error {
	dryRun, err := boolean(q, "dryRun")
	if err != nil {
		return err
	}
	if err := refusePromises(c.Request.Header); err != nil {
		return err
	}
	members, err := readOptionalObject(c)
	if err != nil {
		return err
	}
	if err := read(members).done(); err != nil { // the route has no fields
		return err
	}
	r, err := a.cfg.Operations.Rebalance(c.Request.Context(), dryRun)
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if dryRun {
		status = http.StatusOK
	}
	return reply(c, status, viewRebalance(r, dryRun))
}

// boolean reads a parameter that is true or false; false where it is absent.
func boolean(q query, name string) (bool, error) {
	switch s := q.get(name); {
	case s == "true":
		return true, nil
	case s == "false", !q.has(name):
		return false, nil
	}
	return false, session.Invalid(name, "must be true or false")
}

// rebalanceView is what evening out the load takes. Sessions names the first that would move, at most session.RebalanceShown.
type rebalanceView struct {
	DryRun   bool                `json:"dryRun"`
	Moves    int                 `json:"moves"`
	Nodes    []rebalanceNodeView `json:"nodes"`
	Sessions []rebalanceMoveView `json:"sessions"`
}

type rebalanceNodeView struct {
	ID       session.NodeID `json:"id"`
	Sessions int            `json:"sessions"`
	Target   int            `json:"target"`
	Give     int            `json:"give"`    // sessions it has to give away; 0 for one that is given some
	Movable  int            `json:"movable"` // of those, how many may be moved now
}

type rebalanceMoveView struct {
	ID   session.ID     `json:"id"`
	From session.NodeID `json:"from"`
}

func viewRebalance(r session.Rebalance, dryRun bool) rebalanceView {
	view := rebalanceView{
		DryRun: dryRun, Moves: r.Moves,
		Nodes: make([]rebalanceNodeView, len(r.Nodes)), Sessions: make([]rebalanceMoveView, len(r.Sessions)),
	}
	for i, n := range r.Nodes {
		view.Nodes[i] = rebalanceNodeView{n.Node, n.Sessions, n.Target, max(0, n.Sessions-n.Target), n.Movable}
	}
	for i, m := range r.Sessions {
		view.Sessions[i] = rebalanceMoveView{m.Session, m.From}
	}
	return view
}
