//go:build !linux

package leash

import (
	"errors"
	"os"
	"time"
)

// Process is a command on its leash: there is none here.
type Process struct{ Streams }

var errElsewhere = errors.New("leash: only Linux can end a whole tree of processes for certain")

func Check() error                            { return errElsewhere }
func Start(Command, Limits) (*Process, error) { return nil, errElsewhere }
func Main([]string) int                       { return 2 }
func Pending(*os.File) (int, error)           { return 0, errElsewhere }

func (*Process) Until(Limits)           {}
func (*Process) Stop(time.Time)         {}
func (*Process) Kill()                  {}
func (*Process) Ended() <-chan struct{} { return nil }
func (*Process) Wait() Result           { return Result{Err: errElsewhere} }
