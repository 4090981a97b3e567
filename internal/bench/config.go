package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"orchestrator/internal/session"
)

// Limits of a run.
const (
	MaxSessions    = 10_000_000
	MaxConcurrency = 4096
	MaxRate        = 1_000_000 // requests a second
	MaxBatchBody   = 16 << 20  // bytes of a batch's body, by the API's own limit
	MinBody        = 16        // bytes of a config that is not empty
)

// ValueError says which value of a run's configuration is wrong, and what it must be.
type ValueError struct{ Field, Value, Must string }

func (e *ValueError) Error() string { return fmt.Sprintf("%s %q must %s", e.Field, e.Value, e.Must) }

// Config says where load goes and of what kind it is.
type Config struct {
	URLs        []string           `json:"url"`         // bases such as http://127.0.0.1:8080, asked in turn
	Sessions    int                `json:"sessions"`    // made before the load, 0 to MaxSessions; those are read and changed
	Concurrency int                `json:"concurrency"` // callers at once, 1 to MaxConcurrency
	Batch       int                `json:"batch"`       // sessions of one batch, 1 to session.MaxBatch
	Body        int                `json:"body"`        // bytes of each session's config as JSON, MinBody to session.MaxConfig; 0: none
	Encoding    Encoding           `json:"encoding"`    // of bodies, both ways
	Durability  session.Durability `json:"durability"`  // of the sessions that are made
	Keep        bool               `json:"keep"`        // leave the sessions that were made
	Seed        uint64             `json:"seed"`        // of the choice of operations and sessions

	Load Load `json:"load"`
}

// Load says which requests are sent, how fast and for how long.
type Load struct {
	Mix      Mix
	Duration time.Duration // ends it; 0: the number of requests does
	Requests int           // ends it; 0: the duration does
	Rate     float64       // requests a second, up to MaxRate; 0: as fast as answers come
}

// MarshalJSON writes the duration in seconds.
func (l Load) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Mix      Mix     `json:"mix"`
		Seconds  float64 `json:"seconds,omitempty"`
		Requests int     `json:"requests,omitempty"`
		Rate     float64 `json:"rate,omitempty"`
	}{l.Mix, l.Duration.Seconds(), l.Requests, l.Rate})
}

// Defaults are a mixed load of ten seconds whose creates and deletes weigh the same, so that a fleet does not fill up.
func Defaults() Config {
	return Config{
		Sessions: 1000, Concurrency: 64, Batch: 100, Body: 300, Encoding: JSON, Durability: session.Acked, Seed: 1,
		Load: Load{Mix: Mix{Create: 10, Read: 60, Eventual: 10, Patch: 10, Delete: 10}, Duration: 10 * time.Second},
	}
}

// Validate returns a [ValueError] for each value that is wrong, joined.
func (c Config) Validate() error {
	var errs []error
	whole := func(field string, value, least, most int) {
		if value < least || value > most {
			errs = append(errs, &ValueError{field, strconv.Itoa(value), fmt.Sprintf("be a whole number from %d to %d", least, most)})
		}
	}
	if len(c.URLs) == 0 {
		errs = append(errs, &ValueError{"url", "", "name a node or a load balancer, such as http://127.0.0.1:8080"})
	}
	for _, u := range c.URLs {
		if _, err := parseBase(u); err != nil {
			errs = append(errs, err)
		}
	}
	whole("sessions", c.Sessions, 0, MaxSessions)
	whole("concurrency", c.Concurrency, 1, MaxConcurrency)
	whole("batch", c.Batch, 1, session.MaxBatch)
	if c.Body != 0 {
		whole("body", c.Body, MinBody, session.MaxConfig)
	}
	if c.Encoding != JSON && c.Encoding != MsgPack {
		errs = append(errs, &ValueError{"encoding", string(c.Encoding), "be json or msgpack"})
	}
	if c.Durability != session.Acked && c.Durability != session.Fast {
		errs = append(errs, &ValueError{"durability", string(c.Durability), "be acked or fast"})
	}
	if c.Sessions == 0 && c.Load.Mix.has(Read, Eventual, Patch) {
		errs = append(errs, &ValueError{"sessions", "0", "be at least 1 for a mix that reads or changes sessions"})
	}
	errs = append(errs, c.Load.Validate())
	return errors.Join(errs...)
}

// Validate returns a [ValueError] for each value that is wrong, joined.
func (l Load) Validate() error {
	var errs []error
	if l.Mix.total() == 0 {
		errs = append(errs, &ValueError{"mix", l.Mix.String(), "give at least one operation a weight above 0"})
	}
	if l.Duration < 0 {
		errs = append(errs, &ValueError{"duration", l.Duration.String(), "not be negative"})
	}
	if l.Requests < 0 {
		errs = append(errs, &ValueError{"requests", strconv.Itoa(l.Requests), "not be negative"})
	}
	if (l.Duration > 0) == (l.Requests > 0) && l.Duration >= 0 && l.Requests >= 0 {
		errs = append(errs, &ValueError{"duration", l.Duration.String(), "be given, or a number of requests, and not both"})
	}
	if !(l.Rate >= 0 && l.Rate <= MaxRate) { // NaN is neither
		errs = append(errs, &ValueError{"rate", fmt.Sprint(l.Rate), fmt.Sprintf("be from 0 to %d requests a second", MaxRate)})
	}
	return errors.Join(errs...)
}

// parseBase reads a base URL; one with a path is that of a proxy.
func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, &ValueError{"url", s, "be http://host:port or https://host:port"}
	}
	return u, nil
}
