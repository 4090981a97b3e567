package registry

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed report.lua
var reportSource string

var reportScript = redisx.NewScript("report", reportSource)

const (
	// verdictKept is for how many GossipIntervals a verdict stands unless it is repeated.
	verdictKept = 5
	// maxWhy bounds the reason of a verdict, in bytes.
	maxWhy = 200
)

// Verdict is what this node holds of a peer that it watches.
type Verdict struct {
	About    session.Holder
	Why      string // why it cannot serve; empty: it serves. Shown to people: cut at 200 bytes, control characters made spaces
	Watchers int    // how many nodes watch it, this one among them, as far as this node knows; at least 1
}

// Report notes this node's verdict on a peer in place of its former one; a verdict that the peer cannot serve stands for five
// GossipIntervals and should be repeated within them. While more than half of the watchers hold that the peer cannot serve it is
// quarantined: it is given no sessions, and keeps what it has. Report says whether it is now; a peer that is not registered
// is not. It returns session.ErrFenced where this node does not trust itself: such a node judges nobody. It returns a
// *session.InvalidError, or a *session.UnavailableError where Redis does not answer.
func (r *Registry) Report(ctx context.Context, v Verdict) (quarantined bool, err error) {
	self := r.Self().Node
	switch {
	case v.About.Node == self:
		return false, session.Invalid("about", "is this node itself")
	case v.Watchers < 1:
		return false, session.Invalid("watchers", fmt.Sprintf("is %d, must be at least 1", v.Watchers))
	case !r.Trusted():
		return false, fmt.Errorf("report on %s: %w", v.About.Node, session.ErrFenced)
	}
	keys := []string{r.keys.Node(v.About.Node), r.keys.Verdicts(v.About.Node)}
	kept := max(verdictKept*r.cfg.GossipInterval, time.Millisecond)
	reply, err := r.redis.Run(ctx, reportScript, keys, v.About.Incarnation, string(self), readable(v.Why), v.Watchers, kept.Milliseconds())
	if err != nil {
		return false, err
	}
	answer, ok := reply.(int64)
	if !ok {
		return false, unexpected(reportScript, reply)
	}
	return answer == 1, nil
}

// readable makes a reason fit to be shown. One that holds nothing to be shown is a reason still.
func readable(why string) string {
	if why == "" {
		return ""
	}
	text := strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(why, " ")))
	if text == "" {
		return "no reason given"
	}
	if len(text) <= maxWhy {
		return text
	}
	end := maxWhy
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
