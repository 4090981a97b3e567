package openapi

import (
	"encoding/json"
	"strings"
	"testing"
)

func some(op *Operation, all Components) (*Document, error) {
	return New(Info{Title: "t", Version: "1"}, []Tag{{Name: "A"}, {Name: "B"}}, []*Operation{op}, all)
}

// A document has what its operations refer to, directly or through others, and nothing else.
func TestOnlyWhatIsReferredTo(t *testing.T) {
	t.Parallel()
	all := Components{Schemas: Schemas{
		Named("Outer", Object(Must("inner", Array(Ref("Inner"))))), Named("Inner", Object(May("outer", Ref("Outer")))), Named("Other", String()),
	}}
	op := &Operation{Method: "GET", Path: "/x", ID: "x", Tags: []string{"A"}, Responses: Responses{
		Answer(200, "It.", Forms{Form("application/json", &MediaType{Schema: Ref("Outer"), Example: map[string]any{"$ref": "#/none"}})})}}
	d, err := some(op, all)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Components.Schemas) != 2 || d.Components.Schemas.Get("Other") != nil {
		t.Errorf("schemas %v", d.Components.Schemas)
	}
	if len(d.Tags) != 1 || d.Tags[0].Name != "A" {
		t.Errorf("tags %v", d.Tags)
	}
	all.Schemas = all.Schemas[:1]
	if _, err := some(op, all); err == nil || !strings.Contains(err.Error(), "#/components/schemas/Inner") {
		t.Errorf("a reference that leads nowhere: %v", err)
	}
}

func TestMembersKeepTheirOrder(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(Object(Must("z", Text(1, 3)), May("a", Integer().From(1).To(9).Else(4))))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"object","properties":{"z":{"type":"string","minLength":1,"maxLength":3},` +
		`"a":{"type":"integer","format":"int64","minimum":1,"maximum":9,"default":4}},"required":["z"],"additionalProperties":false}`
	if string(text) != want {
		t.Errorf("%s", text)
	}
}

// What is described is text on the page, whatever is in it.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	op := &Operation{Method: "GET", Path: "/<x>", ID: "x", Tags: []string{"A"}, Summary: "<i>", Description: "a <b> `<code>` & c\n\nmore",
		Parameters: []*Parameter{Query("<q>", OneOf("<e>"), "<d>")}, Responses: Responses{Answer(200, "<a>", Forms{Plain("text/plain")})}}
	d, err := some(op, Components{})
	if err != nil {
		t.Fatal(err)
	}
	for words, found := range map[string]bool{"": true, "MORE &": true, "more less": false} {
		page, err := Page(d, words)
		if err != nil {
			t.Fatal(err)
		}
		text := string(page)
		if strings.Contains(text, `<article id="x">`) != found {
			t.Errorf("%q: found is not %v", words, found)
		}
		for _, raw := range []string{"<x>", "<i>", "<b> ", "<q>", "<e>", "<d>", "<a>"} {
			if strings.Contains(text, raw) {
				t.Errorf("%q: the page holds %s as it is", words, raw)
			}
		}
		if found && !strings.Contains(text, "<code>&lt;code&gt;</code> &amp; c</p><p>more</p>") {
			t.Errorf("%q: no prose in %s", words, text)
		}
	}
}
