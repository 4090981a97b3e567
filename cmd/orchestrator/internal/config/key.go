package config

import (
	"strings"
	"unicode"
)

// EnvPrefix starts the name of every environment variable that configures a node.
const EnvPrefix = "ORCHESTRATOR_"

// URLVariable names the fleet to those commands that ask one. It configures no node.
const URLVariable = EnvPrefix + "URL"

// Key is one thing that can be set.
type Key struct {
	Name    string   // as in a file: camelCase
	Type    string   // as help shows it: int, number, duration, string, list
	Default string   // as help shows it; empty: none
	Range   string   // what is allowed, in words that follow "must be"
	Usage   string   // what it means, without a full stop
	Options []string // every allowed value, where they can be listed
	Secret  bool     // has no flag, for the process table shows flags, and is never printed

	draw  func() string                  // the default, where it differs from start to start
	set   func(c *Config, raw any) error // parses a file's value or a string
	check func(c *Config) error          // holds the parsed value to Range
	value func(c *Config) string         // the parsed value as a message shows it
}

// Flag returns the flag's name without dashes: maxSessions becomes max-sessions, redisCAFile redis-ca-file.
func (k Key) Flag() string { return kebab(k.Name) }

// Env returns the environment variable's name: maxSessions becomes ORCHESTRATOR_MAX_SESSIONS.
func (k Key) Env() string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(kebab(k.Name), "-", "_"))
}

func (k Key) defaultValue() string {
	if k.draw != nil {
		return k.draw()
	}
	return k.Default
}

// kebab puts a dash before each word of a camelCase name; a run of capitals is one word up to its last letter.
func kebab(name string) string {
	var b strings.Builder
	r := []rune(name)
	for i, c := range r {
		starts := unicode.IsUpper(c) && i > 0 && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1]))
		if starts {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// Keys returns every key in the order that help and documents show.
func Keys() []Key { return append([]Key(nil), keys...) }

func find(name string) (Key, bool) {
	for _, k := range keys {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}
