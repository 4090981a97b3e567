package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// createBatch makes up to session.MaxBatch sessions. Items stand alone: those that are not valid get their problem, the
// others are made. A batch takes no idempotency key; a caller repeats the items that failed.
func (a *api) createBatch(c *gin.Context, _ query) error {
	if err := refuse(c.Request.Header, "If-Match", epochHeader, idempotencyHeader); err != nil {
		return err
	}
	items, err := readItems(c)
	if err != nil {
		return err
	}
	b := newBatch(items)
	if len(b.drafts) > 0 {
		results := a.cfg.Sessions.CreateBatch(c.Request.Context(), b.drafts)
		if len(results) != len(b.drafts) {
			return fmt.Errorf("batch of %d drafts came back with %d results", len(b.drafts), len(results))
		}
		b.settle(results)
	}
	a.logBatch(c, b)
	return reply(c, http.StatusOK, b.view(requestID(c)))
}

// batch is the items of one request on their way: drafts holds the valid ones, at says where each belongs in results.
type batch struct {
	results []session.Result
	drafts  []session.Draft
	at      []int
}

func newBatch(items []json.RawMessage) *batch {
	b := &batch{results: make([]session.Result, len(items))}
	for i, item := range items {
		draft, err := decodeItem(item)
		if err != nil {
			b.results[i].Err = err
			continue
		}
		b.drafts, b.at = append(b.drafts, draft), append(b.at, i)
	}
	return b
}

func decodeItem(item json.RawMessage) (session.Draft, error) {
	if len(item) > MaxBody {
		return session.Draft{}, &session.TooLargeError{Thing: "session", Used: len(item), Limit: MaxBody}
	}
	members, err := parseObject(item)
	if err != nil {
		return session.Draft{}, err
	}
	return decodeDraft(members)
}

func (b *batch) settle(results []session.Result) {
	for i, r := range results {
		b.results[b.at[i]] = r
	}
}

func (b *batch) view(requestID string) batchView {
	view := batchView{Results: make([]itemView, len(b.results))}
	for i, r := range b.results {
		if r.Err != nil {
			p := problemOf(r.Err, true)
			p.RequestID = requestID
			view.Results[i] = itemView{Status: p.Status, Problem: &p}
			continue
		}
		s := viewSession(r.Session)
		view.Results[i] = itemView{Status: http.StatusCreated, Session: &s}
	}
	return view
}

// logBatch tells of items that failed for no fault of the caller's: the answer as a whole is a success, which the access log
// alone would show.
func (a *api) logBatch(c *gin.Context, b *batch) {
	failed := 0
	var first error
	for _, r := range b.results {
		if r.Err != nil && problemOf(r.Err, true).Status >= http.StatusInternalServerError {
			if failed++; first == nil {
				first = r.Err
			}
		}
	}
	if failed > 0 {
		a.cfg.Log.WarnContext(c.Request.Context(), "sessions of a batch were not made",
			"requestId", requestID(c), "failed", failed, "of", len(b.results), "first", first)
	}
}
