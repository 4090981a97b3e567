package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"orchestrator/bench/peers/peer"
)

// The limits of flags.
const (
	mostCallers  = 4096
	mostSessions = 10_000_000
	mostBody     = 256 << 10
	mostRounds   = 100
	leastLease   = time.Second
	longest      = time.Hour
)

// defaultSessions are made in a round where neither a number nor a duration is asked for.
const defaultSessions = 20_000

// options are the flags, checked.
type options struct {
	peers    []string
	callers  int
	sessions int
	duration time.Duration
	takeover int
	body     int
	lease    time.Duration
	rounds   int
	redis    string
	dir      string
	output   string
}

// badFlag is a flag's value that is refused.
type badFlag struct {
	Flag, Value, Limit string
}

func (e badFlag) Error() string { return fmt.Sprintf("-%s %s: must be %s", e.Flag, e.Value, e.Limit) }

// parse reads the flags. It returns [flag.ErrHelp] when help was asked for and written, and badFlag for a value out of its limits.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	names := f.String("peer", "all", "`names`, with commas: "+strings.Join(peer.Names(), ", ")+", or all")
	f.IntVar(&o.callers, "callers", 64, "call at once")
	f.IntVar(&o.sessions, "sessions", 0, "to make in a round at the most; 20000 unless -duration is given")
	f.DurationVar(&o.duration, "duration", 0, "of each operation in a round at the most")
	f.IntVar(&o.takeover, "takeover", 1000, "sessions at the most that get another owner in a round")
	f.IntVar(&o.body, "body", 300, "`bytes` of a record")
	f.DurationVar(&o.lease, "lease", 30*time.Second, "how long a lease lasts without renewal")
	f.IntVar(&o.rounds, "rounds", 3, "all variants run once in each, every one on a new server")
	f.StringVar(&o.redis, "redis", "", "`host:port` of a Redis server to use for raw and redsync; else redis-server is started from PATH")
	f.StringVar(&o.dir, "dir", os.TempDir(), "the servers' data lies below; where fsync counts, on a real disk")
	f.StringVar(&o.output, "o", "table", "`form`: table or json")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o.checked(*names)
}

// checked fills in what follows from other flags and holds all to their limits.
func (o options) checked(names string) (options, error) {
	if o.sessions == 0 {
		o.sessions = defaultSessions
		if o.duration > 0 {
			o.sessions = mostSessions
		}
	}
	o.peers = peer.Names()
	if names != "all" {
		o.peers = strings.Split(names, ",")
	}
	for _, name := range o.peers {
		if !slices.Contains(peer.Names(), name) {
			return o, badFlag{"peer", name, "all, or of " + strings.Join(peer.Names(), ", ")}
		}
	}
	if o.output != "table" && o.output != "json" {
		return o, badFlag{"o", o.output, "table or json"}
	}
	if o.lease%time.Second != 0 {
		return o, badFlag{"lease", o.lease.String(), "in whole seconds"}
	}
	for _, b := range []struct {
		flag               string
		value, least, most int64
		show               func(int64) string
	}{
		{"callers", int64(o.callers), 1, mostCallers, number},
		{"sessions", int64(o.sessions), 1, mostSessions, number},
		{"takeover", int64(o.takeover), 0, mostSessions, number},
		{"body", int64(o.body), 1, mostBody, number},
		{"rounds", int64(o.rounds), 1, mostRounds, number},
		{"duration", int64(o.duration), 0, int64(longest), duration},
		{"lease", int64(o.lease), int64(leastLease), int64(longest), duration},
	} {
		if b.value < b.least || b.value > b.most {
			return o, badFlag{b.flag, b.show(b.value), "from " + b.show(b.least) + " to " + b.show(b.most)}
		}
	}
	return o, nil
}

func number(n int64) string { return fmt.Sprint(n) }

func duration(n int64) string { return time.Duration(n).String() }
