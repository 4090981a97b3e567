package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The functions below build a Key of one kind: at says where its value lives in a Config.

func whole(name string, def, lo, hi int, at func(*Config) *int, usage string) Key {
	k := Key{Name: name, Type: "int", Default: strconv.Itoa(def), Range: fmt.Sprintf("a whole number from %d to %d", lo, hi), Usage: usage}
	k.set = func(c *Config, raw any) (err error) { *at(c), err = parseInt(raw); return err }
	k.check = func(c *Config) error { return mustBe(*at(c) >= lo && *at(c) <= hi) }
	k.value = func(c *Config) string { return strconv.Itoa(*at(c)) }
	return k
}

func number(name string, def, lo, hi float64, at func(*Config) *float64, usage string) Key {
	k := Key{Name: name, Type: "number", Default: fmt.Sprint(def), Range: fmt.Sprintf("a number from %v to %v", lo, hi), Usage: usage}
	k.set = func(c *Config, raw any) (err error) { *at(c), err = parseFloat(raw); return err }
	k.check = func(c *Config) error { return mustBe(*at(c) >= lo && *at(c) <= hi) }
	k.value = func(c *Config) string { return fmt.Sprint(*at(c)) }
	return k
}

func span(name string, def, lo, hi time.Duration, at func(*Config) *time.Duration, usage string) Key {
	k := Key{Name: name, Type: "duration", Default: brief(def), Usage: usage,
		Range: fmt.Sprintf(`a duration from %s to %s (such as "5s"; a bare number is milliseconds)`, brief(lo), brief(hi))}
	k.set = func(c *Config, raw any) (err error) { *at(c), err = parseDuration(raw); return err }
	k.check = func(c *Config) error { return mustBe(*at(c) >= lo && *at(c) <= hi) }
	k.value = func(c *Config) string { return brief(*at(c)) }
	return k
}

func text(name, def, allowed string, at func(*Config) *string, check func(string) error, usage string) Key {
	k := Key{Name: name, Type: "string", Default: def, Range: allowed, Usage: usage}
	k.set = func(c *Config, raw any) (err error) { *at(c), err = parseString(raw); return err }
	k.check = func(c *Config) error { return check(*at(c)) }
	k.value = func(c *Config) string { return *at(c) }
	return k
}

func choice(name, def string, options []string, at func(*Config) *string, usage string) Key {
	allowed := strings.Join(options[:len(options)-1], ", ") + " or " + options[len(options)-1]
	k := text(name, def, allowed, at, func(s string) error { return mustBe(slices.Contains(options, s) || s == "" && def == "") }, usage)
	k.Options = options
	return k
}

func list(name, def, allowed string, at func(*Config) *[]string, check func([]string) error, usage string) Key {
	k := Key{Name: name, Type: "list", Default: def, Range: allowed, Usage: usage}
	k.set = func(c *Config, raw any) (err error) { *at(c), err = parseList(raw); return err }
	k.check = func(c *Config) error { return check(*at(c)) }
	k.value = func(c *Config) string { return redactList(*at(c)) }
	return k
}

// errRange says that a value is outside the key's Range, which the message then quotes.
var errRange = errors.New("out of range")

func mustBe(ok bool) error {
	if ok {
		return nil
	}
	return errRange
}

// brief is d without the zero units that Duration.String appends: 1h, not 1h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
