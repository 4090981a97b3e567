package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// jiffy is the unit of the kernel's times in /proc, USER_HZ, the same on every architecture that Go runs on.
const jiffy = 10 * time.Millisecond

// used is the processor time of a process, from /proc/<pid>/stat (proc_pid_stat(5), fields 14 and 15).
func used(pid int) (time.Duration, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The second field, the name, may hold spaces and parentheses itself.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("%s: %d fields after the name, of at least 13", path, len(fields))
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * jiffy, errors.Join(err, err2)
}
