package main

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// vanished is how long what was sent may stay unconfirmed before a connection is given up: two bookmarks of a stream.
const vanished = 30 * time.Second

// giveUp has the kernel end connections whose other side is gone without a word, as a machine without power is (tcp(7), TCP_USER_TIMEOUT).
// Writes to such a one succeed until its buffer is full, so that no deadline finds it out, and a stream that has little to tell would keep its
// place for a quarter of an hour. Connections inherit it from their listener.
func giveUp(_, _ string, socket syscall.RawConn) error {
	var err error
	set := func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(vanished.Milliseconds()))
	}
	if err := socket.Control(set); err != nil {
		return err
	}
	return err
}
