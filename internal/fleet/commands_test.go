package fleet

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
	"orchestrator/internal/session"
)

// Lists, filters, metrics and explanations read what they show page by page: no command, those that scripts run included, reads a whole set or
// hash that grows with the number of sessions. (KEYS and SCAN, which name no key of the fleet's, its user may not even run: deploy/redis.)
func TestNothingIsReadWhole(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		ctx, prefix := t.Context(), redistest.Prefix(t)
		a, b := join(t, r, prefix, "a", settings{idle: true}), join(t, r, prefix, "b", settings{idle: true})
		made := append(a.make(t, 60), b.make(t, 60)...)
		heard := monitor(t, a, prefix)
		for _, order := range session.Orders {
			for _, f := range []session.Filter{
				{}, {Types: []string{"t", "u"}}, {Owners: []session.NodeID{"a"}}, {Owners: []session.NodeID{"a", "b"}}, {Owners: []session.NodeID{"a", "b", "c", "d", "e"}},
				{Labels: session.Selector{{Key: "k", Operator: session.Absent}}}, {Labels: session.Selector{session.Equals("k", "v")}},
			} {
				ask := session.Listing{Filter: f, Order: order, Limit: 50}
				for {
					page, err := a.List(ctx, ask)
					if err != nil {
						t.Fatal(err)
					}
					if ask.Token = page.Next; ask.Token == "" {
						break
					}
				}
			}
		}
		for _, ask := range []func() error{
			func() error { _, err := a.Cluster(ctx); return err },
			func() error { a.Local(ctx); return nil },
			func() error { _, err := a.Nodes(ctx); return err },
			func() error { _, err := a.Explain(ctx, made[0].ID); return err },
			func() error {
				_, err := a.DryRun(ctx, session.Draft{Type: "t", Name: "n", Workspace: "/w"})
				return err
			},
			func() error { _, err := a.Get(ctx, made[0].ID, session.Linearizable); return err },
			func() error { _, err := a.Assignments(ctx, "a"); return err },
		} {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
		}
		commands := heard()
		names := map[string]int{}
		for _, cmd := range commands {
			names[strings.ToLower(cmd[0])]++
			if why := whole(cmd); why != "" {
				t.Errorf("%s: %.300q", why, cmd)
			}
		}
		t.Logf("%v", names)
		for _, name := range []string{"zrange", "hmget", "hgetall", "evalsha", "get", "pttl"} {
			if names[name] == 0 {
				t.Errorf("%s was not heard: what else was not?", name)
			}
		}
	})
}

// whole says why a command may read without a bound; "" where it cannot.
func whole(cmd []string) string {
	name := strings.ToLower(cmd[0])
	if len(cmd) < 2 {
		return ""
	}
	key := cmd[1]
	kind := key[strings.LastIndex(key, "}:")+1:]
	after := func(word string) int {
		i := slices.IndexFunc(cmd, func(arg string) bool { return strings.EqualFold(arg, word) })
		if i < 0 || i+1 >= len(cmd) {
			return -1
		}
		n, err := strconv.Atoi(cmd[min(i+1+map[string]int{"limit": 1}[word], len(cmd)-1)])
		if err != nil {
			return -1
		}
		return n
	}
	const most = 1000
	switch name {
	case "keys", "scan", "sscan", "hscan", "zscan", "smembers", "hkeys", "hvals", "sort", "sunion", "zunion", "dump":
		return "it reads all"
	case "hgetall":
		if !strings.HasPrefix(kind, ":session:") && !strings.HasPrefix(kind, ":copy:") && !strings.HasPrefix(kind, ":node:") {
			return "a hash that is no record"
		}
	case "zrange", "zrevrange", "zrangebyscore", "zrangebylex", "zrevrangebyscore", "zrevrangebylex", "lrange":
		if kind == ":nodes" || kind == ":load" { // as many as nodes
			return ""
		}
		if n := after("limit"); n >= 0 {
			if n > most {
				return fmt.Sprintf("%d at once", n)
			}
			return ""
		}
		first, err1 := strconv.Atoi(cmd[2])
		last, err2 := strconv.Atoi(cmd[3])
		if err1 != nil || err2 != nil || first < 0 || last < 0 || last-first >= most {
			return "a range without a limit"
		}
	case "xrange", "xrevrange", "xread":
		if n := after("count"); n < 0 || n > most {
			return "a stream without a limit"
		}
	}
	return ""
}

// The rule finds what it is for.
func TestWholeReadsAreFound(t *testing.T) {
	t.Parallel()
	for text, bad := range map[string]bool{
		"smembers o:{p}:owners": true, "KEYS o:*": true, "hkeys o:{fleet}:moves": true, "hgetall o:{fleet}:reservations": true, "hgetall o:{p}:session:x": false,
		"hgetall o:{fleet}:node:a": false, "zrange o:{p}:index 0 -1": true, "zrange o:{p}:index 0 999": false, "zrange o:{p}:index 0 1000": true,
		"zrange o:{p}:index - + bylex": true, "zrange o:{p}:index - + bylex limit 0 1000": false, "zrange o:{p}:index - + bylex limit 0 1001": true,
		"zrange o:{p}:index - + bylex limit 0 -1": true, "zrange o:{fleet}:nodes 0 -1 withscores": false, "zrange o:{fleet}:reserved:a 0 -1": true,
		"zrangebyscore o:{p}:expiry -inf 5": true, "zrangebyscore o:{p}:expiry -inf 5 limit 0 10": false, "lrange o:{p}:x 0 -1": true,
		"xrange o:{p}:events - +": true, "xrange o:{p}:events - + count 10": false, "hmget o:{p}:session:x a b": false, "ping": false,
	} {
		if got := whole(strings.Fields(text)); (got != "") != bad {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// monitor has every master tell the commands on keys of a prefix that it carries out from now on (MONITOR). What it returns ends that, and
// returns them.
func monitor(t *testing.T, m *member, prefix string) func() [][]string {
	t.Helper()
	type ear struct {
		conn  net.Conn
		lines *bufio.Reader
		addr  string
	}
	var ears []ear
	for _, master := range m.client.Topology().Masters {
		conn, err := net.DialTimeout("tcp", master.Addr, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := conn.Write([]byte("MONITOR\r\n")); err != nil {
			t.Fatal(err)
		}
		e := ear{conn, bufio.NewReader(conn), master.Addr}
		if line, err := e.lines.ReadString('\n'); err != nil || line != "+OK\r\n" {
			t.Fatalf("MONITOR: %q, %v", line, err)
		}
		ears = append(ears, e)
	}
	return func() (commands [][]string) {
		for _, e := range ears {
			one := redis.NewClient(&redis.Options{Addr: e.addr})
			last := prefix + " that is all"
			err := one.Echo(t.Context(), last).Err()
			_ = one.Close()
			if err != nil {
				t.Fatal(err)
			}
			_ = e.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			for {
				line, err := e.lines.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(line, last) {
					break
				}
				if cmd := spoken(line); slices.ContainsFunc(cmd, func(arg string) bool { return strings.HasPrefix(arg, prefix+":") }) {
					commands = append(commands, cmd)
				}
			}
		}
		return commands
	}
}

// spoken reads the arguments of a line of MONITOR: +time [db address] "name" "argument" ...
func spoken(line string) (cmd []string) {
	_, rest, _ := strings.Cut(line, "] ")
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return append(cmd, rest) // an escape that Go does not know: of no key
		}
		arg, err := strconv.Unquote(quoted)
		if err != nil {
			arg = quoted
		}
		cmd, rest = append(cmd, arg), rest[len(quoted):]
	}
	return cmd
}
