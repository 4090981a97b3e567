package httpapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

// packedText returns a JSON text in MessagePack as another library writes it. ok is false where MessagePack cannot say the same: what is not JSON, a
// member given twice, a number out of range.
func packText(text string, compact bool) (body string, ok bool) {
	if !jsontext.Value(text).IsValid() {
		return "", false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", false
	}
	if v, ok = numbers(v); !ok {
		return "", false
	}
	return pack(v, compact), true
}

func pack(v any, compact bool) string {
	var out bytes.Buffer
	enc := msgpack.NewEncoder(&out)
	enc.UseCompactInts(compact)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return out.String()
}

// numbers puts numbers in place of their texts.
func numbers(v any) (_ any, ok bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := number([]byte(v))
		return n, err == nil
	case map[string]any:
		for name, member := range v {
			if v[name], ok = numbers(member); !ok {
				return nil, false
			}
		}
	case []any:
		for i, element := range v {
			if v[i], ok = numbers(element); !ok {
				return nil, false
			}
		}
	}
	return v, true
}

// unpacked is a MessagePack document as another library reads it, in the form of encoding/json's values.
func unpacked(t failing, body string) any {
	t.Helper()
	dec := msgpack.NewDecoder(strings.NewReader(body))
	dec.UseLooseInterfaceDecoding(true)
	v, err := dec.DecodeInterfaceLoose()
	require.NoError(t, err)
	_, err = dec.PeekCode()
	require.Error(t, err, "something follows the document")
	text, err := json.Marshal(v)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(text, &plain))
	return plain
}

// failing is what rapid's T and testing's have in common.
type failing interface {
	require.TestingT
	Helper()
}

// anything draws what JSON can say.
func anything(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Float64().AsAny(), rapid.Int64().AsAny(),
		rapid.Uint64Min(math.MaxInt64 + 1).AsAny(), rapid.Int64Range(-300, 300).AsAny(), rapid.StringN(30, 300, -1).AsAny(),
		rapid.SampledFrom([]any{int64(math.MinInt64), int64(math.MaxInt64), int64(-32), int64(-33), int64(-128), int64(-129), int64(-32769), int64(1 << 31), int64(1 << 32),
			uint64(math.MaxUint64), math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p64, -0x1.1p63, 0x1.1p63, 1e20, -1e20, 3.0, "\u2028<&>\"\\\x00", ""}),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars, rapid.SliceOfN(anything(depth-1), 0, 18).AsAny(), rapid.MapOfN(rapid.String(), anything(depth-1), 0, 18).AsAny())...)
}

// textOf is v in JSON.
func textOf(v any) string {
	var w writer
	w.value(v)
	return string(w.out)
}

// What one encoding says is read from the other as the same members.
func TestPackedBodiesSayWhatJSONSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := textOf(rapid.MapOfN(rapid.String(), anything(3), 0, 20).Draw(t, "members"))
		want, err := parseObject([]byte(text))
		require.NoError(t, err)
		body, ok := packText(text, rapid.Bool().Draw(t, "compact"))
		require.True(t, ok)
		got, err := parsePacked([]byte(body))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// Each form of each value is read as another library means it.
func TestPackedForms(t *testing.T) {
	t.Parallel()
	str, five := strings.Repeat("s", 300), "\xa5fives"
	for form, want := range map[string]any{
		"\x00": int64(0), "\x7f": int64(127), "\xe0": int64(-32), "\xff": int64(-1), "\xc0": nil, "\xc2": false, "\xc3": true,
		"\xcc\xff": int64(255), "\xcd\x01\x00": int64(256), "\xce\xff\xff\xff\xff": int64(math.MaxUint32), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff": int64(math.MaxInt64),
		"\xcf\x80\x00\x00\x00\x00\x00\x00\x00": uint64(1 << 63), "\xcf\x00\x00\x00\x00\x00\x00\x00\x01": int64(1),
		"\xd0\x80": int64(-128), "\xd0\x05": int64(5), "\xd1\x80\x00": int64(math.MinInt16), "\xd2\x80\x00\x00\x00": int64(math.MinInt32),
		"\xd3\x80\x00\x00\x00\x00\x00\x00\x00": int64(math.MinInt64), "\xd3\xff\xff\xff\xff\xff\xff\xff\xff": int64(-1),
		"\xca\x3f\x00\x00\x00": 0.5, "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00": 0.5, "\xca\x00\x00\x00\x00": 0.0,
		"\xa0": "", five: "fives", "\xd9\x05fives": "fives", "\xda\x00\x05fives": "fives", "\xdb\x00\x00\x00\x05fives": "fives", "\xda\x01\x2c" + str: str,
		"\x90": []any{}, "\x92\x01\xc0": []any{int64(1), nil}, "\xdc\x00\x01\x01": []any{int64(1)}, "\xdd\x00\x00\x00\x01\x01": []any{int64(1)},
		"\x80": map[string]any{}, "\x81" + five + "\x01": map[string]any{"fives": int64(1)}, "\xde\x00\x01" + five + "\x01": map[string]any{"fives": int64(1)},
		"\xdf\x00\x00\x00\x01" + five + "\x01": map[string]any{"fives": int64(1)}, "\xde\x00\x00": map[string]any{}, "\xdd\x00\x00\x00\x00": []any{},
	} {
		members, err := parsePacked([]byte("\x81\xa1v" + form))
		require.NoError(t, err, "% x", form)
		require.Equal(t, map[string]any{"v": want}, members, "% x", form)
	}
}

func TestPackedRefused(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	in := func(value string) string { return "\x81\xa6config\x81\xa1a" + value } // {"config":{"a":value}}
	for _, c := range []struct{ body, field, detail string }{
		{in("\xc4\x01x"), "config.a", "bin"}, {in("\xc5\x00\x01x"), "config.a", "bin"}, {in("\xc6\x00\x00\x00\x01x"), "config.a", "bin"}, {in("\xc4\x00"), "config.a", "bin"},
		{in("\x92\x01\xc4\x01x"), "config.a[1]", "bin"}, {"\x81\xa4name\xc4\x01x", "name", "bin"}, {"\xc4\x01x", "body", "bin"},
		{in("\xd4\x01x"), "config.a", "extension"}, {in("\xd5\x01xx"), "config.a", "extension"}, {in("\xd6\xffxxxx"), "config.a", "RFC 3339"},
		{in("\xd7\xffxxxxxxxx"), "config.a", "extension"}, {in("\xd8\x01" + strings.Repeat("x", 16)), "config.a", "extension"},
		{in("\xc7\x00\x01"), "config.a", "extension"}, {in("\xc8\x00\x01\x01x"), "config.a", "extension"}, {in("\xc9\x00\x00\x00\x01\x01x"), "config.a", "extension"},
		{in("\xca\x7f\xc0\x00\x00"), "config.a", "finite"}, {in("\xca\x7f\x80\x00\x00"), "config.a", "finite"},
		{in("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"), "config.a", "finite"}, {in("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"), "config.a", "finite"},
		{in("\xa1\xff"), "config.a", "UTF-8"}, {in("\x81\xa1\xff\x01"), "config.a", "UTF-8"}, {in("\x81\x01\x01"), "config.a", "name"}, {in("\x81\xc0\x01"), "config.a", "name"},
		{in("\x81\xc4\x01x\x01"), "config.a", "name"}, {in("\x81\x90\x01"), "config.a", "name"}, {"\x81\x01\x01", "body", "name"},
		{in("\x82\xa1b\x01\xa1b\x02"), "config.a.b", "twice"}, {"\x82\xa4name\xa1n\xd9\x04name\xa1n", "name", "twice"},
		{in(strings.Repeat("\x91", MaxConfigDepth) + "\x90"), "config", "deeper"}, {in(strings.Repeat("\x81\xa1d", MaxConfigDepth) + "\x80"), "config", "deeper"},
		{"\x90", "body", "object"}, {"\xc0", "body", "object"}, {"\x01", "body", "object"}, {"\xa1x", "body", "object"},
		{"\xc1", "body", "0xc1"}, {in("\xc1"), "body", "0xc1"}, {"\x80\x80", "body", "nothing after"}, {"\x80\xc1", "body", "nothing after"}, {"{}", "body", "nothing after"},
		{"\x81", "body", "early"}, {in(""), "body", "early"}, {in("\xa2x"), "body", "early"}, {in("\xd9"), "body", "early"}, {in("\xcf\x01"), "body", "early"}, {in("\xde\x00"), "body", "early"},
		{in("\xdb\xff\xff\xff\xff"), "body", "early"}, {in("\xc6\xff\xff\xff\xff"), "body", "early"}, {in("\xc9\xff\xff\xff\xff\x01"), "body", "early"},
		{"\xdf\xff\xff\xff\xff", "body", "early"}, {in("\xdf\x7f\xff\xff\xff"), "body", "early"}, {in("\xdd\xff\xff\xff\xff"), "body", "early"}, {in("\xdc\xff\xff"), "body", "early"},
		{strings.Repeat("\x91", MaxBody), "body", "early"},
	} {
		for _, mediaType := range typesMsgpack {
			for _, target := range []string{"POST /v1/sessions", "PATCH /v1/sessions/" + someID} {
				p := call(t, h, target, c.body, "Content-Type", mediaType).invalid(c.field)
				require.Contains(t, p["detail"], c.detail, "% .80x", c.body)
			}
		}
	}
}

// A body cut anywhere is refused, and so is one with a byte more.
func TestPackedCutOff(t *testing.T) {
	t.Parallel()
	body, ok := packText(usual, false)
	require.True(t, ok)
	_, err := parsePacked([]byte(body))
	require.NoError(t, err)
	for n := range len(body) {
		_, err := parsePacked([]byte(body[:n]))
		requireCallersFault(t, err)
	}
	_, err = parsePacked([]byte(body + "\xc0"))
	requireCallersFault(t, err)
}

// A body says no more than one in JSON may: a byte of it can be an object.
func TestPackedBodyLimitAsJSON(t *testing.T) {
	t.Parallel()
	h := handlerOf(t, config(&fake{}))
	list := func(objects, numbers int) string { // {"config":[{},...,0,...]}
		return "\x81\xa6config\xdd" + string(binary.BigEndian.AppendUint32(nil, uint32(objects+numbers))) + strings.Repeat("\x80", objects) + strings.Repeat("\x00", numbers)
	}
	const objects = (MaxBody - len(`{"config":[0,0]}`)) / len(`{},`)
	require.Equal(t, MaxBody, len(`{"config":[0,0]}`)+objects*len(`{},`), "take other numbers")
	call(t, h, "POST /v1/sessions", list(objects, 2), "Content-Type", "application/msgpack").invalid("config")
	p := call(t, h, "POST /v1/sessions", list(objects+1, 1), "Content-Type", "application/msgpack").problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, MaxBody+1, p["used"])
	require.EqualValues(t, MaxBody, p["limit"])

	large := list(MaxBody, 0)
	p = call(t, h, "POST /v1/sessions", large, "Content-Type", "application/msgpack").problem(http.StatusRequestEntityTooLarge, "too-large")
	require.EqualValues(t, len(large), p["used"])
}

// What measure says of the length as JSON is exact where nothing needs escapes and numbers have one digit.
func TestPackedLengthAsJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anything(3).Draw(t, "value")
		x, err := measure([]byte(pack(v, true)), 0)
		require.NoError(t, err)
		require.LessOrEqual(t, x.json, len(textOf(v)))
	})
	for _, text := range []string{`1`, `"x"`, `""`, `[]`, `{}`, `[1]`, `[1,"x",[],{}]`, `{"a":1}`, `{"a":{},"b":[[1],2],"c":{"d":"e"}}`} {
		body, _ := packText(text, true)
		x, err := measure([]byte(body), 0)
		require.NoError(t, err)
		require.Equal(t, len(text), x.json, text)
	}
}
