package main

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"
)

// ownCPU is the processor time that this process has used, user and system, without the servers that it started.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// fsyncs is how often fsync is tried for its median.
const fsyncs = 21

// fsyncCost is the median time of writing 4 KiB and calling fsync in a file below dir.
func fsyncCost(dir string) (cost time.Duration, err error) {
	f, err := os.CreateTemp(dir, "orchestrator-peers-fsync-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4096)
	var times []time.Duration
	for range fsyncs {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
