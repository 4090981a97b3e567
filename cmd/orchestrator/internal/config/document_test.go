package config

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated instead of comparing it")

const document = "../../../../docs/configuration.md"

func TestDocumentHoldsEveryKeyAsTheCodeDoes(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(b), "keys", keyTable())
	want = between(t, want, "presets", presetTable())
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(b) != want {
		t.Error("docs/configuration.md does not say what the code does: run `make docs`")
	}
}

// between replaces what stands between the two comments that mark a generated part.
func between(t *testing.T, text, part, content string) string {
	t.Helper()
	first, last := "<!-- "+part+": written by `make docs` -->\n", "<!-- end of "+part+" -->"
	head, rest, ok := strings.Cut(text, first)
	_, tail, ok2 := strings.Cut(rest, last)
	if !ok || !ok2 {
		t.Fatalf("the document has lost the marks around its %s", part)
	}
	return head + first + content + last + tail
}

func keyTable() string {
	var b strings.Builder
	b.WriteString("| Key | Flag | Variable | Default | Must be | Meaning |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, k := range keys {
		name := "`--" + k.Flag() + "`"
		if k.Secret {
			name = "none"
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s | %s |\n", k.Name, name, k.Env(), cmp.Or(k.Default, "none"), k.Range, k.Usage)
	}
	return b.String()
}

func presetTable() string {
	var b strings.Builder
	b.WriteString("| Key | default | high-throughput | high-availability |\n| --- | --- | --- | --- |\n")
	for _, k := range keys {
		fast, safe := presets["high-throughput"][k.Name], presets["high-availability"][k.Name]
		if fast == nil && safe == nil {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %v | %v |\n", k.Name, k.Default, orDefault(fast, k), orDefault(safe, k))
	}
	return b.String()
}

func orDefault(value any, k Key) any {
	if value == nil {
		return k.Default
	}
	return value
}
