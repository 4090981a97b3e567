package leash

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// process is what /proc says of one.
type process struct {
	pid, parent, session int
	gone                 bool // it has ended, and was not waited for yet
}

// processes lists all that can be seen.
func processes() (all []process) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has gone
		}
		if p, ok := parseStat(b); ok {
			all = append(all, p)
		}
	}
	return all
}

// parseStat reads proc(5)'s stat: pid (name) state parent group session ...; the name may hold anything.
func parseStat(b []byte) (p process, ok bool) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return p, false
	}
	rest := bytes.Fields(b[end+1:])
	if len(rest) < 4 || len(rest[0]) == 0 {
		return p, false
	}
	var errs [3]error
	p.pid, errs[0] = strconv.Atoi(string(bytes.TrimSpace(b[:open])))
	p.parent, errs[1] = strconv.Atoi(string(rest[1]))
	p.session, errs[2] = strconv.Atoi(string(rest[3]))
	p.gone = rest[0][0] == 'Z' || rest[0][0] == 'X'
	return p, errs == [3]error{}
}

// below returns the living descendants of pid.
func below(pid int, all []process) (found []int) {
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	for todo := []int{pid}; len(todo) > 0; {
		next := children[todo[0]]
		todo = todo[1:]
		for _, p := range next {
			todo = append(todo, p.pid)
			if !p.gone {
				found = append(found, p.pid)
			}
		}
	}
	return found
}

// sweep kills the members of a session until none is left. Its leader has ended and was not waited for.
func sweep(session int) {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		left := 0
		for _, p := range processes() {
			if p.session == session && p.pid != session && !p.gone {
				left++
				_ = unix.Kill(p.pid, unix.SIGKILL) // it may be gone by now
			}
		}
		if left == 0 {
			return
		}
		time.Sleep(pause)
	}
}
