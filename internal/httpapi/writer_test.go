package httpapi

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

// shape is a session as the API shows it, told to encoding/json.
type shape struct {
	ID        session.ID        `json:"id"`
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Workspace string            `json:"workspace"`
	Config    map[string]any    `json:"config"`
	Labels    map[string]string `json:"labels"`
	Status    session.Status    `json:"status"`
	Owner     session.NodeID    `json:"owner"`
	Epoch     uint64            `json:"epoch"`
	Version   uint64            `json:"version"`
	Copies    int               `json:"copies"`
	CreatedAt string            `json:"createdAt"`
	UpdatedAt string            `json:"updatedAt"`
	OwnedAt   string            `json:"ownedAt,omitempty"`
	ExpiresAt string            `json:"expiresAt,omitempty"`
}

func shapeOf(s session.Session) shape {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	return shape{
		ID: s.ID, Type: s.Type, Name: s.Name, Workspace: s.Workspace, Config: s.Config, Labels: s.Labels, Status: s.Status, Owner: s.Owner(),
		Epoch: s.Stamp.Epoch, Version: s.Stamp.Version, Copies: s.Copies,
		CreatedAt: at(s.CreatedAt), UpdatedAt: at(s.UpdatedAt), OwnedAt: at(s.OwnedAt), ExpiresAt: at(s.ExpiresAt),
	}
}

func drawSession(t *rapid.T) session.Session {
	moment := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" known") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, name), rapid.Int64Range(0, 1e9-1).Draw(t, name+" ns")).In(time.FixedZone("", 3600))
	}
	s := sample()
	s.Name, s.Workspace = rapid.String().Draw(t, "name"), rapid.StringN(0, 400, -1).Draw(t, "workspace")
	s.Config = rapid.MapOfN(rapid.String(), anything(3), 0, 20).Draw(t, "config")
	s.Labels = rapid.MapOfN(rapid.String(), rapid.String(), 0, 20).Draw(t, "labels")
	s.Stamp.Epoch, s.Stamp.Version, s.Copies = rapid.Uint64().Draw(t, "epoch"), rapid.Uint64().Draw(t, "version"), rapid.IntRange(0, 3).Draw(t, "copies")
	s.UpdatedAt, s.OwnedAt, s.ExpiresAt = s.CreatedAt.Add(time.Hour), moment("owned"), moment("expires")
	return s
}

// Sessions that write themselves read as encoding/json would have written them, in either encoding.
func TestSessionsWriteThemselves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSession(t)
		text, err := json.Marshal(shapeOf(s))
		require.NoError(t, err)
		var want, got any
		require.NoError(t, json.Unmarshal(text, &want))
		require.NoError(t, json.Unmarshal([]byte(textOf((*sessionView)(&s))), &got))
		require.Equal(t, want, got)
		require.Equal(t, want, unpacked(t, packedOf(t, (*sessionView)(&s))))
	})
}

// packedOf is v in MessagePack.
func packedOf(t failing, v any) string {
	t.Helper()
	w := writer{packed: true}
	w.value(v)
	require.NoError(t, w.err)
	return string(w.out)
}

// A config that was read is written so that it reads as the same again, in either encoding.
func TestConfigsSurviveTheWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body, _ := packText(textOf(rapid.MapOfN(rapid.String(), anything(3), 0, 20).Draw(t, "config")), true)
		config, err := parsePacked([]byte(body))
		require.NoError(t, err)
		again, err := parsePacked([]byte(packedOf(t, config)))
		require.NoError(t, err)
		require.Equal(t, config, again)
		again, err = parseObject([]byte(textOf(config)))
		require.NoError(t, err)
		require.Equal(t, textOf(config), textOf(again)) // 1.0 comes back as the integer that JSON writes it as
	})
}

// Negative zero stays what it is, however often it is read and written: else it would be told as one value and kept as another.
func TestNegativeZeroSurvivesTheWay(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"a":-0.0,"b":[-0,0]}`, `{"a":-0e5,"b":[-0,0]}`} {
		for range 2 {
			v, err := parseObject([]byte(text))
			require.NoError(t, err)
			text = textOf(v)
			require.Equal(t, `{"a":-0,"b":[-0,0]}`, text)
			packed, err := parsePacked([]byte(packedOf(t, v)))
			require.NoError(t, err)
			require.Equal(t, text, textOf(packed))
		}
	}
}

// What a record holds that no client can have sent is written as encoding/json writes it, or fails.
func TestForeignValues(t *testing.T) {
	t.Parallel()
	config := map[string]any{
		"bytes": []byte("\x00\xff"), "time": time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC), "int8": int8(-3), "float32": float32(0.5), "bad": "a\xffb",
		"nested": map[string]any{"list": []any{[]byte("x"), map[any]any(nil)}},
	}
	delete(config["nested"].(map[string]any), "list")
	text, err := json.Marshal(config)
	require.NoError(t, err)
	require.JSONEq(t, string(text), textOf(config))
	var want any
	require.NoError(t, json.Unmarshal(text, &want))
	require.Equal(t, want, unpacked(t, packedOf(t, config)))
	for _, impossible := range []any{math.NaN(), math.Inf(1), map[any]any{1: 2}, func() {}} {
		for _, packed := range []bool{false, true} {
			w := writer{packed: packed}
			w.value(map[string]any{"x": impossible})
			require.ErrorContains(t, w.err, "encode the answer")
		}
	}
}

func TestInstants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-1<<36, 1<<37).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "zone")))
		require.Equal(t, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"), string(instant(at).append(nil)))
	})
}

// A writer that is used again begins empty and holds nothing of what it wrote before.
func TestWritersAreUsedAgain(t *testing.T) {
	t.Parallel()
	s := sample()
	want := textOf((*sessionView)(&s))
	var w writer
	for range 3 {
		w.value((*sessionView)(&s))
		require.Equal(t, want, string(w.out))
		w.value(math.NaN())
		require.Error(t, w.err)
		w.reset()
		require.NoError(t, w.err)
		require.NotZero(t, cap(w.out))
		require.Equal(t, make([]string, cap(w.names)), w.names[:cap(w.names)])
	}
}
