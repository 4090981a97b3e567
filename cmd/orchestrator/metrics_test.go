package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const metricsDocument = "../../docs/metrics.md"

// docs/metrics.md lists every series of a node, but for those of Go and the process, as the node itself tells them.
func TestDocumentHoldsEveryMetric(t *testing.T) {
	t.Parallel()
	greeting, end := startDev(t, "--nodes=1")
	defer end()
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(greeting)
	scrape(t, url+"/v1/nodes") // so that there is a request to count
	table := metricsTable(scrape(t, url+"/metrics"))
	b, err := os.ReadFile(metricsDocument)
	if err != nil {
		t.Fatal(err)
	}
	const first, last = "<!-- metrics: written by `make docs` -->\n", "<!-- end of metrics -->"
	head, rest, ok := strings.Cut(string(b), first)
	_, tail, ok2 := strings.Cut(rest, last)
	if !ok || !ok2 {
		t.Fatal("docs/metrics.md has lost the marks around its table")
	}
	for _, name := range regexp.MustCompile(`(?:orchestrator|http)_\w+`).FindAllString(head, -1) {
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("docs/metrics.md would alert by %s, which there is not", name)
		}
	}
	switch want := head + first + table + last + tail; {
	case *update:
		err = os.WriteFile(metricsDocument, []byte(want), 0o644)
	case want != string(b):
		t.Error("docs/metrics.md does not say what a node tells: run `make docs`")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", url, resp.StatusCode, text, err)
	}
	return string(text)
}

// metricsTable makes a table of what stands in the text form of a node's metrics.
func metricsTable(text string) string {
	var b strings.Builder
	b.WriteString("| Series | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n")
	for _, m := range regexp.MustCompile(`(?m)^# HELP ((?:orchestrator|http)_\w+) (.*)\n# TYPE \w+ (\w+)$`).FindAllStringSubmatch(text, -1) {
		name, help, kind := m[1], m[2], m[3]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, kind, labelsOf(text, name), help)
	}
	return b.String()
}

// labelsOf lists the labels of a series' samples, without the one of a histogram's buckets.
func labelsOf(text, name string) string {
	var all []string
	for _, sample := range regexp.MustCompile(`(?m)^`+name+`(?:_bucket)?\{(.*)\} `).FindAllStringSubmatch(text, -1) {
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(sample[1], -1) {
			if label[1] != "le" && !slices.Contains(all, "`"+label[1]+"`") {
				all = append(all, "`"+label[1]+"`")
			}
		}
	}
	return strings.Join(all, ", ")
}
