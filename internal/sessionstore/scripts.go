package sessionstore

import (
	_ "embed"

	"orchestrator/internal/redisx"
	"orchestrator/internal/session"
)

//go:embed record.lua
var recordSource string

//go:embed published.lua
var publishedOnly string

//go:embed attach.lua
var attachOnly string

//go:embed cas.lua
var casOnly string

//go:embed commit.lua
var commitOnly string

//go:embed drop.lua
var dropSource string

//go:embed prune.lua
var pruneSource string

//go:embed find.lua
var findSource string

//go:embed glance.lua
var glanceSource string

// The scripts that replace records, as servers know them.
var (
	casSource    = guarded(recordSource + casOnly)
	commitSource = guarded(recordSource + commitOnly)

	casAttachSource    = guarded(recordSource + attachOnly + casOnly)
	commitAttachSource = guarded(recordSource + publishedOnly + attachOnly + commitOnly)
)

var (
	casScript    = redisx.NewScript("cas", casSource)
	commitScript = redisx.NewScript("commit", commitSource)
	dropScript   = redisx.NewScript("drop", dropSource)
	pruneScript  = redisx.NewScript("prune", pruneSource)

	casAttachScript    = redisx.NewScript("cas-attach", casAttachSource)
	commitAttachScript = redisx.NewScript("commit-attach", commitAttachSource)
	findScript         = redisx.NewScript("find", findSource)
	glanceScript       = redisx.NewScript("glance", glanceSource)
)

// strangeKey names the key that a script, by its answer, found to hold something of another type.
func strangeKey(keys []string, answer int64) error {
	return &session.CorruptError{Key: keys[int64(foreign)-answer-1], Reason: "it holds something of another type"}
}

// code is a script's answer for one record.
type code int64

const (
	done    code = 1    // the record holds the new stamp
	refused code = 0    // it has another stamp than the expected one
	tooLate code = -1   // the time after which it must not be applied has passed
	torn    code = -2   // what lies beside the record is not what the record says
	foreign code = -100 // less n: the n-th key holds something of another type
)
