package sessionstore

import (
	"slices"
	"strings"
	"testing"

	"orchestrator/internal/redistest"
)

// controls are the operations and scripts with one guard taken out each. What a guard prevents must be found, by the same
// stories and checks: only then does it mean something that they find nothing otherwise.
var controls = []struct {
	variant
	finds string // what goes wrong
	seeds uint64 // within so many it must be found
}{
	{control("copies do not compare", allGuards, map[string]string{"elseif cur ~= expect then": "elseif false then"}), "acknowledged and lost", 600},
	{control("home does not compare", allGuards, map[string]string{"elseif cur ~= s.expect then": "elseif false then"}), "acknowledged and lost", 600},
	{control("the operation is left out of the stamp", allGuards, map[string]string{
		"local codes, at": "local function bare(s) return s:match('^%d+%.%d+') or s end\nlocal codes, at",
		"cur == new":      "bare(cur) == bare(new)",
		"cur ~= expect":   "bare(cur) ~= bare(expect)",
		"cur == s.new":    "bare(cur) == bare(s.new)",
		"cur ~= s.expect": "bare(cur) ~= bare(s.expect)",
	}), "acknowledged and lost", 100},
	{control("fields of the old record stay", allGuards, map[string]string{"call('HDEL', key, field)": "", "call('HDEL', key, ARGV[i])": ""}), "home's entries differ", 100},
	{control("the old owner keeps its entry", allGuards, map[string]string{"push(of(lost, KEYS[k + 2], s.oldOwner), s.id)": ""}), "home's entries differ", 100},
	{control("a lease is only given where there is none", allGuards, map[string]string{"if changed then": "if false then"}), "home's entries differ", 100},
	{control("a tombstone stays listed", allGuards, map[string]string{"push(unlisted, s.id)": ""}), "home's entries differ", 100},
	{control("messages are left out of a copy's script", allGuards, map[string]string{"      attach(KEYS[i])\n": ""}), "beside a record lies", 100},
	{control("messages are left out of home's script", allGuards, map[string]string{"      attach(KEYS[k])\n": ""}), "beside a record lies", 100},
	{control("the index of what was published does not follow", allGuards, map[string]string{
		"    follow(messages,": "    mayIndex(messages,",
	}), "beside a record lies", 100},
	{control("a repair forgets what lies beside", allGuards, map[string]string{
		"attach = function(record)\n": "attach = function(record)\n  if ARGV[1] == 'must' then return end\n",
	}), "beside a record lies", 100},
	{control("home is written first", homeFirst, nil), "acknowledged and lost", 600},
	{control("an operation is not recognised", noRecognition, nil), "applied twice", 100},
	{control("reads ask home alone", readHomeAlone, nil), "stale read", 200},
	{variant{name: "fast, reads ask home alone", factor: 2, fast: true, guard: readHomeAlone}, "stale read", 200},
	{variant{name: "fast, reads ask the first copy alone", factor: 2, losses: 1, fast: true, guard: readCopyAlone}, "stale read", 600},
	{variant{name: "a fast write may not be lost", factor: 2, losses: 1, fast: true, strict: true}, "acknowledged and lost", 600},
}

func control(name string, g guard, swaps map[string]string) variant {
	return variant{name: name, factor: 2, losses: 1, guard: g, tampered: swaps}
}

func TestControlsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range controls {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if *flagVariant != "" && *flagVariant != c.name {
				t.Skipf("-variant asks for %s", *flagVariant)
			}
			th := newTheater(t, redistest.Shared(t), c.tampered)
			for seed := range c.seeds {
				broken := th.play(t, c.variant, 1+seed)
				if i := slices.IndexFunc(broken, func(b string) bool { return strings.HasPrefix(b, c.finds) }); i >= 0 {
					t.Logf("seed %d: %s", 1+seed, broken[i])
					return
				}
			}
			t.Fatalf("not found in seeds 1 to %d", c.seeds)
		})
	}
}
