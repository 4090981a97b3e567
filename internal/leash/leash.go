package leash

import (
	"fmt"
	"os"
	"time"
)

// Word is the first argument of a program that is started as a leash: its main must call Main when it sees it.
const Word = "run-child"

// Command is what to run.
type Command struct {
	Path string   // of the program, absolute
	Args []string // its arguments, without its name
	Env  []string // its whole environment, name=value
	Dir  string   // its working directory; empty: the keeper's
}

// Limits are until when a command may run.
type Limits struct {
	Term time.Time // from then on it is told to end
	Kill time.Time // at which everything is killed
}

// Result is how a command ended.
type Result struct {
	Err    error // it could not be started, or its leash was lost with it
	Code   int   // its exit code; 128 and the signal's number where a signal ended it
	Signal int   // that signal; 0: it exited
	Told   bool  // it had been told to end, or was killed for its time was over
}

// String says it to people.
func (r Result) String() string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Signal != 0:
		return fmt.Sprintf("signal %d", r.Signal)
	}
	return fmt.Sprintf("exit code %d", r.Code)
}

// Streams are the keeper's ends of a command's standard streams. The end of Out and Err comes when every process of the tree is gone, unless
// one that is none of it was given the other end: after Ended, read what is Pending and no more.
type Streams struct {
	In       *os.File
	Out, Err *os.File
}
