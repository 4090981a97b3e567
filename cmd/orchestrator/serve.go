package main

import (
	"context"
	"io"
	"net"

	"orchestrator/cmd/orchestrator/internal/config"
)

// serve runs one node until ctx ends. The port is bound first: a taken one is told before anything is registered.
func serve(ctx context.Context, cfg config.Config, stderr io.Writer) error {
	log := newLogger(stderr, cfg.LogLevel, cfg.LogFormat)
	for _, w := range cfg.Warnings() {
		log.Warn(w)
	}
	reach, err := cfg.Redis()
	if err != nil {
		return err
	}
	listener, err := listen(ctx, cfg.Listen, cfg.Port)
	if err != nil {
		return unlessTold(ctx, err)
	}
	stopProfiles, err := profiles(ctx, cfg.ProfilePort)
	if err != nil {
		closeAll([]net.Listener{listener})
		return unlessTold(ctx, err)
	}
	defer stopProfiles()
	n, err := newNode(ctx, cfg, reach, wiring{listener: listener, log: log})
	if err != nil {
		closeAll([]net.Listener{listener})
		return unlessTold(ctx, err)
	}
	log.Info("serving", "node", cfg.NodeID, "address", listener.Addr().String(), "version", thisBuild().Version)
	err = n.run(ctx)
	log.Info("stopped")
	return err
}

// unlessTold drops the error of a start that was interrupted: the process was told to end, and does.
func unlessTold(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}
