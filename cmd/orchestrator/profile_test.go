package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Profiles are served on the loopback interface until they are stopped, and with port 0 not at all.
func TestProfiles(t *testing.T) {
	t.Parallel()
	l, err := listen(t.Context(), profileHost, 0)
	if err != nil {
		t.Fatal(err)
	}
	stop := serveProfiles(l)
	url := fmt.Sprintf("http://%s/debug/pprof/", l.Addr())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "goroutine") {
		t.Errorf("status %d, %v: %.200s", resp.StatusCode, err, page)
	}
	stop()
	if resp, err := client.Get(url); err == nil {
		_ = resp.Body.Close()
		t.Error("profiles are served after their end")
	}
	if stop, err := profiles(t.Context(), 0); err != nil {
		t.Error(err)
	} else {
		stop()
	}
}

func TestProfilePortTaken(t *testing.T) {
	t.Parallel()
	l, err := listen(t.Context(), profileHost, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := profiles(t.Context(), portOf(l)); err == nil || !strings.HasSuffix(err.Error(), "with --profile-port") {
		t.Errorf("%v", err)
	}
}
