package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asked sends one request and returns the status and the answer's members.
func asked(t *testing.T, method, url, body string) (int, map[string]any) {
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
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	var members map[string]any
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil {
		t.Fatalf("%s %s: %v: %s", method, url, err, text)
	}
	return res.StatusCode, members
}

// A page token that one node gave out is good at another, in every order and with a selector, and for the same query alone.
func TestPageTokensAreGoodAtEveryNode(t *testing.T) {
	t.Parallel()
	greeting, end := startDev(t, "--nodes=2")
	urls := slices.Compact(slices.Sorted(slices.Values(regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindAllString(greeting, -1))))
	if len(urls) != 2 {
		t.Fatalf("%d nodes in the greeting:\n%s", len(urls), greeting)
	}
	var made []string
	for i := range 6 {
		tier := []string{"gold", "lead"}[i%2]
		status, s := asked(t, "POST", urls[i%2]+"/v1/sessions", fmt.Sprintf(`{"type":"t","name":"s%d","workspace":"/w","labels":{"tier":"%s"}}`, i, tier))
		if status != http.StatusCreated {
			t.Fatalf("%d: %v", status, s)
		}
		if tier == "gold" {
			made = append(made, s["id"].(string))
		}
	}
	for _, order := range []string{"id", "createdAt", "-createdAt"} {
		var seen []string
		query, token := "?labels=tier+in+(gold,iron),!old&limit=1&orderBy="+order, ""
		for page := 0; page == 0 || token != ""; page++ {
			status, got := asked(t, "GET", urls[page%2]+"/v1/sessions"+query+"&pageToken="+token, "")
			if status != http.StatusOK || page > 6 {
				t.Fatalf("%s, page %d: %d: %v", order, page, status, got)
			}
			for _, s := range got["sessions"].([]any) {
				seen = append(seen, s.(map[string]any)["id"].(string))
			}
			if token, _ = got["nextPageToken"].(string); token != "" {
				if status, got := asked(t, "GET", urls[page%2]+"/v1/sessions?limit=1&orderBy="+order+"&pageToken="+token, ""); status != http.StatusBadRequest || got["field"] != "pageToken" {
					t.Errorf("the token of another query: %d: %v", status, got)
				}
			}
		}
		if order == "-createdAt" {
			slices.Reverse(seen)
		}
		if order == "id" {
			slices.Sort(seen)
		}
		if !slices.Equal(seen, made) {
			t.Errorf("%s: %v, want %v", order, seen, made)
		}
	}
	status, e := asked(t, "GET", urls[1]+"/v1/sessions/"+made[0]+"/explain", "")
	if status != http.StatusOK || e["session"] != made[0] || len(e["records"].([]any)) != 1 || len(e["placement"].(map[string]any)["candidates"].([]any)) != 2 {
		t.Errorf("explain: %d: %v", status, e)
	}
	status, d := asked(t, "POST", urls[1]+"/v1/sessions?dryRun=true", `{"type":"t","name":"n","workspace":"/w"}`)
	if status != http.StatusOK || d["dryRun"] != true {
		t.Errorf("dry run: %d: %v", status, d)
	}
	if code, _ := end(); code != exitOK {
		t.Errorf("code %d", code)
	}
}
