package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	tclog "github.com/testcontainers/testcontainers-go/log"

	"orchestrator/internal/redistest/scratch"
)

// Variables by which testcontainers is told what was found out. One that is
// already set is believed.
const (
	reaperVariable = "TESTCONTAINERS_RYUK_DISABLED"
	hostVariable   = "TESTCONTAINERS_HOST_OVERRIDE"
)

// factsAge is how long what was found out is believed by later test binaries.
const factsAge = 10 * time.Minute

// facts are what works with one engine.
type facts struct {
	Engine string    `json:"engine"`
	Image  string    `json:"image"`
	At     time.Time `json:"at"`
	Reaper bool      `json:"reaper"` // may run
	Host   string    `json:"host"`   // where a mapped port is reached; empty: as testcontainers guesses
}

// Prepare finds out, with containers of the given image, what works with this
// engine and tells testcontainers. It fails where containers on the machine's
// network cannot be reached from here. It returns what it found in a few words.
// The command makes the image listen on a TCP port, which it is given.
func (e *Engine) Prepare(ctx context.Context, image string, listen func(port int, address string) []string) (string, error) {
	release, err := scratch.Gate("engine")
	if err != nil {
		return "", err
	}
	defer release()
	f, ok := e.remembered(image)
	if !ok {
		p := probe{engine: e, image: image, listen: listen}
		if f, err = p.run(ctx); err != nil {
			return "", err
		}
		if err := f.remember(); err != nil {
			return "", err
		}
	}
	tclog.SetDefault(tclog.NewNoopLogger())
	return f.apply()
}

func (e *Engine) remembered(image string) (facts, bool) {
	var f facts
	path, err := scratch.File("engine.json")
	if err != nil {
		return f, false
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &f) != nil {
		return f, false
	}
	return f, f.Engine == e.id && f.Image == image && time.Since(f.At) < factsAge
}

func (f facts) remember() error {
	path, err := scratch.File("engine.json")
	if err != nil {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// apply tells testcontainers, before it reads its configuration.
func (f facts) apply() (string, error) {
	said := "reaper runs"
	var errs []error
	if _, set := os.LookupEnv(reaperVariable); !set && !f.Reaper {
		errs = append(errs, os.Setenv(reaperVariable, "true"))
		said = "no reaper, for its image is neither here nor pulled"
	} else if set {
		said = fmt.Sprintf("%s=%s", reaperVariable, os.Getenv(reaperVariable))
	}
	if _, set := os.LookupEnv(hostVariable); !set && f.Host != "" {
		errs = append(errs, os.Setenv(hostVariable, f.Host))
		said += ", mapped ports at " + f.Host
	}
	return said, errors.Join(errs...)
}
