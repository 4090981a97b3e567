package sessionstore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"orchestrator/internal/session"
)

// words are what the prompts of the records below are made of.
var words = []string{"the", "agent", "reads", "every", "file", "before", "it", "changes", "one", "and", "runs", "tests", "with", "a", "report",
	"of", "what", "failed", "repository", "branch", "never", "pushes", "to", "main", "asks", "when", "unsure", "keeps", "commits", "small"}

// configured is a record whose body has about so many bytes, as an agent's session has one: a prompt, tools with their schemas, names and
// tokens that nobody could guess.
func configured(size int) Record {
	dice := rand.New(rand.NewPCG(1, uint64(size)))
	r := goldens["least"]
	r.CreateOp, r.Labels = string(goldenID), map[string]string{"team": "infra", "env": "dev"}
	r.Ops = []session.OpID{opOne, opTwo}
	r.Config = map[string]any{"model": "large", "turns": int64(40), "cwd": "/srv/work/repo", "mode": "acceptEdits"}
	prompt, tools, env := "", []any{}, map[string]any{}
	for n := 300; n < size; n += 400 {
		for range 30 {
			prompt += words[dice.IntN(len(words))] + " "
		}
		tools = append(tools, map[string]any{"name": fmt.Sprint("tool", n), "input_schema": map[string]any{"type": "object", "required": []any{"path"},
			"properties": map[string]any{"path": map[string]any{"type": "string"}, "limit": map[string]any{"type": "integer"}}}})
		env[fmt.Sprint("TOKEN_", n)] = fmt.Sprintf("%016x%016x", dice.Uint64(), dice.Uint64())
		r.Config["prompt"], r.Config["tools"], r.Config["env"] = prompt, tools, env
	}
	return r
}

func BenchmarkCodec(b *testing.B) {
	for _, size := range []int{300, 2 << 10, 32 << 10} {
		for name, c := range map[string]*codec{"plain": plain, "zstd": {threshold: 1}} {
			r := configured(size)
			blob, err := c.encodeBlob(r)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("encode/%s/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.encodeBlob(r); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(blob)), "bytes/blob")
			})
			b.Run(fmt.Sprintf("decode/%s/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := decodeBlob(blob, &Record{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
