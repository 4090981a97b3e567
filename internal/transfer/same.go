package transfer

import (
	"bytes"
	"encoding/json"
)

// sameJSON reports whether two configs are the same text, their members in order: numbers to the last digit, as they were read.
func sameJSON(a, b map[string]any) bool {
	if len(a) == 0 && len(b) == 0 {
		return true
	}
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}
