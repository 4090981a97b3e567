package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"orchestrator/internal/session"
)

// usual is a create as an agent platform sends it.
const usual = `{"type":"claude-code","name":"fix the build","workspace":"/srv/repo","config":{"model":"opus","turns":40,"tools":["bash","edit"]},"labels":{"team":"infra","env":"dev"},"ttl":"30m"}`

var thousand = `{"sessions":[` + strings.TrimSuffix(strings.Repeat(usual+",", session.MaxBatch), ",") + `]}`

// BenchmarkCreateSession is the ceiling of a create: everything but the use case.
func BenchmarkCreateSession(b *testing.B) { ceiling(b, http.StatusCreated, "POST /v1/sessions", usual) }

// BenchmarkCreateBatch is the ceiling of a batch of 1,000.
func BenchmarkCreateBatch(b *testing.B) {
	ceiling(b, http.StatusOK, "POST /v1/sessions/batch", thousand)
}

// BenchmarkGetSession is the ceiling of a read.
func BenchmarkGetSession(b *testing.B) { ceiling(b, http.StatusOK, "GET /v1/sessions/"+someID, "") }

// BenchmarkListSessions is the ceiling of a page of 1,000.
func BenchmarkListSessions(b *testing.B) {
	ceiling(b, http.StatusOK, "GET /v1/sessions?limit=1000", "")
}

// BenchmarkReadBatch is what reading a batch of 1,000 takes, defaults and limits of its sessions included.
func BenchmarkReadBatch(b *testing.B) {
	packed, _ := packText(thousand, true)
	for name, read := range map[string]func(*batch) error{
		"json":    func(got *batch) error { return got.readJSON([]byte(thousand)) },
		"msgpack": func(got *batch) error { return got.readPacked([]byte(packed)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var got batch
				if err := read(&got); err != nil || len(got.drafts) != session.MaxBatch {
					b.Fatal(len(got.drafts), err)
				}
			}
		})
	}
}

// ceiling measures a request in both encodings, with every use case answering at once.
func ceiling(b *testing.B, status int, target, body string) {
	b.Helper()
	f := creating()
	f.createBatch = echo
	f.get = func(context.Context, session.ID, session.Consistency) (session.Session, error) { return sample(), nil }
	page := session.Page{Sessions: make([]session.Session, session.MaxPage)}
	for i := range page.Sessions {
		page.Sessions[i] = sample()
	}
	f.list = func(context.Context, session.Listing) (session.Page, error) { return page, nil }
	h := handlerOf(b, config(f))
	method, url, _ := strings.Cut(target, " ")
	packed, _ := packText(body, true)
	for name, body := range map[string]string{"json": body, "msgpack": packed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
				req.Header.Set("Content-Type", "application/"+name)
				req.Header.Set("Accept", "application/"+name)
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, req)
				if rec.Code != status {
					b.Fatalf("status %d: %s", rec.Code, rec.Body)
				}
			}
		})
	}
}
