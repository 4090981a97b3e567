package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// meter tells once a second how far a command is, where somebody looks.
type meter struct {
	always bool
	n      atomic.Int64 // what is counted, for commands that have no counts of their own
}

func (m *meter) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&m.always, "progress", false, "tell each second how far it is, also where standard error is no terminal")
}

// start begins to tell, until the function that it returns has returned.
func (m *meter) start(w io.Writer, text func() string) (stop func()) {
	if !m.always && !isTerminal(w) {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-over:
				return
			case <-tick.C:
				fmt.Fprintf(w, "%4.0fs  %s\n", time.Since(began).Seconds(), text())
			}
		}
	}()
	return func() { close(over); <-ended }
}
