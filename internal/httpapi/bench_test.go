package httpapi

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkCreateSession is the ceiling of a create: everything but the use case.
func BenchmarkCreateSession(b *testing.B) {
	h := handlerOf(b, config(creating()))
	body := []byte(`{"type":"claude-code","name":"fix the build","workspace":"/srv/repo","config":{"model":"opus","turns":40,"tools":["bash","edit"]},"labels":{"team":"infra","env":"dev"},"ttl":"30m"}`)
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/sessions", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		if rec.Code != http.StatusCreated {
			b.Fatalf("status %d: %s", rec.Code, rec.Body)
		}
	}
}
