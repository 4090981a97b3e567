package redisx

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/session"
)

// Unavailable returns a *session.UnavailableError.
func Unavailable(reason string, err error) error {
	return &session.UnavailableError{Reason: reason, Err: err}
}

// reasons says in words what a server's refusal means for an operator.
var reasons = []struct{ code, reason string }{
	{"OOM", "redis is out of memory"},
	{"NOAUTH", "redis wants a password"},
	{"WRONGPASS", "redis refused the user name or password"},
	{"NOPERM", "the redis user lacks a permission"},
	{"CLUSTERDOWN", "the cluster does not serve this slot"},
	{"LOADING", "redis is loading its data"},
	{"READONLY", "redis is a read-only replica"},
	{"MASTERDOWN", "the replica's master is down"},
	{"TRYAGAIN", "the slot is being moved"},
	{"MOVED", "the slot has moved"},
	{"ASK", "the slot is being moved"},
	{"NOREPLICAS", "redis has too few replicas to accept writes"},
	{"MISCONF", "redis cannot persist and refuses writes"},
	{"BUSY", "redis is busy with a script"},
}

// Wrap turns an error of go-redis into the domain's: nil stays nil, cancellation stays what it is, all else becomes a
// *session.UnavailableError that says in words what happened.
func Wrap(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable("redis did not answer in time", err)
	}
	var already *session.UnavailableError
	if errors.As(err, &already) {
		return err
	}
	var refused *openError
	if errors.As(err, &refused) {
		return Unavailable("a redis server does not answer", err) // which one is in the log: clients are not told addresses
	}
	if reason, ok := reasonOf(err); ok {
		return Unavailable(reason, err)
	}
	return Unavailable("redis failed", err)
}

func reasonOf(err error) (string, bool) {
	for _, r := range reasons {
		if hasCode(err, r.code) {
			return r.reason, true
		}
	}
	return "", false
}

// transient reports whether the same call may succeed a little later.
func transient(err error) bool {
	var (
		netErr  net.Error
		refused *openError
	)
	switch {
	case err == nil, errors.Is(err, redis.Nil), errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &refused):
		return true
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, redis.ErrPoolTimeout):
		return true
	}
	return hasCode(err, "TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN", "MOVED", "ASK", "NOREPLICAS")
}
