package config

import "errors"

// Validate holds every value to its limits and every pair of values to each other. It returns all faults joined; each is a
// *Problem. It reads no file and asks no network.
func (c Config) Validate() error { return join(c.problems(map[string]bool{})) }

// problems judges the keys that have not failed already, adds those that do, and applies the rules to what is left.
func (c Config) problems(failed map[string]bool) []*Problem {
	var found []*Problem
	for _, k := range keys {
		if failed[k.Name] {
			continue
		}
		if err := k.check(&c); err != nil {
			failed[k.Name] = true
			found = append(found, k.refuse(k.value(&c), err))
		}
	}
	for _, rule := range rules {
		if p := rule(&c); p != nil && !failed[p.Key] && (p.Against == nil || !failed[p.Against.Key]) {
			found = append(found, p)
		}
	}
	return found
}

func (k Key) refuse(value string, err error) *Problem {
	p := &Problem{Setting: Setting{Key: k.Name, Value: value}, Reason: "must be " + k.Range}
	if k.Secret {
		p.Value = hidden
	}
	if !errors.Is(err, errRange) {
		p.Reason = "is refused: " + err.Error()
	}
	return p
}
