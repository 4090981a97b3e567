package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// session is what the API says of a session.
type session struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Status    string            `json:"status"`
	Owner     string            `json:"owner"`
	Epoch     uint64            `json:"epoch"`
	Version   uint64            `json:"version"`
	Copies    int               `json:"copies"`
	Labels    map[string]string `json:"labels"`
	ExpiresAt *time.Time        `json:"expiresAt"`
}

// problem is what the API says when it refuses.
type problem struct {
	Status       int    `json:"status"`
	Code         string `json:"code"`
	Detail       string `json:"detail"`
	RequestID    string `json:"requestId"`
	Used         *int   `json:"used"`
	Limit        *int   `json:"limit"`
	CurrentEpoch uint64 `json:"currentEpoch"`
}

// answer is one response, read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

var httpClient = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 5 * time.Second},
}

// call sends one request; headers are name, value, name, value. It fails the test only where no answer comes.
func call(t testing.TB, method, url string, body any, headers ...string) answer {
	t.Helper()
	a, err := try(t.Context(), method, url, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return a
}

func try(ctx context.Context, method, url string, body any, headers ...string) (answer, error) {
	return tryWith(ctx, httpClient, method, url, body, headers...)
}

func tryWith(ctx context.Context, client *http.Client, method, url string, body any, headers ...string) (answer, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = bytes.NewReader([]byte(b))
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return answer{}, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, raw}, err
}

// want fails the test unless the status is as expected.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// read decodes an answer's body.
func read[T any](t testing.TB, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

func draft(name string) map[string]any {
	return map[string]any{"type": "development", "name": name, "workspace": "/w/" + name,
		"config": map[string]any{"model": "large"}, "labels": map[string]string{"tier": "gold"}}
}

// createMany makes n sessions in batches and returns their ids.
func createMany(t testing.TB, url string, n int) []string {
	t.Helper()
	ids := make([]string, 0, n)
	for len(ids) < n {
		batch := make([]any, min(500, n-len(ids)))
		for i := range batch {
			batch[i] = draft(fmt.Sprint("s", len(ids)+i))
		}
		out := read[struct {
			Results []struct {
				Status  int
				Session session
				Problem *problem
			}
		}](t, call(t, "POST", url+"/v1/sessions/batch", map[string]any{"sessions": batch}).want(t, 200))
		for _, r := range out.Results {
			if r.Status != 201 {
				t.Fatalf("a session of a batch answered %d: %+v", r.Status, r.Problem)
			}
			ids = append(ids, r.Session.ID)
		}
	}
	return ids
}

// listAll pages through all sessions that the query selects.
func listAll(t testing.TB, url, query string) map[string]session {
	t.Helper()
	all, token := map[string]session{}, ""
	for {
		page := read[struct {
			Sessions      []session
			NextPageToken string
		}](t, call(t, "GET", url+"/v1/sessions?limit=1000"+query+"&pageToken="+token, nil).want(t, 200))
		for _, s := range page.Sessions {
			if _, twice := all[s.ID]; twice {
				t.Fatalf("%s is listed twice", s.ID)
			}
			all[s.ID] = s
		}
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// clusterMetrics is what /v1/cluster/metrics says.
type clusterMetrics struct {
	TotalNodes, HealthyNodes, TotalSessions int
	NodeDetails                             []struct {
		ID, Status string
		Sessions   int
	}
}

func counts(t testing.TB, url string) map[string]int {
	t.Helper()
	m := read[clusterMetrics](t, call(t, "GET", url+"/v1/cluster/metrics", nil).want(t, 200))
	out := map[string]int{}
	for _, n := range m.NodeDetails {
		out[n.ID] = n.Sessions
	}
	return out
}

// eventually polls until ok returns "" or limit has passed; what it returned last says what was missing.
func eventually(t testing.TB, limit time.Duration, ok func() string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(limit)
	for {
		missing := ok()
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %s", limit, missing)
		}
		<-tick.C
	}
}
