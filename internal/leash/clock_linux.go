package leash

import (
	"time"

	"golang.org/x/sys/unix"
)

// instant returns the machine's monotonic clock in nanoseconds.
func instant() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // cannot fail: the clock exists and ts is ours
	return ts.Nano()
}

// instantOf returns t as an instant: never a later one, however long this takes.
func instantOf(t time.Time) int64 {
	now := instant()
	return now + int64(time.Until(t))
}

// timeOf returns an instant as a time with a monotonic reading: never a later one.
func timeOf(i int64) time.Time {
	now := time.Now()
	return now.Add(time.Duration(i - instant()))
}
