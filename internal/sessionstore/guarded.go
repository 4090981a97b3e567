package sessionstore

import (
	"slices"
	"strings"

	"orchestrator/internal/guards"
)

// What package guards turns off in this one: the lines of the scripts that compare a record's stamp with the expected one, those that
// recognise the script's own earlier execution, and the order of a chain's writes. Record.applied and Record.forgotten are the fourth.
var (
	comparing   = []string{"cur ~= expect", "cur ~= s.expect"}
	recognising = []string{"cur == new", "cur == s.new"}
)

// guarded returns a script's text without the conditions whose guard is off; in the program as it is meant to be, as it stands.
func guarded(source string) string {
	if !guards.CompareStamps {
		source = without(source, comparing)
	}
	if !guards.RecognizeOps {
		source = without(source, recognising)
	}
	return source
}

// without makes conditions of a script never hold.
func without(source string, conditions []string) string {
	for _, condition := range conditions {
		source = strings.ReplaceAll(source, condition, "false")
	}
	return source
}

// ordered returns a chain's writes as they are to be carried out: as they come, the copies first and home last.
func ordered(writes []write) []write {
	if guards.CopiesFirst {
		return writes
	}
	reordered := slices.Clone(writes)
	slices.SortStableFunc(reordered, func(a, b write) int {
		return min(a.tag, 1) - min(b.tag, 1)
	})
	return reordered
}
