package sessionstore

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"orchestrator/internal/session"
)

var flagUpdate = flag.Bool("update", false, "write the golden files of records anew")

const (
	goldenID = session.ID("01890a5d-ac96-774b-bcce-b302099a8057")
	opOne    = session.OpID("01890a5d-ac96-774b-bcce-b302099a0001")
	opTwo    = session.OpID("01890a5d-ac97-774b-bcce-b302099a0002")
)

// goldens are records whose bytes in Redis, as this version writes them, every later version must read.
var goldens = map[string]Record{
	"least": {Session: session.Session{ID: goldenID, Type: "t", Name: "n", Workspace: "w", Status: session.Active,
		Holder: session.Holder{Node: "node-a", Incarnation: "00112233aabbccdd"}, Stamp: session.Stamp{Epoch: 1, Op: opOne},
		CreatedAt: opOne.Born(), UpdatedAt: opOne.Born()}, Ops: []session.OpID{opOne}},
	"full": {Session: session.Session{ID: goldenID, Type: "development", Name: "name ✓ 名前", Workspace: "/w/one", Status: session.Failed,
		Config: map[string]any{"nil": nil, "yes": true, "no": false, "least": int64(math.MinInt64), "most": int64(math.MaxInt64), "pi": 3.25,
			"text": "ünï\x00code", "list": []any{int64(-1), "two", []any{}, map[string]any{"deep": int64(127)}}, "bytes": strings.Repeat("x", 300)},
		Labels: map[string]string{"a": "", "b/c": "d"}, Holder: session.Holder{Node: "node-b", Incarnation: "ffffffffffffffff"},
		Stamp: session.Stamp{Epoch: 7, Version: 1<<53 - 1, Op: opTwo}, Copies: 2, CreatedAt: opOne.Born(), UpdatedAt: opTwo.Born(),
		ExpiresAt: time.Date(2031, 2, 3, 4, 5, 6, 789e6, time.UTC)},
		CreateOp: string(goldenID), Ops: []session.OpID{opOne, opTwo}, Floor: opOne, Chain: []int{3, 7}},
	"moved": {Session: session.Session{ID: goldenID, Type: "t", Name: "n", Workspace: "w", Status: session.Idle,
		Holder: session.Holder{Node: "node-a", Incarnation: "00112233aabbccdd"}, Stamp: session.Stamp{Epoch: 1, Version: 1, Op: opTwo}, Copies: 1,
		CreatedAt: opOne.Born(), UpdatedAt: opOne.Born()}, CreateOp: string(goldenID), Ops: []session.OpID{opOne, opTwo}, Chain: []int{5}, From: []int{2, 1}},
	"owned": {Session: session.Session{ID: goldenID, Type: "t", Name: "n", Workspace: "w", Status: session.Active,
		Holder: session.Holder{Node: "node-a", Incarnation: "00112233aabbccdd"}, Stamp: session.Stamp{Epoch: 2, Op: opTwo},
		CreatedAt: opOne.Born(), UpdatedAt: opTwo.Born(), OwnedAt: opTwo.Born()}, CreateOp: string(goldenID), Ops: []session.OpID{opOne, opTwo}},
	"beside": {Session: session.Session{ID: goldenID, Type: "t", Name: "n", Workspace: "w", Status: session.Active,
		Holder: session.Holder{Node: "node-a", Incarnation: "00112233aabbccdd"}, Stamp: session.Stamp{Epoch: 2, Version: 3, Op: opTwo},
		Resource: session.Stamp{Epoch: 2, Version: 1, Op: opOne}, CreatedAt: opOne.Born(), UpdatedAt: opOne.Born()}, Ops: []session.OpID{opOne},
		Beside: beside{Last: session.MessageID{Position: 17, Number: 1<<63 - 1}, Context: session.Stamp{Epoch: 2, Version: 2, Op: opTwo},
			ContextType: "text/plain; charset=utf-8", Ops: []session.OpID{opOne, opTwo}, Floor: opOne}},
	"tombstone": {Session: session.Session{ID: goldenID, Stamp: session.Stamp{Epoch: 2, Version: 1, Op: opTwo}, Copies: 1,
		CreatedAt: opOne.Born(), UpdatedAt: opTwo.Born()}, Tombstone: true, CreateOp: string(goldenID), Ops: []session.OpID{opOne, opTwo}, Chain: []int{1}},
}

// plain compresses nothing.
var plain = &codec{}

// asStored is a record as its hash's fields, where nothing is compressed.
func asStored(tb testing.TB, r Record) map[string]string { tb.Helper(); return storedBy(tb, plain, r) }

func storedBy(tb testing.TB, c *codec, r Record) map[string]string {
	tb.Helper()
	pairs, err := c.encode(r)
	if err != nil {
		tb.Fatal(err)
	}
	f := map[string]string{fieldWrittenAt: "1700000000000"}
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i].(string)] = pairs[i+1].(string)
	}
	return f
}

// goldenText is a record's fields, one to a line; the blob in hexadecimal.
func goldenText(f map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		value := strconv.QuoteToASCII(f[name])
		if name == fieldBlob {
			value = hex.EncodeToString([]byte(f[name]))
		}
		fmt.Fprintf(&b, "%s %s\n", name, value)
	}
	return b.String()
}

func readGolden(tb testing.TB, name string) map[string]string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".golden"))
	if err != nil {
		tb.Fatal(err)
	}
	f := map[string]string{}
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if field == fieldBlob {
			raw, err := hex.DecodeString(value)
			if err != nil {
				tb.Fatal(err)
			}
			f[field] = string(raw)
		} else if f[field], err = strconv.Unquote(value); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

func TestGoldenRecords(t *testing.T) {
	t.Parallel()
	for name, want := range goldens {
		written := goldenText(asStored(t, want))
		if *flagUpdate {
			if err := os.WriteFile(filepath.Join("testdata", name+".golden"), []byte(written), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f := readGolden(t, name)
		got, err := decode(goldenID, f)
		if got.Config != nil {
			got.Config = signed(got.Config).(map[string]any)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %v\n%+v, want\n%+v", name, err, got, want)
		}
		if text := goldenText(f); text != written {
			t.Errorf("%s: this version writes\n%s, the golden file holds\n%s", name, written, text)
		}
	}
}

// What a field of labels cannot hold is refused, not written so that it would be read as something else.
func TestLabelsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, labels := range []map[string]string{{"a=b": ""}, {"a\nb": ""}, {"a": "b\nc=d"}} {
		r := goldens["full"]
		r.Labels = labels
		var invalid *session.InvalidError
		if _, err := new(codec).image(r); !errors.As(err, &invalid) || invalid.Field != "labels" {
			t.Errorf("%q: %v", labels, err)
		}
	}
	for _, field := range []string{"", "tier", "a=1\n", "a=1\na=2"} {
		if labels, err := parseLabels(field); err == nil {
			t.Errorf("%q was read as %v", field, labels)
		}
	}
}

// A later version may add fields and members of the body: this version reads on.
func TestUnknownFieldsAreRead(t *testing.T) {
	t.Parallel()
	f := readGolden(t, "least")
	f["later"] = "field"
	f[fieldBlob] = "\x01\x82\xa5later\x01\xa3ops\x91\xc4\x10" + f[fieldBlob][len(f[fieldBlob])-16:]
	if got, err := decode(goldenID, f); err != nil || !reflect.DeepEqual(got, goldens["least"]) {
		t.Fatalf("%+v, %v", got, err)
	}
}

// value draws whatever JSON can say, nested up to depth.
func value(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 7
		if depth == 0 {
			kinds = 5
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return rapid.String().Draw(t, "string")
		case 1:
			return rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, 127, 128, 255, 256, -32, -33, 1 << 31, 1 << 32, -1 << 31})).Draw(t, "int")
		case 2:
			return rapid.Float64().Draw(t, "float")
		case 3:
			return rapid.Bool().Draw(t, "bool")
		case 4:
			return nil
		case 5:
			return rapid.SliceOfN(value(depth-1), 0, 4).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.String(), value(depth-1), 0, 4).Draw(t, "map")
		}
	})
}

// signed turns the unsigned numbers of decoded values into signed ones, which they all fit into.
func signed(v any) any {
	switch v := v.(type) {
	case uint64:
		return int64(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = signed(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = signed(v[k])
		}
		return out
	}
	return v
}

func TestRecordsSurviveRedis(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := goldens["full"]
		want.Config = rapid.MapOfN(rapid.String(), value(4), 0, 6).Draw(t, "config")
		key := rapid.StringMatching(`[^=\n]*`)
		want.Labels = rapid.MapOfN(key, rapid.StringMatching(`[^\n]*`), 0, 5).Draw(t, "labels")
		want.Name, want.Workspace = rapid.String().Draw(t, "name"), rapid.String().Draw(t, "workspace")
		want.OwnedAt = time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "ownedAt")).UTC()
		want.Stamp.Epoch = rapid.Uint64Range(0, 1<<53-1).Draw(t, "epoch")
		want.Chain = rapid.SliceOfN(rapid.IntRange(1, 7), 1, 3).Draw(t, "chain")
		want.Copies = len(want.Chain)
		pairs, err := plain.encode(want)
		if err != nil {
			t.Fatal(err)
		}
		f := map[string]string{fieldWrittenAt: "1"}
		for i := 0; i < len(pairs); i += 2 {
			f[pairs[i].(string)] = pairs[i+1].(string)
		}
		got, err := decode(goldenID, f)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Config) == 0 {
			got.Config = map[string]any{}
		}
		if len(got.Labels) == 0 {
			got.Labels = map[string]string{}
		}
		got.Config = signed(got.Config).(map[string]any)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("read\n%+v, want\n%+v", got, want)
		}
	})
}

// nested is a config of that many levels, itself included.
func nested(depth int) map[string]any {
	c := map[string]any{"end": true}
	for i := 1; i < depth; i++ {
		if i%2 == 0 {
			c = map[string]any{"in": c}
		} else {
			c = map[string]any{"in": []any{c}}
			i++
		}
	}
	return c
}

// levels counts them again.
func levels(v any) int {
	switch v := v.(type) {
	case []any:
		return 1 + levels(v[0])
	case map[string]any:
		return 1 + levels(v["in"])
	}
	return 0
}

// What would be nested too deep to be read is refused before it is written.
func TestNestingHasALimit(t *testing.T) {
	t.Parallel()
	for depth := maxConfigDepth - 4; depth < maxConfigDepth+5; depth++ {
		r := goldens["least"]
		r.Config = nested(depth)
		depth := levels(r.Config)
		blob, err := plain.encodeBlob(r)
		var invalid *session.InvalidError
		switch {
		case depth > maxConfigDepth && (!errors.As(err, &invalid) || invalid.Field != "config"):
			t.Errorf("%d levels: %v", depth, err)
		case depth <= maxConfigDepth:
			var back Record
			if err == nil {
				err = decodeBlob(blob, &back)
			}
			if err != nil || levels(back.Config) != depth {
				t.Errorf("%d levels: %v", depth, err)
			}
		}
	}
}

func TestBodyHasALimit(t *testing.T) {
	t.Parallel()
	r := goldens["least"]
	r.Config = map[string]any{"x": ""}
	small, err := plain.encodeBlob(r)
	if err != nil {
		t.Fatal(err)
	}
	const wider = 4 // a long string's header is so much longer than that of an empty one
	room := session.MaxBlob - len(small) - wider
	r.Config["x"] = strings.Repeat("a", room)
	blob, err := plain.encodeBlob(r)
	if err != nil || len(blob) != session.MaxBlob {
		t.Fatalf("%d bytes, %v", len(blob), err)
	}
	if err := decodeBlob(blob, &Record{}); err != nil {
		t.Fatal(err)
	}
	r.Config["x"] = strings.Repeat("a", room+1)
	var large *session.TooLargeError
	if _, err := plain.encodeBlob(r); !errors.As(err, &large) || large.Used != session.MaxBlob+1 || large.Limit != session.MaxBlob {
		t.Fatalf("a byte more: %v", err)
	}
	if err := decodeBlob(blob+"x", &Record{}); err == nil {
		t.Fatal("a blob past the limit was read")
	}
}
