package layering

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "orchestrator/"

// layers says, for each package of the product, which packages of the product it may import. Its tests may import the same,
// wiredInTests and testSupport.
var layers = map[string][]string{
	"internal/session":      {},
	"internal/guards":       {},
	"internal/groupcommit":  {},
	"internal/keyspace":     {"internal/session"},
	"internal/redisx":       {"internal/session", "internal/keyspace", "internal/groupcommit"},
	"internal/registry":     {"internal/session", "internal/keyspace", "internal/redisx", "internal/guards"},
	"internal/lease":        {"internal/session", "internal/keyspace", "internal/redisx"},
	"internal/balancer":     {"internal/session", "internal/keyspace", "internal/redisx"},
	"internal/sessionstore": {"internal/session", "internal/keyspace", "internal/redisx", "internal/guards"},
	"internal/handover":     {"internal/session", "internal/keyspace", "internal/redisx"},
	"internal/events":       {"internal/session", "internal/keyspace", "internal/redisx"},
	"internal/peers":        {"internal/session"},
	"internal/assignments":  {"internal/session", "internal/guards"},
	"internal/fleet": {"internal/session", "internal/keyspace", "internal/registry", "internal/lease", "internal/balancer",
		"internal/sessionstore", "internal/handover", "internal/assignments", "internal/guards", "internal/groupcommit"},
	"internal/doctor": {"internal/session", "internal/keyspace", "internal/redisx", "internal/registry", "internal/balancer",
		"internal/sessionstore"},
	"internal/openapi":   {},
	"internal/dashboard": {"internal/session"},
	"internal/httpapi":   {"internal/session", "internal/assignments", "internal/openapi", "internal/dashboard"},
	"internal/bench":     {"internal/session"},
	"internal/leash":     {},
	"internal/runner":    {"internal/leash"},
	"internal/layering":  {},
	"client":             {}, // what others import: nothing of the product shows in it
	"internal/transfer":  {"internal/session", "client"},
	"cmd/orchestrator": {"cmd/orchestrator", "internal/session", "internal/keyspace", "internal/redisx", "internal/registry", "internal/lease",
		"internal/balancer", "internal/sessionstore", "internal/handover", "internal/events", "internal/peers", "internal/assignments", "internal/fleet",
		"internal/httpapi", "internal/doctor", "internal/bench", "internal/leash", "internal/runner", "client", "internal/transfer"},
}

// wiredInTests are what tests of a package may import beside: those of the use cases run on the real thing.
var wiredInTests = map[string][]string{"internal/fleet": {"internal/redisx"}, "internal/events": {"internal/sessionstore", "internal/registry"}}

// testSupport are packages that no program may contain: they may be imported by tests and by one another.
var testSupport = []string{"internal/chainmodel", "internal/redistest", "internal/scale", "integration", "deploy"}

// libraries says who may import what stands behind one door. A library not named here is free.
var libraries = map[string][]string{
	"github.com/gin-gonic/gin":               {"internal/httpapi"},
	"github.com/spf13":                       {"cmd/orchestrator"},
	"github.com/knadh/koanf":                 {"cmd/orchestrator"},
	"github.com/go-redsync/redsync":          {"internal/lease"},
	"github.com/vmihailenco/msgpack":         {"internal/sessionstore", "internal/bench"},
	"github.com/maypok86/otter":              {"internal/sessionstore"},
	"github.com/klauspost/compress":          {"internal/sessionstore"},
	"github.com/alicebob/miniredis":          {"cmd/orchestrator"},
	"github.com/testcontainers":              {},
	"pgregory.net/rapid":                     {},
	"go.uber.org/goleak":                     {},
	"github.com/redis/go-redis":              {"cmd/orchestrator", "internal/redisx", "internal/registry", "internal/lease", "internal/balancer", "internal/sessionstore", "internal/handover", "internal/events"},
	"testing":                                {},
	"os/exec":                                {"cmd/orchestrator", "internal/leash"},
	"golang.org/x/sys":                       {"cmd/orchestrator", "internal/leash"},
	"net/http":                               {"cmd/orchestrator", "internal/httpapi", "internal/peers", "internal/bench", "client"},
	"github.com/gin-gonic/gin/binding":       {},
	"github.com/gin-gonic/gin/codec/msgpack": {},
}

// pkg is what go list says of one package.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func TestEveryPackageKeepsItsPlace(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if within(p.name(), testSupport) {
			continue
		}
		allowed, ok := layers[room(p.name())]
		if !ok {
			t.Errorf("%s stands in no layer: give it a place in layers, and in the picture of doc.go", p.name())
			continue
		}
		for _, path := range p.Imports {
			if name, ours := strings.CutPrefix(path, module); ours && !within(name, append(allowed, room(p.name()))) {
				t.Errorf("%s must not import %s", p.name(), name)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if name, ours := strings.CutPrefix(path, module); ours && !within(name, slices.Concat(allowed, wiredInTests[room(p.name())], testSupport, []string{room(p.name())})) {
				t.Errorf("a test of %s must not import %s", p.name(), name)
			}
		}
	}
}

func TestLibrariesStayBehindTheirDoors(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if within(p.name(), testSupport) {
			continue
		}
		for _, path := range p.Imports {
			if users, guarded := door(path); guarded && !within(p.name(), users) {
				t.Errorf("%s must not import %s: only %v may", p.name(), path, users)
			}
		}
	}
}

func TestTheRulesSeeWhatTheyForbid(t *testing.T) {
	t.Parallel()
	if within("internal/leaseholder", []string{"internal/lease"}) || !within("internal/lease/x", []string{"internal/lease"}) {
		t.Error("within does not stop at the end of a name")
	}
	if users, guarded := door("github.com/gin-gonic/gin/binding"); !guarded || len(users) != 0 {
		t.Error("the longest name of a library does not decide")
	}
	if _, guarded := door("strings"); guarded {
		t.Error("a library without a rule is not free")
	}
	for name, allowed := range layers {
		siblings := []string{"internal/registry", "internal/lease", "internal/balancer", "internal/sessionstore"}
		for _, s := range siblings {
			if slices.Contains(siblings, name) && slices.Contains(allowed, s) {
				t.Errorf("the layers allow %s to import %s", name, s)
			}
		}
	}
}

// room is the package of layers that a package belongs to: itself, or the one it lies below.
func room(name string) string {
	best := name
	for layer := range layers {
		if within(name, []string{layer}) {
			best = layer
		}
	}
	return best
}

// within reports whether name is one of the roots or lies below one.
func within(name string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return name == root || strings.HasPrefix(name, root+"/") })
}

// door returns who may import path, by the longest rule that covers it.
func door(path string) (users []string, guarded bool) {
	longest := -1
	for library, who := range libraries {
		if len(library) > longest && within(path, []string{library}) {
			longest, users, guarded = len(library), who, true
		}
	}
	return users, guarded
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "nomsgpack", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
