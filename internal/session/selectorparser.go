package session

import (
	"fmt"
	"slices"
	"strings"
)

// selectorParser reads a selector word by word. After the first error it reads no further.
type selectorParser struct {
	text string
	at   int
	read int // requirements
	err  error
}

// special are the characters that are words of their own, or begin one, and end any other.
const special = "=!(),<>"

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// peek returns the next word and where it ends; "" is the end of the text.
func (p *selectorParser) peek() (word string, end int) {
	for p.at < len(p.text) && blank(p.text[p.at]) {
		p.at++
	}
	end = p.at
	for end < len(p.text) && !blank(p.text[end]) && !strings.ContainsRune(special, rune(p.text[end])) {
		end++
	}
	if end == p.at && end < len(p.text) {
		end++
		if two := p.text[p.at:min(end+1, len(p.text))]; two == "==" || two == "!=" {
			end++
		}
	}
	return p.text[p.at:end], end
}

// take takes the next word if it is the wanted one.
func (p *selectorParser) take(want string) bool {
	word, end := p.peek()
	if word == want {
		p.at = end
	}
	return word == want
}

// plain takes a key or a value, which may be empty: then nothing is taken.
func (p *selectorParser) plain() string {
	word, end := p.peek()
	if word == "" || strings.ContainsAny(word[:1], special) {
		return ""
	}
	p.at = end
	return word
}

// want refuses the next word.
func (p *selectorParser) want(what string) {
	if p.err != nil {
		return
	}
	word, _ := p.peek()
	found := "ends there"
	if word != "" {
		found = fmt.Sprintf("has %.40q", word)
	}
	p.err = Invalid("labels", fmt.Sprintf("wants %s at character %d and %s: write requirements such as a=b, a!=b, a in (b,c), a notin (b,c), a or !a with commas between them",
		what, 1+len([]rune(p.text[:p.at])), found))
}

// more reports whether a requirement follows: the first, or one after a comma.
func (p *selectorParser) more() bool {
	word, _ := p.peek()
	switch {
	case p.err != nil:
		return false
	case p.read == 0:
		return true
	case word == "":
		return false
	case !p.take(","):
		p.want("a comma or the end")
		return false
	case p.read == MaxRequirements:
		p.err = Invalid("labels", fmt.Sprintf("has more than %d requirements", MaxRequirements))
		return false
	}
	return true
}

func (p *selectorParser) requirement() Requirement {
	p.read++
	absent := p.take("!")
	key := p.plain()
	if key == "" {
		p.want("a label's key")
	}
	word, _ := p.peek()
	if absent || word == "" || word == "," {
		if absent {
			return Requirement{Key: key, Operator: Absent}
		}
		return Requirement{Key: key, Operator: Exists}
	}
	switch {
	case p.take("="), p.take("=="):
		return Equals(key, p.plain())
	case p.take("!="):
		return Requirement{key, NotIn, []string{p.plain()}}
	case p.take(string(In)):
		return Requirement{key, In, p.set()}
	case p.take(string(NotIn)):
		return Requirement{key, NotIn, p.set()}
	}
	p.want("=, ==, !=, in, notin or a comma")
	return Requirement{}
}

// set reads values in brackets.
func (p *selectorParser) set() (values []string) {
	if !p.take("(") {
		p.want("(")
		return nil
	}
	if word, _ := p.peek(); word == ")" {
		p.want("a value")
		return nil
	}
	for {
		values = append(values, p.plain())
		if p.take(")") {
			slices.Sort(values)
			return slices.Compact(values)
		}
		if !p.take(",") {
			p.want("a comma or )")
			return nil
		}
	}
}
