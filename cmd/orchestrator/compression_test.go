package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// ask sends a request and returns the answer's body; it wants one of the 200s.
func ask(t *testing.T, method, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %s %v", method, url, res.StatusCode, text, err)
	}
	return string(text)
}

// A large config is kept compressed unless told otherwise, and what that saves can be scraped; small ones are not.
func TestLargeRecordsAreCompressed(t *testing.T) {
	t.Parallel()
	greeting, end := startDev(t, "--nodes=1")
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(greeting)
	const draft = `{"type":"agent","name":"n","workspace":"/w","config":{"prompt":%q}}`
	for _, size := range []int{100, 10_000} {
		prompt := strings.Repeat("p", size)
		if made := ask(t, "POST", url+"/v1/sessions", fmt.Sprintf(draft, prompt)); !strings.Contains(made, prompt) {
			t.Errorf("made %s", made)
		}
	}
	page := ask(t, "GET", url+"/metrics", "")
	counted := regexp.MustCompile(`(?m)^orchestrator_records_compressed_\S+ (\S+)$`).FindAllString(page, -1)
	var before, after float64
	for _, line := range counted {
		_, _ = fmt.Sscanf(line, `orchestrator_records_compressed_bytes_total{when="before"} %f`, &before)
		_, _ = fmt.Sscanf(line, `orchestrator_records_compressed_bytes_total{when="after"} %f`, &after)
	}
	if !strings.Contains(page, "orchestrator_records_compressed_total 1\n") || before < 10_000 || after < 1 || after > 1000 {
		t.Errorf("counted %q", counted)
	}
	if code, _ := end(); code != exitOK {
		t.Errorf("code %d", code)
	}
}
