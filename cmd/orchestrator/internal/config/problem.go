package config

import (
	"errors"
	"fmt"
)

// Setting is one key with its value, as a message shows it, and where the value came from.
type Setting struct {
	Key    string // as in a file; as in the environment for a variable that is no key's
	Value  string // never a secret
	Source string // "--max-sessions", "ORCHESTRATOR_MAX_SESSIONS", a file's path, "preset high-availability" or "default"
}

func (s Setting) String() string {
	switch s.Source {
	case "":
		return fmt.Sprintf("%s %q", s.Key, s.Value)
	case sourceDefault:
		return fmt.Sprintf("%s %q (the default)", s.Key, s.Value)
	}
	return fmt.Sprintf("%s %q (from %s)", s.Key, s.Value, s.Source)
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Setting
	Reason  string   // continues the setting: "must be ..."
	Against *Setting // what the setting is at odds with; ends the sentence

	unknown bool // the key is none of ours: its value is not shown, for it may be a misspelt secret
}

func (p *Problem) Error() string {
	switch {
	case p.unknown:
		return fmt.Sprintf("%s (from %s) %s", p.Key, p.Source, p.Reason)
	case p.Against != nil:
		return p.Setting.String() + " " + p.Reason + " " + p.Against.String()
	}
	return p.Setting.String() + " " + p.Reason
}

func join(problems []*Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}
