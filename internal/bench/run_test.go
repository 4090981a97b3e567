package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"orchestrator/internal/bench"
)

func run(t *testing.T, c bench.Config) bench.Report {
	t.Helper()
	r, err := bench.Run(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func phaseOf(t *testing.T, r bench.Report, name string) bench.Phase {
	t.Helper()
	for _, p := range r.Phases {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no phase %s in %+v", name, r.Phases)
	return bench.Phase{}
}

func TestEveryOperationInBothEncodings(t *testing.T) {
	t.Parallel()
	for _, e := range []bench.Encoding{bench.JSON, bench.MsgPack} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			f := startFake(t, nil)
			c := f.config("create=2,read=2,eventual=2,patch=2,list=2,batch=2,delete=2", 300)
			c.Encoding, c.URLs = e, []string{f.URL, f.URL}
			r := run(t, c)
			if r.Failed() != 0 || r.Left != 0 || f.left() != 0 || r.Early {
				t.Errorf("%d failed, %d left (%d in fact): %+v", r.Failed(), r.Left, f.left(), r.Phases)
			}
			load, requests := phaseOf(t, r, "load"), int64(0)
			for _, op := range load.Operations {
				requests += op.Requests
				if l := op.Latency; op.Requests == 0 || l.Min <= 0 || l.P50 < l.Min || l.P99 < l.P50 || l.Max < l.P99 {
					t.Errorf("%+v", op)
				}
				if op.Name == "list" && op.Received == 0 || op.Name == "create" && op.Sent < int64(c.Body)*op.Requests {
					t.Errorf("%+v", op)
				}
			}
			batch := load.Of(bench.Batch)
			if requests != 300 || len(load.Operations) != 7 || batch.Sessions != 10*batch.Requests {
				t.Errorf("%d requests, %d operations, batches %+v", requests, len(load.Operations), batch)
			}
			if fill := phaseOf(t, r, "fill").Of(bench.Batch); fill.Requests != 3 || fill.Sessions != 25 {
				t.Errorf("filled by %+v", fill)
			}
		})
	}
}

func TestNamesAndGroupsAreDistinct(t *testing.T) {
	t.Parallel()
	f := startFake(t, nil)
	c := f.config("create=1", 20)
	c.Sessions, c.Keep, c.Body = 30, true, bench.MinBody
	r := run(t, c)
	names, groups := map[any]bool{}, map[any]int{}
	for _, s := range f.sessions {
		labels := s["labels"].(object)
		names[s["name"]] = true
		groups[labels["group"]]++
		config, err := json.Marshal(s["config"])
		if labels["bench"] != r.Run || err != nil || len(config) != c.Body {
			t.Errorf("labels %v, config %s", labels, config)
		}
	}
	if len(names) != 50 || len(groups) != bench.Groups || groups["g3"] != 5 || r.Left != 50 {
		t.Errorf("%d names, groups %v, %d left", len(names), groups, r.Left)
	}
}

func TestFailuresAreCountedByCodeAndNotRepeated(t *testing.T) {
	t.Parallel()
	f := startFake(t, func(f *fakeAPI) {
		f.refuse = func(kind string, n int) (int, string) {
			switch {
			case kind == "GET one" && n%2 == 0:
				return http.StatusServiceUnavailable, "store-unavailable"
			case kind == "PATCH one":
				return http.StatusTooManyRequests, "rate-limited"
			}
			return 0, ""
		}
	})
	r := run(t, f.config("read=1,patch=1", 100))
	load := phaseOf(t, r, "load")
	read, patch := load.Of(bench.Read), load.Of(bench.Patch)
	if read.Errors != read.ByCode["store-unavailable"] || read.Errors != read.Requests/2 || patch.Errors != patch.Requests ||
		patch.Latency != (bench.Latency{}) || read.Requests+patch.Requests != 100 || f.count("PATCH one") != int(patch.Requests) {
		t.Errorf("reads %+v, changes %+v", read, patch)
	}
	if r.Failed() != read.Errors+patch.Errors || len(load.Errors) != 2 || load.Errors[0].First != "patch: 429 because" {
		t.Errorf("%+v", load.Errors)
	}
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), "failed with rate-limited, the first: patch: 429 because") {
		t.Errorf("%v in\n%s", err, &table)
	}
}

func TestItemsOfABatchFailAlone(t *testing.T) {
	t.Parallel()
	for _, e := range []bench.Encoding{bench.JSON, bench.MsgPack} {
		f := startFake(t, func(f *fakeAPI) { f.capacity = 25 })
		c := f.config("batch=1", 1)
		c.Sessions, c.Concurrency, c.Encoding = 20, 1, e
		r := run(t, c)
		batch := phaseOf(t, r, "load").Of(bench.Batch)
		if batch.Sessions != 5 || batch.Errors != 5 || batch.ByCode["no-capacity"] != 5 || batch.Latency.Max == 0 || f.left() != 0 {
			t.Errorf("%s: %+v, %d left", e, batch, f.left())
		}
	}
}

func TestWhatALostAnswerLeavesIsFound(t *testing.T) {
	t.Parallel()
	f := startFake(t, func(f *fakeAPI) {
		f.silent = func(kind string, n int) bool { return (kind == "POST" || kind == "DELETE one") && n == 5 }
	})
	r := run(t, f.config("create=1", 20))
	if made := phaseOf(t, r, "load").Of(bench.Create); made.ByCode[bench.CodeNoConnection] != 1 {
		t.Errorf("%+v", made)
	}
	if swept := phaseOf(t, r, "sweep").Of(bench.Delete); f.left() != 0 || r.Left != 0 || swept.Requests != 1 {
		t.Errorf("%d left, %d told, swept %+v", f.left(), r.Left, swept)
	}
}

func TestADeleteThatIsRefusedIsTold(t *testing.T) {
	t.Parallel()
	f := startFake(t, func(f *fakeAPI) {
		f.refuse = func(kind string, n int) (int, string) {
			if kind == "DELETE one" && n <= 2 {
				return http.StatusTooManyRequests, "rate-limited"
			}
			return 0, ""
		}
	})
	r := run(t, f.config("read=1", 1))
	var table bytes.Buffer
	if err := r.WriteTable(&table); r.Left != 2 || f.left() != 2 || err != nil || !strings.Contains(table.String(), "2 sessions stay: GET /v1/sessions?label=bench="+r.Run) {
		t.Errorf("%d told, %d left, %v:\n%s", r.Left, f.left(), err, &table)
	}
}

func TestAServerWithoutTheEncoding(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*fakeAPI){
		"refuses it":         func(f *fakeAPI) { f.jsonOnly = true },
		"answers in its own": func(f *fakeAPI) { f.deaf = true },
	} {
		for _, sessions := range []int{0, 25} { // the load finds out, or the fill does
			f := startFake(t, edit)
			c := f.config("create=1", 10)
			c.Encoding, c.Sessions = bench.MsgPack, sessions
			_, err := bench.Run(t.Context(), c, nil)
			var unspoken *bench.EncodingError
			if !errors.As(err, &unspoken) || unspoken.Encoding != bench.MsgPack || f.left() != 0 {
				t.Errorf("%s, %d sessions: %v, %d left", name, sessions, err, f.left())
			}
		}
	}
}

func TestAnAddressThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	f := startFake(t, nil)
	gone := startFake(t, nil)
	gone.Close()
	c := f.config("create=1", 1)
	c.URLs = append(c.URLs, gone.URL)
	if r, err := bench.Run(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), gone.URL+" does not answer") || len(r.Phases) != 0 {
		t.Errorf("%v", err)
	}
}

func TestAFullFleetGetsNoLoad(t *testing.T) {
	t.Parallel()
	f := startFake(t, func(f *fakeAPI) {
		f.refuse = func(kind string, _ int) (int, string) {
			if kind == "POST batch" {
				return http.StatusServiceUnavailable, "no-capacity"
			}
			return 0, ""
		}
	})
	r, err := bench.Run(t.Context(), f.config("read=1", 10), nil)
	if err == nil || !strings.Contains(err.Error(), "no session could be made: batch: 503 because") || f.count("GET one") != 0 || r.Failed() == 0 {
		t.Errorf("%v after %+v", err, r.Phases)
	}
}

func TestARunThatIsToldToEndCleansUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := startFake(t, func(f *fakeAPI) {
		f.refuse = func(kind string, n int) (int, string) {
			if kind == "GET one" && n == 50 {
				cancel()
			}
			return 0, ""
		}
	})
	r, err := bench.Run(ctx, f.config("read=9,create=1", 1_000_000), nil)
	if err != nil || !r.Early || r.Failed() != 0 || f.left() != 0 || phaseOf(t, r, "load").Of(bench.Read).Requests < 50 {
		t.Errorf("%v, %d left: %+v", err, f.left(), r)
	}
}
