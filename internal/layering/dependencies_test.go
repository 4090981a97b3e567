package layering

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root     = "../.."
	document = root + "/docs/dependencies.md"
)

// row is the first cell of a table's line: a module's path in backquotes.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

func TestEveryDependencyIsExplained(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var explained []string
	for _, m := range row.FindAllStringSubmatch(string(b), -1) {
		explained = append(explained, m[1])
	}
	required, direct := requirements(t)
	used := imported(t, required)
	for _, m := range used {
		if !slices.Contains(explained, m) {
			t.Errorf("%s is imported and has no line in docs/dependencies.md", m)
		}
	}
	for _, m := range explained {
		if !slices.Contains(used, m) {
			t.Errorf("docs/dependencies.md explains %s, which nothing imports", m)
		}
	}
	for _, m := range direct {
		if !slices.Contains(explained, m) {
			t.Errorf("go.mod requires %s directly, and docs/dependencies.md does not say why", m)
		}
	}
}

// requirements returns the modules of go.mod, and those of them that it does not call indirect.
func requirements(t *testing.T) (all, direct []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", root+"/go.mod").Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		all = append(all, r.Path)
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	return all, direct
}

// imported returns the modules that hold the packages which ours import, tests included.
func imported(t *testing.T, required []string) []string {
	t.Helper()
	var used []string
	for _, p := range packages(t) {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			domain, _, _ := strings.Cut(path, "/")
			if m := owner(path, required); m != "" {
				used = append(used, m)
			} else if strings.Contains(domain, ".") {
				t.Errorf("%s imports %s, of which go.mod has no module", p.ImportPath, path)
			}
		}
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// owner returns the longest of the modules that path lies in.
func owner(path string, modules []string) string {
	best := ""
	for _, m := range modules {
		if len(m) > len(best) && within(path, []string{m}) {
			best = m
		}
	}
	return best
}
