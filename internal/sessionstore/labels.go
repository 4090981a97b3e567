package sessionstore

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"orchestrator/internal/session"
)

// A record's labels are one field, a line "key=value" for each, in the order of their keys: keys hold no '=', and neither keys nor values
// hold a line feed.
const (
	labelIs  = "="
	labelEnd = "\n"
)

// formatLabels writes labels as their field holds them.
func formatLabels(labels map[string]string) string {
	lines := make([]string, 0, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		lines = append(lines, formatLabel(key, labels[key]))
	}
	return strings.Join(lines, labelEnd)
}

func formatLabel(key, value string) string { return key + labelIs + value }

// checkLabels refuses what formatLabels cannot write.
func checkLabels(labels map[string]string) error {
	for key, value := range labels {
		if strings.Contains(key, labelIs) || strings.Contains(key, labelEnd) || strings.Contains(value, labelEnd) {
			return session.Invalid("labels", fmt.Sprintf("%q: a key must hold neither '=' nor a line feed, a value no line feed", key))
		}
	}
	return nil
}

// parseLabels reads what formatLabels wrote.
func parseLabels(field string) (map[string]string, error) {
	labels := make(map[string]string, 1+strings.Count(field, labelEnd))
	for line := range strings.SplitSeq(field, labelEnd) {
		key, value, ok := strings.Cut(line, labelIs)
		if _, twice := labels[key]; !ok || twice {
			return nil, fmt.Errorf("field labels holds the line %q, not key=value for each key once", line)
		}
		labels[key] = value
	}
	return labels, nil
}
