package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// listAssignments answers for any node, from Redis.
func (a *api) listAssignments(c *gin.Context, _ query) error {
	id, err := nodeID(c)
	if err != nil {
		return err
	}
	all, err := a.cfg.Nodes.Assignments(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return reply(c, http.StatusOK, assignmentsView(all))
}

// followAssignments tells a process beside this node what to run, until one of both ends it. The rules for that process are those of
// package assignments.
func (a *api) followAssignments(c *gin.Context, _ query) error {
	ctx := c.Request.Context()
	if err := a.hereOnly(c); err != nil {
		return err
	}
	near := callerOf(c).beside
	if !near {
		leave, err := a.remote.take()
		if err != nil {
			return err
		}
		defer leave()
	}
	f, err := a.cfg.Board.Follow(ctx)
	if err != nil {
		return err
	}
	defer f.Cut("broken") // unless it has ended in an orderly way
	out := openEvents(c, a.eventTimeout)
	for {
		ev, err := f.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && near && !a.stopped.Load():
			f.Close() // the caller has closed its connection; a server that stops closes them too, and that says nothing
			return nil
		case err != nil: // between machines a network, or what stands in it, ends connections too
			return nil
		}
		if err := out.send(string(ev.Kind), viewEvent(ev)); err != nil {
			_ = c.Error(fmt.Errorf("write to a follower: %w", err))
			return nil
		}
	}
}

func (a *api) ackAssignments(c *gin.Context, _ query) error {
	if err := refusePromises(c.Request.Header); err != nil {
		return err
	}
	members, err := readObject(c, typeJSON)
	if err != nil {
		return err
	}
	watcher, released, err := decodeAck(members)
	if err != nil {
		return err
	}
	if err := a.hereOnly(c); err != nil {
		return err
	}
	if err := a.cfg.Board.Ack(watcher, released...); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

func decodeAck(members map[string]any) (watcher string, released []assignments.Released, err error) {
	f := read(members)
	if watcher = f.text("watcher"); watcher == "" {
		f.wrong("watcher", "is required: the snapshot names it")
	}
	count := f.list("released", func(r *fields) {
		id, err := session.ParseID(r.text("id"))
		if err != nil {
			r.wrong("id", "must be the id of a session")
		}
		released = append(released, assignments.Released{ID: id, Epoch: r.epoch("epoch")})
	})
	if count == 0 {
		f.wrong("released", "must name at least one session")
	}
	if err := f.done(); err != nil {
		return "", nil, err
	}
	if count > MaxReleased {
		return "", nil, &session.TooLargeError{Thing: "released (their number)", Used: count, Limit: MaxReleased}
	}
	return watcher, released, nil
}

// hereOnly refuses a path that names another node: the followers of a node and what they hold are known to itself alone. It says where
// that node is.
func (a *api) hereOnly(c *gin.Context) error {
	id, err := nodeID(c)
	if err != nil || id == a.cfg.Node {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	n, err := a.cfg.Nodes.Node(ctx, id)
	if err != nil {
		return err
	}
	p := wrongNode.because("this is node " + string(a.cfg.Node) + ": ask node " + string(id) + " itself, at " + net.JoinHostPort(n.Host, strconv.Itoa(n.Port)))
	p.Host, p.Port = n.Host, n.Port
	return p
}

type assignmentsView []session.Assignment

func (v assignmentsView) write(w *writer) {
	w.object(1)
	w.name("assignments")
	v.writeArray(w)
	w.end('}')
}

func (v assignmentsView) writeArray(w *writer) {
	w.array(len(v))
	for _, as := range v {
		assignmentView(as).write(w)
	}
	w.end(']')
}

type assignmentView session.Assignment

func (v assignmentView) write(w *writer) {
	w.object(3)
	w.name("id").text(string(v.Session.ID))
	w.name("epoch").unsigned(v.Session.Stamp.Epoch)
	w.name("session")
	(*sessionView)(&v.Session).write(w)
	w.end('}')
}

// The events of a stream of assignments, one view for each kind.
type (
	snapshotView assignments.Event
	revokedView  struct {
		ID       session.ID `json:"id"`
		Epoch    uint64     `json:"epoch"`
		Deadline instant    `json:"deadline"`
	}
	validView struct {
		Until instant `json:"until"`
	}
	endView struct {
		Reason string `json:"reason"`
	}
)

func viewEvent(ev assignments.Event) any {
	switch ev.Kind {
	case assignments.Snapshot:
		return snapshotView(ev)
	case assignments.Assigned:
		return assignmentView(ev.Assignment)
	case assignments.Revoked:
		return revokedView{ev.ID, ev.Epoch, instant(ev.Deadline)}
	case assignments.Valid:
		return validView{instant(ev.Until)}
	case assignments.End:
	}
	return endView{ev.Reason}
}

func (v snapshotView) write(w *writer) {
	w.object(5)
	w.name("watcher").text(v.Watcher)
	w.name("node").text(string(v.Holder.Node))
	w.name("incarnation").text(v.Holder.Incarnation)
	w.name("until").instant(v.Until)
	w.name("assignments")
	assignmentsView(v.Assignments).writeArray(w)
	w.end('}')
}
