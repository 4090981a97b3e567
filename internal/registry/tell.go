package registry

import (
	_ "embed"
	"fmt"

	"orchestrator/internal/session"
)

//go:embed tell.lua
var tellSource string

// telling returns the text of a script that may tell events.
func telling(script string) string {
	return fmt.Sprintf("local kept = %d\n", session.EventsKept) + tellSource + script
}
