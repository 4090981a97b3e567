package bench

import (
	"fmt"
	"strings"
	"time"

	load "orchestrator/internal/bench"

	"orchestrator/integration/harness"
)

// steady is for how long nodes have known each other before one is killed: they judge others only after a whole heartbeatTimeout, and a
// node that was started again is watched by then.
const steady = 8 * time.Second

// takeover kills the node that owns everything, again and again: each time the other one takes over.
func (s *suite) takeover() {
	s.tb.Helper()
	f := s.fleet(three.site, 1, three.factor)
	defer f.end()
	g := s.generator(f.urls(), func(c *load.Config) { c.Concurrency = batchCallers })
	s.fill(g, s.size.moved)
	g.Close()
	f.join(1)
	for round := range s.size.rounds {
		victim, heir := f.nodes[round%2], f.nodes[(round+1)%2]
		s.await("both nodes are steady", func() bool {
			return f.local(victim).Node.UptimeSeconds > steady.Seconds() && f.local(heir).Node.UptimeSeconds > steady.Seconds()
		})
		s.add("takeover.time", s.killed(victim, heir).Seconds())
		victim.Restart(s.tb)
		victim.WaitReady(s.tb)
	}
}

// killed is how long after its end a node's sessions are the heir's, by the clock in the line with which the heir says so.
func (s *suite) killed(victim, heir *harness.Process) time.Duration {
	s.tb.Helper()
	said := func() []string { return heir.Logged("recovered", "lost 0", "dead="+victim.Name()) }
	before := said()
	began := time.Now()
	victim.Kill(s.tb)
	var line string
	s.await(heir.Name()+" says that it has recovered the sessions of "+victim.Name(), func() bool {
		news := said()[len(before):]
		if len(news) > 0 {
			line = news[0]
		}
		return len(news) > 0
	})
	at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(strings.Fields(line)[0], "time="))
	if err != nil {
		s.tb.Fatalf("bench: %v", err)
	}
	if want := fmt.Sprintf("recovered %d,", s.size.moved); !strings.Contains(line, want) {
		s.tb.Errorf("bench: %s does not say %q but: %s", heir.Name(), want, line)
	}
	return at.Sub(began)
}
