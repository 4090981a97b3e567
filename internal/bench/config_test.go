package bench_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"orchestrator/internal/bench"
)

func TestEveryWrongValueIsNamed(t *testing.T) {
	t.Parallel()
	for says, edit := range map[string]func(*bench.Config){
		`url "" must name a node`:                                             func(c *bench.Config) { c.URLs = nil },
		`url "127.0.0.1:8080" must be http://host:port`:                       func(c *bench.Config) { c.URLs = []string{"127.0.0.1:8080"} },
		`url "http://h/?q=1" must be http://host:port`:                        func(c *bench.Config) { c.URLs = []string{"http://h/?q=1"} },
		`sessions "-1" must be a whole number from 0`:                         func(c *bench.Config) { c.Sessions = -1 },
		`sessions "0" must be at least 1 for a mix that reads`:                func(c *bench.Config) { c.Sessions = 0 },
		`concurrency "0" must be a whole number from 1 to 4096`:               func(c *bench.Config) { c.Concurrency = 0 },
		`batch "1001" must be a whole number from 1 to 1000`:                  func(c *bench.Config) { c.Batch = 1001 },
		`over the API's limit of 16777216`:                                    func(c *bench.Config) { c.Batch, c.Body = 1000, 128<<10 },
		`body "131073" must be a whole number from 16 to 131072`:              func(c *bench.Config) { c.Body = 128<<10 + 1 },
		`encoding "xml" must be json or msgpack`:                              func(c *bench.Config) { c.Encoding = "xml" },
		`mix "" must give at least one operation`:                             func(c *bench.Config) { c.Load.Mix = bench.Mix{} },
		`duration "-1s" must not be negative`:                                 func(c *bench.Config) { c.Load.Duration = -time.Second },
		`duration "0s" must be given, or a number of requests, and not both`:  func(c *bench.Config) { c.Load.Duration = 0 },
		`duration "10s" must be given, or a number of requests, and not both`: func(c *bench.Config) { c.Load.Requests = 1 },
		`requests "-1" must not be negative`:                                  func(c *bench.Config) { c.Load.Requests = -1 },
		`rate "NaN" must be from 0 to 1000000`:                                func(c *bench.Config) { c.Load.Rate = math.NaN() },
	} {
		c := bench.Defaults()
		c.URLs = []string{"http://127.0.0.1:8080"}
		edit(&c)
		_, err := bench.New(c)
		var wrong *bench.ValueError
		if err == nil || !errors.As(err, &wrong) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

func TestTheLargestBatchesFit(t *testing.T) {
	t.Parallel()
	for _, e := range []bench.Encoding{bench.JSON, bench.MsgPack} {
		c := bench.Defaults()
		c.URLs, c.Encoding, c.Batch, c.Body = []string{"http://127.0.0.1:8080"}, e, 100, 128<<10
		if _, err := bench.New(c); err != nil {
			t.Error(err)
		}
	}
}

func TestAMixIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m bench.Mix
		for op := range m {
			m[op] = rapid.IntRange(0, 1_000_000).Draw(t, "weight")
		}
		if m == (bench.Mix{}) {
			return
		}
		if got, err := bench.ParseMix(m.String()); err != nil || got != m {
			t.Fatalf("%s is read as %v, %v", m, got, err)
		}
	})
	for _, bad := range []string{"", "create", "create=", "create=-1", "create=1.5", "create=1000001", "make=1", "create=1,create=2", "create=0", "create=1,"} {
		var wrong *bench.ValueError
		if m, err := bench.ParseMix(bad); !errors.As(err, &wrong) || wrong.Field != "mix" {
			t.Errorf("%q is read as %v, %v", bad, m, err)
		}
	}
}

func TestAConfigurationAsJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(bench.Defaults().Load)
	if want := `{"mix":"create=10,read=60,eventual=10,patch=10,delete=10","seconds":10}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}
