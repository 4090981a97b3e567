package runner

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Limits of a configuration.
const (
	MaxGrace = time.Hour // longest grace that can be asked for; a revocation's deadline cuts it short
	MinPause = 10 * time.Millisecond
	MaxPause = time.Hour
)

// Restart says when the command is started again after it has ended by itself.
type Restart string

// The restart policies.
const (
	Never     Restart = "never"      // the session is completed or failed
	OnFailure Restart = "on-failure" // exit code 0 completes the session
	Always    Restart = "always"
)

// Restarts lists the policies.
var Restarts = []Restart{Never, OnFailure, Always}

// Workspace says what becomes of a session's workspace.
type Workspace string

// The workspace policies.
const (
	Existing Workspace = "existing" // it is a directory of this machine, or the start fails
	Create   Workspace = "create"   // it is made where it is not there
	Ignore   Workspace = "ignore"   // the command runs in the runner's own directory
)

// Workspaces lists the policies.
var Workspaces = []Workspace{Existing, Create, Ignore}

// Config says what to run and how.
type Config struct {
	Types   []string // of the sessions that are run
	Path    string   // of the command, absolute
	Args    []string
	Environ []string // of the runner; what tells of the session is added
	API     string   // the node's address, as the command is told it

	Workspace     Workspace
	Restart       Restart
	MaxFailures   int           // in a row, after which the session is failed; 0: it is started again for ever
	FirstPause    time.Duration // before the second start; it doubles with each failure in a row
	LongestPause  time.Duration // also how long a command must have run for its failure to be the first in a row
	Grace         time.Duration // from SIGTERM to SIGKILL where a session moves
	ShutdownGrace time.Duration // from SIGTERM to SIGKILL where the runner ends
	MaxChildren   int           // at a time; 0: no limit but the node's own
	RecordEvery   time.Duration // at most so often is runner.after written while the command reads

	Log *slog.Logger
}

// Defaults returns what a configuration says where nobody says anything.
func Defaults() Config {
	return Config{
		Workspace: Existing, Restart: OnFailure, MaxFailures: 10, FirstPause: time.Second, LongestPause: time.Minute,
		Grace: 5 * time.Second, ShutdownGrace: 10 * time.Second, RecordEvery: 2 * time.Second,
	}
}

// Validate returns all that is wrong, each with the name of its flag.
func (c Config) Validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(len(c.Types) == 0, "type is required: the type of the sessions to run")
	wrong(slices.Contains(c.Types, ""), "type must not be empty")
	wrong(c.Path == "", "a command is required, after --")
	wrong(!slices.Contains(Workspaces, c.Workspace), "workspace %q must be existing, create or ignore", c.Workspace)
	wrong(!slices.Contains(Restarts, c.Restart), "restart %q must be never, on-failure or always", c.Restart)
	wrong(c.MaxFailures < 0, "max-failures \"%d\" must be 0 or more", c.MaxFailures)
	wrong(c.MaxChildren < 0, "max-children \"%d\" must be 0 or more", c.MaxChildren)
	wrong(c.Grace < 0 || c.Grace > MaxGrace, "grace %q must be from 0s to %s", c.Grace, MaxGrace)
	wrong(c.ShutdownGrace < 0 || c.ShutdownGrace > MaxGrace, "shutdown-grace %q must be from 0s to %s", c.ShutdownGrace, MaxGrace)
	wrong(c.FirstPause < MinPause || c.FirstPause > c.LongestPause, "restart-pause %q must be from %s to longest-pause (%s)", c.FirstPause, MinPause, c.LongestPause)
	wrong(c.LongestPause > MaxPause, "longest-pause %q must be at most %s", c.LongestPause, MaxPause)
	wrong(c.RecordEvery <= 0, "record-every %q must be more than 0s", c.RecordEvery)
	return errors.Join(errs...)
}
