package main

import (
	"fmt"
	"io"
	"strings"
)

// address is where one node of the process answers.
type address struct{ node, url string }

// greet prints where the nodes of a fleet in one process are, what to try, and what not to hope for.
func greet(w io.Writer, nodes []address, redis string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes and an embedded Redis (%s) run in this process:\n\n", len(nodes), redis)
	for _, n := range nodes {
		fmt.Fprintf(&b, "  %-8s %s\n", n.node, n.url)
	}
	b.WriteString("\nCreate a session at one node, read it at the next, change and delete it at another:\n\n")
	for _, line := range tries(nodes) {
		b.WriteString("  " + line + "\n")
	}
	b.WriteString("\nIn a browser each address shows the fleet.\n\nNothing survives the end of this process: sessions live in its memory alone. Ctrl-C ends it.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// tries returns three lines for a shell, each for another node as far as there are three.
func tries(nodes []address) []string {
	at := func(i int) string { return nodes[i%len(nodes)].url + "/v1/sessions" }
	const json = "-H 'Content-Type: application/json' -d"
	return []string{
		fmt.Sprintf(`ID=$(curl -s %s %s '{"type":"agent","name":"first","workspace":"demo"}' | sed 's/.*"id":"\([^"]*\)".*/\1/'); echo $ID`, at(0), json),
		fmt.Sprintf(`curl -s %s/$ID`, at(1)),
		fmt.Sprintf(`curl -s -X PATCH %s/$ID %s '{"status":"idle"}'; curl -s -X DELETE %s/$ID -w '%%{http_code}\n'`, at(2), json, at(2)),
	}
}

// farewell says it again at the end, when it has come true.
func farewell(w io.Writer) error {
	_, err := fmt.Fprintln(w, "The fleet has ended and its sessions are gone with it: nothing was kept.")
	return err
}
