package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listen binds host:port; port 0 is any free one. The error of a taken port says which.
func listen(ctx context.Context, host string, port int) (net.Listener, error) {
	return listenAs(ctx, host, port, "--port")
}

// listenAs is listen for a port that a flag of its own names.
func listenAs(ctx context.Context, host string, port int, flag string) (net.Listener, error) {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	lc := net.ListenConfig{Control: giveUp}
	l, err := lc.Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d on %s is taken by another process: choose another one with %s", port, host, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// listenUp binds n ports of host that count up from the first; port 0 is any free ones. It binds all of them or none.
func listenUp(ctx context.Context, host string, first, n int) ([]net.Listener, error) {
	var bound []net.Listener
	for i := range n {
		port := first
		if first != 0 {
			port += i
		}
		l, err := listen(ctx, host, port)
		if err != nil {
			closeAll(bound)
			return nil, err
		}
		bound = append(bound, l)
	}
	return bound, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close()
	}
}

// portOf returns the port that a TCP listener got.
func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }
