package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The parsers take what a YAML file may hold (string, int, float, list) or the string of a flag or variable. They fail with
// errRange alone: the message quotes the value and what its key allows.

func parseInt(raw any) (int, error) {
	switch v := raw.(type) {
	case int:
		return v, nil
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(v))
		return n, rangeOr(err)
	}
	return 0, errRange
}

func parseFloat(raw any) (float64, error) {
	switch v := raw.(type) {
	case int:
		return float64(v), nil
	case float64:
		return v, mustBe(!math.IsNaN(v))
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		if math.IsNaN(f) {
			return 0, errRange
		}
		return f, rangeOr(err)
	}
	return 0, errRange
}

// parseDuration reads a bare whole number as milliseconds, anything else as time.ParseDuration does.
func parseDuration(raw any) (time.Duration, error) {
	if n, err := parseInt(raw); err == nil {
		if n > math.MaxInt64/int(time.Millisecond) || n < math.MinInt64/int(time.Millisecond) {
			return 0, errRange
		}
		return time.Duration(n) * time.Millisecond, nil
	}
	s, ok := raw.(string)
	if !ok {
		return 0, errRange
	}
	d, err := time.ParseDuration(strings.TrimSpace(s))
	return d, rangeOr(err)
}

// parseString takes numbers too, for a file may hold an unquoted name or password such as 42.
func parseString(raw any) (string, error) {
	switch v := raw.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	}
	return "", errRange
}

// parseList reads a YAML list of strings, or one string whose items are parted by commas.
func parseList(raw any) ([]string, error) {
	switch v := raw.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return nil, nil
		}
		return trimmed(strings.Split(v, ",")), nil
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, errRange
			}
			items[i] = s
		}
		return trimmed(items), nil
	}
	return nil, errRange
}

func trimmed(items []string) []string {
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

func rangeOr(err error) error {
	if err != nil {
		return errRange
	}
	return nil
}
