package session

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseSelector(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Selector{
		"tier=gold":         {Equals("tier", "gold")},
		"tier==gold":        {Equals("tier", "gold")},
		"tier = gold":       {Equals("tier", "gold")},
		"tier=":             {Equals("tier", "")},
		"region!=eu":        {{"region", NotIn, []string{"eu"}}},
		"region!=":          {{"region", NotIn, []string{""}}},
		"team":              {{"team", Exists, nil}},
		"!old":              {{"old", Absent, nil}},
		" ! old ":           {{"old", Absent, nil}},
		"env in (b,a)":      {{"env", In, []string{"a", "b"}}},
		"env in(a)":         {{"env", In, []string{"a"}}},
		"env in (a,,b , a)": {{"env", In, []string{"", "a", "b"}}},
		"x notin ( c )":     {{"x", NotIn, []string{"c"}}},
		"in in (in)":        {{"in", In, []string{"in"}}},
		"in":                {{"in", Exists, nil}},
		"in=in":             {Equals("in", "in")},
		"a.b/c-d_e=ü@1:2":   {Equals("a.b/c-d_e", "ü@1:2")},
		"tier=gold,region!=eu,env in (a,b),x notin (c),team,!old": {
			Equals("tier", "gold"), {"region", NotIn, []string{"eu"}}, {"env", In, []string{"a", "b"}}, {"x", NotIn, []string{"c"}},
			{"team", Exists, nil}, {"old", Absent, nil}},
		strings.Repeat("k", MaxLabelKey) + "=" + strings.Repeat("ü", MaxLabelValue): {
			Equals(strings.Repeat("k", MaxLabelKey), strings.Repeat("ü", MaxLabelValue))},
	} {
		got, err := ParseSelector(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	if all, err := ParseSelector(strings.Repeat("a,", MaxRequirements-1) + "a"); err != nil || len(all) != MaxRequirements {
		t.Errorf("%d requirements: %v", len(all), err)
	}
	if all, err := ParseSelector("a" + strings.Repeat(" ", MaxSelector-1)); err != nil || len(all) != 1 {
		t.Errorf("%d bytes: %v", MaxSelector, err)
	}
}

func TestParseSelectorRefuses(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"": "wants a label's key at character 1 and ends there", ",": "a label's key", "a,": "character 3 and ends there", "a,,b": "a label's key",
		"=a": `has "="`, "!": "a label's key", "!!a": `has "!"`, "!a=b": `a comma or the end at character 3`, "a b": "=, ==, !=, in, notin or a comma",
		"a=b c": `a comma or the end at character 5 and has "c"`, "a=b=c": `has "="`, "a=(b)": `has "("`, "a>1": `has ">"`, "a<1": `has "<"`,
		"a in": "wants ( at character 5", "a in b": "wants (", "a in (": "a comma or )", "a in ()": "a value", "a in (b": "a comma or ) at character 8",
		"a in (b c)": "a comma or )", "a in (b)c": "a comma or the end", "a IN (b)": `has "IN"`, "ü ü": "at character 3",
		"a b=c":                            `has "b"`,
		"ü=a":                              "may hold letters",
		"a=b\x00":                          "control characters",
		"a=\xff":                           "valid UTF-8",
		strings.Repeat("k", MaxLabelKey+1): fmt.Sprintf("at most %d", MaxLabelKey),
		"a=" + strings.Repeat("v", MaxLabelValue+1): fmt.Sprintf("at most %d", MaxLabelValue),
		"a" + strings.Repeat(" ", MaxSelector):      fmt.Sprintf("at most %d", MaxSelector),
		strings.Repeat("a,", MaxRequirements) + "a": fmt.Sprintf("more than %d", MaxRequirements),
	} {
		_, err := ParseSelector(text)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "labels" || !strings.Contains(invalid.Reason, says) {
			t.Errorf("%q: %v, want an error of labels that says %q", text, err, says)
		}
	}
}

func TestSelectorMatch(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"tier": "gold", "env": "a", "empty": ""}
	for text, want := range map[string]bool{
		"tier=gold": true, "tier=silver": false, "other=gold": false, "empty=": true, "other=": false,
		"tier!=gold": false, "tier!=silver": true, "other!=gold": true,
		"env in (a,b)": true, "env in (b,c)": false, "other in (a,)": false,
		"env notin (a,b)": false, "env notin (b)": true, "other notin (a)": true,
		"tier": true, "empty": true, "other": false, "!tier": false, "!other": true,
		"tier=gold,env=a": true, "tier=gold,env=b": false,
	} {
		s, err := ParseSelector(text)
		if err != nil || s.Match(labels) != want {
			t.Errorf("%s selects: %v, %v; want %v", text, s.Match(labels), err, want)
		}
	}
	if !(Selector)(nil).Match(nil) {
		t.Error("no requirement must select all")
	}
}

// Two filters have the same text where they ask for the same, and else never.
func TestFilterText(t *testing.T) {
	t.Parallel()
	same := [][2]Filter{
		{{Types: []string{"a", "b"}}, {Types: []string{"b", "a", "b"}}},
		{{Labels: Selector{Equals("a", "1"), {"b", Exists, nil}}}, {Labels: Selector{{"b", Exists, nil}, Equals("a", "1"), Equals("a", "1")}}},
	}
	for _, pair := range same {
		if pair[0].Text() != pair[1].Text() {
			t.Errorf("%+v and %+v differ", pair[0], pair[1])
		}
	}
	seen := map[string]Filter{}
	for _, f := range []Filter{
		{}, {Types: []string{"a"}}, {Types: []string{"a", "b"}}, {Types: []string{`a""b`}}, {Statuses: []Status{"a"}}, {Owners: []NodeID{"a"}}, {Workspace: "a"},
		{Labels: Selector{Equals("a", "b")}}, {Labels: Selector{{"a", NotIn, []string{"b"}}}}, {Labels: Selector{{"a", Exists, nil}}}, {Labels: Selector{{"a", Absent, nil}}},
		{Labels: Selector{{"a", In, []string{"b", "c"}}}}, {Labels: Selector{{"a", In, []string{`b" "c`}}}}, {Labels: Selector{Equals("a", "b"), Equals("a", "c")}},
	} {
		if other, twice := seen[f.Text()]; twice {
			t.Errorf("%+v and %+v are both %s", other, f, f.Text())
		}
		seen[f.Text()] = f
	}
}

func TestFilterValidate(t *testing.T) {
	t.Parallel()
	names := make([]NodeID, MaxChoices+1)
	for i := range names {
		names[i] = NodeID(fmt.Sprint("n", i))
	}
	if err := (Filter{Owners: names[1:], Types: []string{"a"}, Statuses: Statuses, Workspace: "/w"}).Validate(); err != nil {
		t.Error(err)
	}
	for field, f := range map[string]Filter{
		"owner": {Owners: names}, "type": {Types: []string{"a", ""}}, "status": {Statuses: []Status{"on"}}, "workspace": {Workspace: strings.Repeat("w", MaxWorkspace+1)},
		"labels": {Labels: make(Selector, MaxRequirements+1)},
	} {
		var invalid *InvalidError
		if err := f.Validate(); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// Whatever is read as a selector, its own text asks for the same.
func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"tier=gold,region!=eu,env in (a,b),x notin (c),team,!old", "a in (,)", "in in (in)", "a==b", "!", "a in (", "ü=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector(text)
		var invalid *InvalidError
		if err != nil {
			if !errors.As(err, &invalid) || invalid.Field != "labels" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		var parts []string
		for _, r := range s {
			parts = append(parts, spell(r))
		}
		if len(strings.Join(parts, ",")) > MaxSelector {
			t.Skip("spelt out it is too long")
		}
		if again, err := ParseSelector(strings.Join(parts, ",")); err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("%q is %v, and as %q %v, %v", text, s, parts, again, err)
		}
	})
}

// spell writes a requirement as ParseSelector reads it.
func spell(r Requirement) string {
	switch r.Operator {
	case Exists:
		return r.Key
	case Absent:
		return "!" + r.Key
	}
	if len(r.Values) == 1 && r.Values[0] == "" { // brackets around nothing are refused
		return r.Key + map[Operator]string{In: "=", NotIn: "!="}[r.Operator]
	}
	return r.Key + " " + string(r.Operator) + " (" + strings.Join(r.Values, ",") + ")"
}
