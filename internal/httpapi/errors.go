package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"orchestrator/internal/session"
)

// How long a caller is asked to wait where the error itself does not say.
const (
	retryStore    = time.Second     // a master's failover takes a few of these
	retryDraining = time.Second     // the load balancer has taken the node out by then
	retryCapacity = 5 * time.Second // sessions end, or nodes join
	retryLimit    = time.Second     // others of its kind end
)

// rule makes the problem of one error of the domain. write says whether the request would have changed something.
type rule func(err error, write bool) (problem, bool)

// rules is the table of every error that a caller may be told of, most telling first: an error may wrap others. What matches
// none is internal, and only the log says what it was.
var rules = []rule{
	as(func(p problem) problem { return p }),
	as(invalidProblem),
	as(tooLargeProblem),
	as(staleEpochProblem),
	as(versionMismatchProblem),
	as(besideChangedProblem),
	as(cursorGoneProblem),
	as(heldProblem),
	as(noCapacityProblem),
	as(corruptProblem),
	as(limitProblem),
	as(eventsGoneProblem),
	is(session.ErrNotFound, sessionNotFound.because("no session has this id, or it was deleted")),
	is(session.ErrContextNotFound, contextNotFound.because("the session has no context: it was never written, or was deleted")),
	is(session.ErrNodeNotFound, nodeNotFound.because("no node of this name is registered")),
	is(session.ErrWatcherNotFound, watcherNotFound.because("no stream of this node has this watcher id, or it has ended: drop what it told, and follow anew")),
	is(session.ErrIdempotencyMismatch, idempotencyMismatch.because("the Idempotency-Key was used with another body; use a new key for another session")),
	is(session.ErrLeaseLost, leaseHeld.because("another node has the session's lease, or none has: read the session and decide again").retry(retryStore)),
	is(session.ErrDraining, draining.because("this node is leaving and takes no more work: ask another").retry(retryDraining)),
	is(session.ErrFenced, storeUnavailable.because("this node's registration has ended, and it acts for no session until it is renewed: ask another").retry(retryStore)),
	is(session.ErrUnknownOutcome, storeUnavailable.because(unknownOutcome).retry(retryStore)),
	as(unavailableProblem),
	timeoutProblem,
}

const unknownOutcome = "the change may or may not have been applied: read the session before repeating it, " +
	"or repeat it with the Idempotency-Key or the If-Match that it carried"

// problemOf returns the problem that err stands for.
func problemOf(err error, write bool) problem {
	for _, r := range rules {
		if p, ok := r(err, write); ok {
			return p
		}
	}
	return internalError.because("the node met an error that it did not expect; its log has more under this request's id")
}

// as is a rule for an error type.
func as[E error](of func(E) problem) rule {
	return func(err error, _ bool) (problem, bool) {
		var e E
		if !errors.As(err, &e) {
			return problem{}, false
		}
		return of(e), true
	}
}

// is is a rule for an error value.
func is(target error, p problem) rule {
	return func(err error, _ bool) (problem, bool) { return p, errors.Is(err, target) }
}

func invalidProblem(e *session.InvalidError) problem {
	p := invalidRequest.because(e.Error())
	p.Field = clip(e.Field)
	return p
}

func tooLargeProblem(e *session.TooLargeError) problem {
	return tooLarge.because(e.Error()).sized(e.Used, e.Limit)
}

func staleEpochProblem(e *session.StaleEpochError) problem {
	p := staleEpoch.because(e.Error() + ": stop acting for it")
	p.CurrentEpoch, p.Owner = e.Current, string(e.Owner)
	return p
}

func versionMismatchProblem(e *session.VersionMismatchError) problem {
	p := versionMismatch.because(e.Error())
	if e.Current != "" && e.Current != (session.Stamp{}).String() {
		p.CurrentETag = quote(e.Current)
	}
	return p
}

func besideChangedProblem(e *session.BesideChangedError) problem {
	return versionMismatch.because(e.Error())
}

func cursorGoneProblem(e *session.CursorGoneError) problem {
	p := cursorGone.because(e.Error() + ": read after " + e.Oldest.String() + ", which misses nothing that is kept")
	p.Oldest = e.Oldest.String()
	return p
}

func heldProblem(e *session.HeldError) problem {
	p := leaseHeld.because(e.Error()).retry(max(e.For, time.Second))
	p.Owner, p.CurrentEpoch, p.RemainingMs = string(e.Holder.Node), e.Epoch, max(e.For.Milliseconds(), 0)
	return p
}

func noCapacityProblem(e *session.NoCapacityError) problem {
	p := noCapacity.because(e.Error()).sized(e.Used, e.Limit).retry(retryCapacity)
	for _, n := range e.Nodes {
		p.Nodes = append(p.Nodes, passedOver{string(n.Node), n.Reason})
	}
	return p
}

func limitProblem(e *session.LimitError) problem {
	return rateLimited.because(e.Error()).sized(e.Used, e.Limit).retry(retryLimit)
}

func eventsGoneProblem(e *session.EventsGoneError) problem {
	p := cursorGone.because(e.Error() + ": list sessions and nodes again, then go on from the cursor in latest")
	p.Latest = e.Latest
	return p
}

func corruptProblem(e *session.CorruptError) problem {
	p := unreadableRecord.because(e.Error() + "; it was left as it is")
	p.Key, p.Reason = e.Key, e.Reason
	return p
}

// unavailableProblem tells the reason alone: the cause below it names addresses that are an operator's affair.
func unavailableProblem(e *session.UnavailableError) problem {
	if e.HandOver {
		return storeUnavailable.because(e.Reason).retry(retryStore)
	}
	return storeUnavailable.because("the store is unavailable: " + e.Reason).retry(retryStore)
}

// timeoutProblem is the rule for a request that ran out of its time, or was cut off by a node that stops.
func timeoutProblem(err error, write bool) (problem, bool) {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return problem{}, false
	}
	detail := "the store did not answer in time"
	if write {
		detail += "; " + unknownOutcome
	}
	return storeUnavailable.because(detail).retry(retryStore), true
}

// clientGone reports whether err came of the caller's connection being closed, not of anything that went wrong here.
func clientGone(ctx context.Context, err error) bool {
	return errors.Is(err, context.Canceled) && errors.Is(ctx.Err(), context.Canceled)
}

func writes(method string) bool { return method != http.MethodGet && method != http.MethodHead }

// quote makes an entity tag of a stamp.
func quote(stamp string) string {
	if strings.HasPrefix(stamp, `"`) {
		return stamp
	}
	return `"` + stamp + `"`
}
