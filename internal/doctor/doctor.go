package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

// patience is how long a call is tried again: less than a node has, for a server that does not answer is a finding.
const patience = time.Second

// Config says which fleet to examine, and what it is meant to be.
type Config struct {
	Redis             redisx.Options // how to reach it; its Patience is the doctor's own
	Prefix            string
	Partitions        int
	ReplicationFactor int
	HeartbeatTimeout  time.Duration
	Sessions          bool        // also look where each session's records lie
	Progress          func(n int) // told of so many more sessions looked at, by several goroutines; nil: nobody is
}

// Status is how a finding weighs.
type Status string

// What a finding may be.
const (
	OK   Status = "ok"
	Warn Status = "warn" // the fleet runs, and something is not as it should be
	Fail Status = "fail" // the fleet cannot run so, a promise is broken, or it could not be found out
)

// Finding is what one check found.
type Finding struct {
	Status   Status       `json:"status"`
	Check    string       `json:"check"`
	Found    string       `json:"found"`
	Do       string       `json:"do,omitempty"`       // what to do about it
	Sessions []session.ID `json:"sessions,omitempty"` // that it is about, MaxSessions of them at the most
}

// Report is everything that was found.
type Report struct {
	OK       int       `json:"ok"`
	Warn     int       `json:"warn"`
	Fail     int       `json:"fail"`
	Findings []Finding `json:"findings"`
}

// Examine makes all checks, and ends with its context at the latest: what there was no time for is told as failed. It returns a
// *session.InvalidError for a bad configuration.
func Examine(ctx context.Context, cfg Config) (Report, error) {
	keys, err := keyspace.New(cfg.Prefix, cfg.Partitions)
	if err != nil {
		return Report{}, err
	}
	e := &exam{cfg: cfg, keys: keys}
	if e.cfg.Progress == nil {
		e.cfg.Progress = func(int) {}
	}
	cfg.Redis.Patience = patience
	if e.redis, err = redisx.Look(ctx, cfg.Redis); err != nil {
		if refused := (*session.InvalidError)(nil); errors.As(err, &refused) {
			return Report{}, err
		}
		e.tell(Fail, "reach", reason(err), "see that the seeds are right, that Redis runs, and that its user, password and certificates are those given")
		return e.report, nil
	}
	defer func() { _ = e.redis.Close() }()
	servers := e.redis.Servers(ctx, keys.Meta())
	e.servers(servers)
	e.cluster(servers)
	e.fleet(ctx)
	return e.report, nil
}

// exam is one examination under way.
type exam struct {
	cfg    Config
	keys   *keyspace.Keys
	redis  *redisx.Client
	report Report
}

// tell adds a finding.
func (e *exam) tell(status Status, check, found, do string) {
	e.add(Finding{Status: status, Check: check, Found: found, Do: do})
}

func (e *exam) add(f Finding) {
	switch f.Status {
	case OK:
		e.report.OK++
	case Warn:
		e.report.Warn++
	case Fail:
		e.report.Fail++
	}
	e.report.Findings = append(e.report.Findings, f)
}

// unread tells that a check could not be made.
func (e *exam) unread(check string, err error) {
	if redisx.Forbidden(err) {
		e.tell(Warn, check, "not asked: "+reason(err), "give the user the rights that deploy/redis/users.acl has")
		return
	}
	e.tell(Fail, check, "not found out: "+reason(err), "mend what is told above, or give it more time (--timeout)")
}

// reason is an error in one line, without what is the same of all.
func reason(err error) string {
	return strings.NewReplacer("store unavailable: ", "", "\n", "; ").Replace(err.Error())
}

// count is a number with its word: "1 server", "2 servers".
func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// listed joins names in order, each once.
func listed(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
