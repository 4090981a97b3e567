package redisx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

const (
	// enoughFailures in a row open a server's breaker. One call to a silent server makes that many by itself, for go-redis tries again.
	enoughFailures = 3
	// openFor is how long a server is left alone before one call may try it.
	openFor = 500 * time.Millisecond
)

// What a call says of its server, to the breaker.
var (
	errSilent = errors.New("the server did not answer")
	errNoNews = errors.New("nothing is said of the server")
)

// openError refuses a call to a server that does not answer. Nothing was sent.
type openError struct {
	addr  string
	cause error // the failure that came last; may be nil
}

func (e *openError) Error() string {
	return fmt.Sprintf("redis %s does not answer: it is tried again every %s (%v)", e.addr, openFor, e.cause)
}

// breaker keeps calls away from one server that does not answer (Nygard, "Release It!", 2007): after some failures in a row, calls
// fail at once, and one in a while is let through to see.
type breaker struct {
	addr    string
	log     *slog.Logger
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	cause   atomic.Pointer[error]
	used    atomic.Int64 // when it was last asked, Unix nanoseconds
	news    atomic.Int32 // the state that is still to be logged, plus one; 0: none
}

func newBreaker(addr string, log *slog.Logger) *breaker {
	b := &breaker{addr: addr, log: log}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:       openFor,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= enoughFailures },
		IsExcluded:    func(err error) bool { return errors.Is(err, errNoNews) },
		OnStateChange: b.changed,
	})
	b.used.Store(time.Now().UnixNano())
	return b
}

// letThrough is the mark of a context whose call the breaker has let through.
type letThrough struct{}

// through makes a call, or refuses to with an *openError. The greeting of a connection that is made for the call passes the same hooks
// as calls do, and belongs to it: were it judged by itself, it would be refused while the call is the one that may try, and no server
// would ever be found again.
func (b *breaker) through(ctx context.Context, call func(context.Context) error) error {
	if ctx.Value(letThrough{}) != nil {
		return call(ctx)
	}
	b.used.Store(time.Now().UnixNano())
	done, refused := b.circuit.Allow()
	if refused != nil {
		return b.refusal()
	}
	began, said := time.Now(), errNoNews // should call panic
	defer func() {
		done(said)
		b.announce()
	}()
	err := call(context.WithValue(ctx, letThrough{}, true))
	if said = verdict(ctx, err, time.Since(began)); errors.Is(said, errSilent) {
		b.cause.Store(&err)
	}
	return err
}

func (b *breaker) refusal() error {
	refused := &openError{addr: b.addr}
	if cause := b.cause.Load(); cause != nil {
		refused.cause = *cause
	}
	return refused
}

// changed notes a change for announce: the breaker is locked while it is called. Probes that fail are no change.
func (b *breaker) changed(_ string, from, to gobreaker.State) {
	if to == gobreaker.StateClosed || from == gobreaker.StateClosed {
		b.news.Store(int32(to) + 1)
	}
}

func (b *breaker) announce() {
	switch b.news.Swap(0) {
	case int32(gobreaker.StateOpen) + 1:
		b.log.Warn("a redis server does not answer: calls to it fail at once, and it is tried again and again",
			"address", b.addr, "every", openFor, "error", *b.cause.Load())
	case int32(gobreaker.StateClosed) + 1:
		b.log.Info("a redis server answers again", "address", b.addr)
	}
}

// verdict says what a call's outcome tells of the server: nil where it answered, be it with an error; errSilent where it is the server's
// fault that it did not; errNoNews where the caller gave up before the server's time was over, or the failure is this process's own.
func verdict(ctx context.Context, err error, took time.Duration) error {
	var (
		refused *openError
		reply   redis.Error
		netErr  net.Error
	)
	switch {
	case err == nil, errors.As(err, &reply) && !hasCode(err, "LOADING"):
		return nil
	case hasCode(err, "LOADING"):
		return errSilent
	case errors.As(err, &refused), errors.Is(err, context.Canceled), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrClosed):
		return errNoNews
	case took < answerTime*9/10 && over(ctx):
		return errNoNews
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.DeadlineExceeded):
		return errSilent
	}
	return errNoNews
}

// over reports whether the caller's time is up. The deadline of a connection passes a little before its context notices.
func over(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && time.Until(deadline) <= time.Millisecond
}
