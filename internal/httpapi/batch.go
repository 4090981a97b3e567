package httpapi

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orchestrator/internal/session"
)

// createBatch makes up to session.MaxBatch sessions. Items stand alone: those that are not valid get their problem, the
// others are made. A batch takes no idempotency key; a caller repeats the items that failed.
func (a *api) createBatch(c *gin.Context, _ query) error {
	if err := refusePromises(c.Request.Header); err != nil {
		return err
	}
	b, err := readItems(c)
	if err != nil {
		return err
	}
	var made []session.Result
	if len(b.drafts) > 0 {
		made = a.cfg.Sessions.CreateBatch(c.Request.Context(), b.drafts)
		if len(made) != len(b.drafts) {
			return fmt.Errorf("batch of %d drafts came back with %d results", len(b.drafts), len(made))
		}
	}
	results := b.results(made)
	a.logBatch(c, results)
	return reply(c, http.StatusOK, batchView{results, requestID(c)})
}

// batch is the items of one request as they were read: drafts of the valid ones, and for every item what is wrong with it, or nil.
type batch struct {
	drafts []session.Draft
	wrong  []error
	beyond int // items past session.MaxBatch, of which nothing else is known
}

// full reports whether the batch holds as many items as it may; if so, it counts another one.
func (b *batch) full() bool {
	if len(b.wrong) < session.MaxBatch {
		return false
	}
	b.beyond++
	return true
}

// add takes the next item, as it was read or with the reason why it could not be.
func (b *batch) add(members map[string]any, err error) {
	if err == nil {
		var draft session.Draft
		if draft, err = decodeDraft(members); err == nil {
			b.drafts = append(b.drafts, draft)
		}
	}
	b.wrong = append(b.wrong, bodyError(err))
}

// results returns every item's outcome in order: made has those of the drafts.
func (b *batch) results(made []session.Result) []session.Result {
	if len(made) == len(b.wrong) {
		return made
	}
	all := make([]session.Result, len(b.wrong))
	for i, err := range b.wrong {
		if err != nil {
			all[i].Err = err
			continue
		}
		all[i], made = made[0], made[1:]
	}
	return all
}

// logBatch tells of items that failed for no fault of the caller's: the answer as a whole is a success, which the access log
// alone would show.
func (a *api) logBatch(c *gin.Context, results []session.Result) {
	failed := 0
	var first error
	for _, r := range results {
		if r.Err != nil && problemOf(r.Err, true).Status >= http.StatusInternalServerError {
			if failed++; first == nil {
				first = r.Err
			}
		}
	}
	if failed > 0 {
		a.cfg.Log.WarnContext(c.Request.Context(), "sessions of a batch were not made",
			"requestId", requestID(c), "failed", failed, "of", len(results), "first", first)
	}
}
