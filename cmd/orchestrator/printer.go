package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"orchestrator/client"
)

// printer writes what a fleet says in the form that was asked for.
type printer struct {
	w    io.Writer
	form string // table, json or name
}

// json writes a value as it is, and reports whether that was asked for.
func (p printer) json(v any) (done bool, err error) {
	if p.form != "json" {
		return false, nil
	}
	enc := json.NewEncoder(p.w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return true, enc.Encode(v)
}

// names writes one name a line, and reports whether that was asked for.
func (p printer) names(all ...string) (done bool, err error) {
	if p.form != "name" {
		return false, nil
	}
	for _, n := range all {
		if _, err := fmt.Fprintln(p.w, n); err != nil {
			return true, err
		}
	}
	return true, nil
}

// rows writes a table. What strangers may have put into a cell moves no other and no terminal.
func (p printer) rows(head string, rows ...[]string) error {
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	if head != "" {
		fmt.Fprintln(t, strings.Join(strings.Fields(head), "\t"))
	}
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = cmp.Or(plain(c), "-")
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// plain is a text without what steers a terminal or a table.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func pairs(labels map[string]string) string {
	all := make([]string, 0, len(labels))
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, k+"="+labels[k])
	}
	return strings.Join(all, ",")
}

func (p printer) sessions(all []client.Session) error {
	ids, rows := make([]string, len(all)), make([][]string, len(all))
	for i, s := range all {
		ids[i] = s.ID
		rows[i] = []string{s.ID, s.Type, s.Name, string(s.Status), s.Owner, fmt.Sprint(s.Epoch), fmt.Sprint(s.Version), when(s.CreatedAt), pairs(s.Labels)}
	}
	if done, err := p.names(ids...); done {
		return err
	}
	if done, err := p.json(all); done {
		return err
	}
	return p.rows("ID TYPE NAME STATUS OWNER EPOCH VERSION CREATED LABELS", rows...)
}

func (p printer) session(s client.Session) error {
	if done, err := p.names(s.ID); done {
		return err
	}
	if done, err := p.json(s); done {
		return err
	}
	config, err := json.Marshal(s.Config)
	if err != nil {
		return err
	}
	durability := cmp.Or(s.Durability, client.Acked)
	return p.rows("", []string{"id", s.ID}, []string{"type", s.Type}, []string{"name", s.Name}, []string{"workspace", s.Workspace},
		[]string{"status", string(s.Status)}, []string{"owner", s.Owner}, []string{"epoch", fmt.Sprint(s.Epoch)}, []string{"version", fmt.Sprint(s.Version)},
		[]string{"copies", fmt.Sprint(s.Copies)}, []string{"durability", string(durability)}, []string{"created", when(s.CreatedAt)}, []string{"updated", when(s.UpdatedAt)},
		[]string{"owned since", when(s.OwnedAt)}, []string{"expires", when(s.ExpiresAt)}, []string{"labels", pairs(s.Labels)},
		[]string{"config", string(config)}, []string{"etag", s.ETag})
}

func (p printer) candidates(all []client.Candidate) error {
	rows := make([][]string, len(all))
	for i, c := range all {
		rows[i] = []string{c.Node, fmt.Sprint(c.Score), fmt.Sprintf("%d/%d", c.Sessions, c.MaxSessions), fmt.Sprint(c.Weight),
			map[bool]string{true: "yes", false: "no"}[c.Takes], c.PassedOver}
	}
	return p.rows("CANDIDATE SCORE SESSIONS WEIGHT TAKES PASSED-OVER", rows...)
}

func (p printer) explanation(e client.Explanation) error {
	if done, err := p.json(e); done {
		return err
	}
	err := p.rows("", []string{"session", e.Session}, []string{"owner", e.Owner + " " + e.Incarnation}, []string{"owned since", when(e.OwnedSince)},
		[]string{"epoch", fmt.Sprint(e.Epoch)}, []string{"version", fmt.Sprint(e.Version)}, []string{"partition", fmt.Sprint(e.Partition)},
		[]string{"lease", e.Lease.Holder}, []string{"lease ends in", e.Lease.EndsIn.String()}, []string{"one master", fmt.Sprint(e.Colocated)})
	if err != nil {
		return err
	}
	rows := make([][]string, len(e.Records))
	for i, r := range e.Records {
		rows[i] = []string{r.Role, r.Key, fmt.Sprint(r.Slot), r.Master, r.Stamp, fmt.Sprint(r.Agrees), when(r.WrittenAt)}
	}
	fmt.Fprintln(p.w)
	if err := p.rows("RECORD KEY SLOT MASTER STAMP AGREES WRITTEN", rows...); err != nil {
		return err
	}
	fmt.Fprintln(p.w)
	if err := p.candidates(e.Placement.Candidates); err != nil || len(e.Events) == 0 {
		return err
	}
	fmt.Fprintln(p.w)
	return p.events(e.Events)
}

func (p printer) dryRun(d client.DryRun) error {
	if done, err := p.json(d); done {
		return err
	}
	if err := p.sessions([]client.Session{d.Session}); err != nil || p.form == "name" {
		return err
	}
	fmt.Fprintln(p.w)
	return p.candidates(d.Placement.Candidates)
}

func (p printer) nodes(all []client.Node) error {
	ids, rows := make([]string, len(all)), make([][]string, len(all))
	for i, n := range all {
		ids[i] = n.ID
		rows[i] = []string{n.ID, string(n.State), fmt.Sprintf("%s:%d", n.Host, n.Port), fmt.Sprintf("%d/%d", n.Sessions, n.MaxSessions),
			fmt.Sprint(n.Weight), n.Zone, n.Version, when(n.StartedAt), handing(n.Drain), n.Quarantine}
	}
	if done, err := p.names(ids...); done {
		return err
	}
	if done, err := p.json(all); done {
		return err
	}
	return p.rows("NODE STATE ADDRESS SESSIONS WEIGHT ZONE VERSION STARTED DRAIN QUARANTINE", rows...)
}

// node writes one node: as a row of the table of nodes, or by itself.
func (p printer) node(n client.Node) error {
	if done, err := p.json(n); done {
		return err
	}
	return p.nodes([]client.Node{n})
}

// handing says how far a drain is.
func handing(d *client.Drain) string {
	switch {
	case d == nil:
		return ""
	case d.Done:
		return fmt.Sprintf("done, %d handed over", d.HandedOver)
	case d.Overdue:
		return fmt.Sprintf("%d left of %d, overdue", d.Left, d.From)
	}
	return fmt.Sprintf("%d left of %d", d.Left, d.From)
}

func (p printer) metrics(m client.ClusterMetrics) error {
	if done, err := p.json(m); done {
		return err
	}
	rows := make([][]string, len(m.NodeDetails))
	for i, n := range m.NodeDetails {
		rows[i] = []string{n.ID, string(n.Status), fmt.Sprintf("%d/%d", n.Sessions, n.MaxSessions), fmt.Sprint(n.Weight), n.Zone,
			fmt.Sprintf("%d MiB", n.MemoryUsage>>20), when(n.LastHeartbeat), n.Quarantine}
	}
	if _, err := fmt.Fprintf(p.w, "%d sessions on %d nodes, %d of them healthy\n\n", m.TotalSessions, m.TotalNodes, m.HealthyNodes); err != nil {
		return err
	}
	return p.rows("NODE STATE SESSIONS WEIGHT ZONE MEMORY HEARTBEAT QUARANTINE", rows...)
}

func (p printer) rebalance(r client.Rebalance) error {
	if done, err := p.json(r); done {
		return err
	}
	verb := "begun"
	if r.DryRun {
		verb = "would be"
	}
	rows := make([][]string, len(r.Nodes))
	for i, n := range r.Nodes {
		rows[i] = []string{n.ID, fmt.Sprint(n.Sessions), fmt.Sprint(n.Target), fmt.Sprint(n.Give), fmt.Sprint(n.Movable)}
	}
	if _, err := fmt.Fprintf(p.w, "%d moves %s\n\n", r.Moves, verb); err != nil {
		return err
	}
	return p.rows("NODE SESSIONS TARGET GIVE MOVABLE", rows...)
}

// events writes a line for each event, in columns wide enough for most, for the next is not known yet.
func (p printer) events(all []client.Event) error {
	for _, e := range all {
		if err := p.event(e); err != nil {
			return err
		}
	}
	return nil
}

func (p printer) event(e client.Event) error {
	if p.form == "json" { // one a line, as they come
		return json.NewEncoder(p.w).Encode(e)
	}
	node := e.Node
	if e.PreviousNode != "" {
		node = e.PreviousNode + " -> " + e.Node
	}
	_, err := fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf("%-20s  %-16s  %-36s  %-16s  %s",
		when(e.Time), plain(e.Type), plain(e.Session), plain(node), plain(e.Reason)), " "))
	return err
}
