package config

import "strings"

// nearest returns the known name that a mistyped one most likely stands for, or "" where none is near: the same letters in
// another case or with other separators, else at most two edits away.
func nearest(name string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := edits(plain(name), plain(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

func plain(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", ".", "").Replace(s))
}

// edits is the Levenshtein distance of a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
