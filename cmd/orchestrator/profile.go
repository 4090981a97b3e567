package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// profileHost is where profiles are served: whoever may log in to the machine may read them, nobody else.
const profileHost = "127.0.0.1"

// profiles serves Go's profiles on a port of the loopback interface, until stop is called. Port 0 serves none.
func profiles(ctx context.Context, port int) (stop func(), err error) {
	if port == 0 {
		return func() {}, nil
	}
	l, err := listenAs(ctx, profileHost, port, "--profile-port")
	if err != nil {
		return nil, fmt.Errorf("profilePort: %w", err)
	}
	return serveProfiles(l), nil
}

func serveProfiles(l net.Listener) (stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			_ = l.Close()
		}
	}()
	return func() {
		_ = s.Close()
		<-ended
	}
}
