package doctor

import (
	"fmt"
	"strconv"
	"time"

	"orchestrator/internal/redisx"
)

const (
	muchMemory  = 75 // percent of maxmemory
	clocksApart = time.Second
)

// serverCheck is what every server passes, or what is told of it.
type serverCheck struct {
	name  string
	about func(redisx.Server) bool // nil: every server
	judge func(redisx.Server) (status Status, found, do string)
	fine  func(all []redisx.Server) string // what is told where all pass
}

var serverChecks = []serverCheck{
	{"version", nil, version, func(all []redisx.Server) string { return "Redis " + told(all, "redis_version") }},
	{"eviction", nil, eviction, func(all []redisx.Server) string { return "maxmemory-policy " + told(all, "maxmemory_policy") }},
	{"memory", nil, memory, mostMemory},
	{"persistence", nil, persistence, func([]redisx.Server) string { return "all append to a file, and could the last time" }},
	{"replication", redisx.Server.Replica, link, func(all []redisx.Server) string { return count(len(all), "replica") + " linked to the master" }},
	{"serving", nil, serving, func([]redisx.Server) string { return "reads of the fleet's keys are served" }},
}

func (e *exam) servers(all []redisx.Server) {
	var up []redisx.Server
	replicas := 0
	for _, s := range all {
		if s.Err != nil {
			e.tell(Fail, "reach", name(s)+" does not tell about itself: "+reason(s.Err),
				"start it, or let this host reach it; if it is gone for good, take it out of the cluster (CLUSTER FORGET) and out of the seeds")
			continue
		}
		up = append(up, s)
		if s.Replica() {
			replicas++
		}
	}
	if len(up) == 0 {
		return
	}
	e.tell(OK, "reach", fmt.Sprintf("%s and %s answer", count(len(up)-replicas, "master"), count(replicas, "replica")), "")
	for _, c := range serverChecks {
		e.each(c, up)
	}
	e.clocks(up)
	e.tell(OK, "settings", "not asked: cluster-node-timeout, min-replicas-to-write and the like take CONFIG, which the fleet's user has not", "")
}

func (e *exam) each(c serverCheck, up []redisx.Server) {
	var of []redisx.Server
	well := true
	for _, s := range up {
		if c.about != nil && !c.about(s) {
			continue
		}
		of = append(of, s)
		if status, found, do := c.judge(s); status != OK {
			well = false
			e.tell(status, c.name, name(s)+" "+found, do)
		}
	}
	if well && len(of) > 0 {
		e.tell(OK, c.name, c.fine(of), "")
	}
}

func version(s redisx.Server) (Status, string, string) {
	if s.TooOld() {
		return Fail, fmt.Sprintf("runs Redis %q, at least %s is needed", s.Info["redis_version"], redisx.MinVersion), "upgrade it"
	}
	return OK, "", ""
}

func eviction(s redisx.Server) (Status, string, string) {
	if policy := s.Info["maxmemory_policy"]; policy != "noeviction" {
		return Fail, fmt.Sprintf("has maxmemory-policy %q, which evicts leases and sessions", policy),
			"set it to noeviction, in its configuration file too: nodes refuse to start on such a master, and a replica may be one tomorrow"
	}
	return OK, "", ""
}

func memory(s redisx.Server) (Status, string, string) {
	if used := usedMemory(s); used > muchMemory {
		return Warn, fmt.Sprintf("uses %d %% of its maxmemory", used), "raise maxmemory or add masters: at 100 % creates and writes are refused"
	}
	return OK, "", ""
}

// usedMemory returns how many percent of maxmemory a server uses; 0 where there is none.
func usedMemory(s redisx.Server) int {
	used, _ := strconv.ParseInt(s.Info["used_memory"], 10, 64)
	most, _ := strconv.ParseInt(s.Info["maxmemory"], 10, 64)
	if most <= 0 {
		return 0
	}
	return int(float64(used) / float64(most) * 100)
}

func mostMemory(all []redisx.Server) string {
	most, unlimited := 0, 0
	for _, s := range all {
		most = max(most, usedMemory(s))
		if limit := s.Info["maxmemory"]; limit == "" || limit == "0" {
			unlimited++
		}
	}
	if unlimited == len(all) {
		return "no maxmemory is set"
	}
	return fmt.Sprintf("at most %d %% of maxmemory in use", most)
}

func persistence(s redisx.Server) (Status, string, string) {
	switch last, keeps := s.Info["aof_last_write_status"], s.Info["aof_enabled"]; {
	case keeps == "1" && last != "ok":
		return Fail, fmt.Sprintf("could not write its append-only file (%s), and refuses writes", last), "look at its disk: space and permissions"
	case keeps != "1":
		return Warn, "keeps no append-only file: a master that is restarted comes back empty", "set appendonly yes, in its configuration file too"
	}
	return OK, "", ""
}

func link(s redisx.Server) (Status, string, string) {
	if state := s.Info["master_link_status"]; state != "up" {
		return Warn, fmt.Sprintf("has no link to its master %s:%s (%s)", s.Info["master_host"], s.Info["master_port"], state),
			"look at both logs: until it has the data, it cannot take over"
	}
	return OK, "", ""
}

func serving(s redisx.Server) (Status, string, string) {
	switch {
	case s.Serves == nil:
		return OK, "", ""
	case redisx.Forbidden(s.Serves):
		return Warn, "was not asked for a key: " + reason(s.Serves), "give the user the keys under the prefix, as deploy/redis/users.acl does"
	}
	return Fail, "does not serve: " + reason(s.Serves), "CLUSTERDOWN: bring a master or its replica back, see CLUSTER INFO; LOADING: wait"
}

// clocks compares the servers' clocks, as far as the time that answers took lets them be known.
func (e *exam) clocks(up []redisx.Server) {
	var first, last *redisx.Server // whose clocks are furthest behind and before
	for i := range up {
		s := &up[i]
		if s.ClockErr != nil {
			e.unread("clocks", fmt.Errorf("%s: %w", name(*s), s.ClockErr))
			continue
		}
		if first == nil || s.AheadMost < first.AheadMost {
			first = s
		}
		if last == nil || s.AheadLeast > last.AheadLeast {
			last = s
		}
	}
	switch {
	case first == nil:
	case last.AheadLeast-first.AheadMost > clocksApart:
		e.tell(Warn, "clocks", fmt.Sprintf("that of %s is %s before that of %s", name(*last), (last.AheadLeast-first.AheadMost).Round(time.Millisecond), name(*first)),
			"run NTP on both hosts: deadlines are set by one server's clock and judged by another's")
	default:
		e.tell(OK, "clocks", "within "+clocksApart.String()+" of each other", "")
	}
}

func name(s redisx.Server) string {
	if s.Replica() {
		return s.Addr + " (replica)"
	}
	return s.Addr
}

// told is what the servers say of one thing.
func told(all []redisx.Server, field string) string {
	values := make([]string, len(all))
	for i, s := range all {
		values[i] = s.Info[field]
	}
	return listed(values)
}
