package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style string

// Style is what the page has between <style> and </style>: who serves it admits that alone.
func Style() string { return style }

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"prose": prose, "shape": shape, "limits": limits, "rows": rows, "indented": indented, "anchor": anchor, "style": func() template.CSS { return template.CSS(style) },
}).Parse(pageText))

// pageGroup is the operations of one tag.
type pageGroup struct {
	Tag
	Operations []*Operation
}

// Page shows a document as one page of HTML; with words, those operations alone that hold all of them. It needs no scripts.
func Page(d *Document, words string) ([]byte, error) {
	view := struct {
		*Document
		Words  string
		Groups []pageGroup
		Found  int
	}{Document: d, Words: words}
	for _, tag := range d.Tags {
		group := pageGroup{Tag: tag}
		for _, op := range d.Operations() {
			if op.Tags[0] == tag.Name && op.holds(words) {
				group.Operations = append(group.Operations, op)
			}
		}
		if len(group.Operations) > 0 {
			view.Groups = append(view.Groups, group)
			view.Found += len(group.Operations)
		}
	}
	var out bytes.Buffer
	if err := page.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("openapi: write the page: %w", err)
	}
	return out.Bytes(), nil
}

// holds reports whether the operation's description holds every word, in whatever case.
func (op *Operation) holds(words string) bool {
	whole := bytes.NewBufferString(op.Method + " " + op.Path + " ")
	enc := json.NewEncoder(whole)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(op); err != nil {
		return false
	}
	text := strings.ToLower(whole.String())
	for _, word := range strings.Fields(strings.ToLower(words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// anchor is where a tag's operations begin.
func anchor(tag string) string { return "tag-" + strings.ReplaceAll(tag, " ", "-") }

// prose makes paragraphs of text, and code of what is in backquotes.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if paragraph != "" {
			out.WriteString("<p>" + phrase(paragraph) + "</p>")
		}
	}
	return template.HTML(out.String())
}

func phrase(text string) string {
	var out strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		out.WriteString(part)
	}
	return out.String()
}

// shape says what kind of value a schema admits; names lead to where they are described.
func shape(s *Schema) template.HTML { return template.HTML(shapeOf(s)) }

func shapeOf(s *Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		name := template.HTMLEscapeString(Referred(s.Ref))
		return `<a href="#` + name + `">` + name + `</a>`
	case s.AnyOf != nil || s.OneOf != nil:
		var all []string
		for _, one := range append(s.AnyOf, s.OneOf...) {
			all = append(all, shapeOf(one))
		}
		return strings.Join(all, " or ")
	case s.Const != nil:
		return "<code>" + template.HTMLEscapeString(compact(s.Const)) + "</code>"
	case s.Enum != nil:
		var all []string
		for _, value := range s.Enum {
			all = append(all, "<code>"+template.HTMLEscapeString(compact(value))+"</code>")
		}
		return strings.Join(all, " or ")
	case s.Items != nil:
		return "array of " + shapeOf(s.Items)
	case s.Format == "date-time":
		return "time"
	}
	switch kind := s.Type.(type) {
	case string:
		return kind
	case []string:
		return strings.Join(kind, " or ")
	}
	return "any value"
}

// limits says what bounds a value, and what is taken where it is not given.
func limits(s *Schema) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	span := func(least, most *int, what string) {
		switch {
		case least != nil && most != nil:
			say("%d to %d %s", *least, *most, what)
		case least != nil:
			say("at least %d %s", *least, what)
		case most != nil:
			say("at most %d %s", *most, what)
		}
	}
	if s == nil {
		return ""
	}
	span(s.MinLength, s.MaxLength, "characters")
	span(s.MinItems, s.MaxItems, "elements")
	span(nil, s.MaxProperties, "members")
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		say("%d to %d", *s.Minimum, *s.Maximum)
	case s.Minimum != nil && *s.Minimum != 0:
		say("from %d on", *s.Minimum)
	}
	if s.Default != nil {
		say("default %s", compact(s.Default))
	}
	if s.Ref == "" && s.Pattern != "" {
		say("matches %s", s.Pattern)
	}
	return strings.Join(all, "; ")
}

// row is one member of an object, those of objects within it included.
type row struct {
	Name     string
	Required bool
	Schema   *Schema
}

func rows(s *Schema) []row { return rowsUnder("", s) }

func rowsUnder(path string, s *Schema) (all []row) {
	for s != nil && s.Type == "array" {
		path, s = path+"[]", s.Items
	}
	if s == nil {
		return nil
	}
	for _, one := range append(s.AnyOf, s.OneOf...) {
		all = append(all, rowsUnder(path, one)...)
	}
	if path != "" && !strings.HasSuffix(path, ".") {
		path += "."
	}
	for _, m := range s.Properties {
		must := false
		for _, name := range s.Required {
			must = must || name == m.Name
		}
		all = append(all, row{path + m.Name, must, m.Value})
		all = append(all, rowsUnder(path+m.Name, m.Value)...)
	}
	return all
}

func compact(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func indented(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
