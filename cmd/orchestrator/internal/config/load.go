package config

import (
	"fmt"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

const sourceDefault = "default"

// delim parts the levels of nested keys. There are none: a file that nests is told of its unknown key.
const delim = "."

// Load reads every layer and returns the configuration they make together, or every fault joined, each a *Problem. fs holds
// the flags of AddFlags, parsed; environ is in the form of os.Environ. Files that keys name are read as a check.
func Load(fs *pflag.FlagSet, environ []string) (Config, error) {
	l := &loader{merged: koanf.New(delim), sources: map[string]string{}}
	l.defaults()
	flags, variables := l.flags(fs), l.environment(environ)
	if path, from := where(fs, environ); from != "" {
		l.file(path, from, variables, flags)
	} else {
		l.presetOf(variables, flags)
	}
	l.put(variables)
	l.put(flags)
	return l.config()
}

// layer is what one source says, and how it names a key of its own.
type layer struct {
	values *koanf.Koanf
	source func(key string) string
}

type loader struct {
	merged   *koanf.Koanf
	sources  map[string]string // where each key's merged value came from
	problems []*Problem
}

func (l *loader) put(from layer) {
	for _, key := range from.values.Keys() {
		l.sources[key] = from.source(key)
	}
	if err := l.merged.Merge(from.values); err != nil {
		l.problems = append(l.problems, &Problem{Setting: Setting{Key: "configuration"}, Reason: "cannot be merged: " + err.Error()})
	}
}

func (l *loader) defaults() {
	values := map[string]any{}
	for _, k := range keys {
		values[k.Name] = k.defaultValue()
	}
	l.put(layer{fromMap(values), func(string) string { return sourceDefault }})
}

func fromMap(values map[string]any) *koanf.Koanf {
	k := koanf.New(delim)
	_ = k.Load(confmap.Provider(values, ""), nil) // a map is taken as it is: nothing can fail
	return k
}

// config parses what was merged and holds it to the limits. A key that cannot be parsed is judged no further.
func (l *loader) config() (Config, error) {
	var c Config
	failed := map[string]bool{}
	for _, k := range keys {
		raw := l.merged.Get(k.Name)
		if err := k.set(&c, raw); err != nil {
			failed[k.Name] = true
			l.problems = append(l.problems, l.sourced(k.refuse(written(raw), err)))
		}
	}
	l.judge(c.problems(failed))
	if len(l.problems) == 0 {
		_, unusable := c.redis()
		l.judge(unusable)
	}
	if len(l.problems) > 0 {
		return Config{}, join(l.problems)
	}
	return c, nil
}

func (l *loader) judge(found []*Problem) {
	for _, p := range found {
		l.problems = append(l.problems, l.sourced(p))
	}
}

func (l *loader) sourced(p *Problem) *Problem {
	p.Source = l.sources[p.Key]
	if p.Against != nil {
		p.Against.Source = l.sources[p.Against.Key]
	}
	return p
}

// written shows a raw value in a message, in one line.
func written(raw any) string {
	switch v := raw.(type) {
	case nil:
		return ""
	case string:
		return redact(v)
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = written(v[i])
		}
		return strings.Join(items, ",")
	}
	return fmt.Sprint(raw)
}
