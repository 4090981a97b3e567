package session

import "time"

// Limits of a session's fields. Each is checked by Draft.Validate or Patch.Apply and named in the error.
const (
	MaxNodeID         = 63          // characters of a node id
	MaxType           = 63          // characters of a type
	MaxName           = 255         // characters of a name
	MaxWorkspace      = 1024        // characters of a workspace
	MaxLabels         = 64          // labels of one session
	MaxLabelKey       = 63          // characters of a label's key
	MaxLabelValue     = 255         // characters of a label's value
	MaxConfig         = 128 << 10   // bytes of config as JSON
	MaxBlob           = 256 << 10   // bytes of a record's body, encoded and not yet compressed: what can be stored does not depend on how well it compresses
	MaxBatch          = 1000        // sessions of one batch
	MaxPage           = 1000        // sessions of one list page
	DefaultPage       = 100         // sessions of one list page where no limit is given
	MaxChoices        = 100         // values that a list's filter names for one field
	MaxSelector       = 4096        // bytes of a label selector
	MaxRequirements   = 64          // requirements of a list on labels, as many as a session has labels
	MinTTL            = time.Second // shortest time to live
	MaxTTL            = 365 * 24 * time.Hour
	IdempotencyKept   = 24 * time.Hour // how long an idempotency key answers with its first result
	MaxIdempotencyKey = 255            // characters of an idempotency key
	MessagesKept      = 1000           // messages of one session; the oldest go first
	MaxPublished      = 100            // messages of one publish
	MaxMessage        = 16 << 10       // bytes of a message's data as JSON
	MaxMessageKind    = 63             // characters of a message's kind
	MaxContext        = 256 << 10      // bytes of a session's context
	MaxContextType    = 255            // characters of its content type
	MaxCursor         = 64 << 10       // characters of a cursor of events: with 256 partitions one has about 2,000, with 4,096 about 30,000
)
