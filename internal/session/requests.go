package session

import "time"

// Consistency says what a read may answer from.
type Consistency int

// Linearizable reads every record and answers what no later read can contradict; Eventual reads home alone, in one round
// trip, and may lag behind after the loss of a Redis master.
const (
	Linearizable Consistency = iota
	Eventual
)

// Idempotency makes a repeated create answer with its first result for IdempotencyKept. The zero value asks for nothing.
type Idempotency struct {
	Key         string // 1 to MaxIdempotencyKey printable ASCII characters
	Fingerprint string // of the request body: the same key with another fingerprint is refused
}

// Condition is what must hold for a write to be applied; the zero Condition always holds.
type Condition struct {
	IfMatch []string // ETags (stamps) one of which must be the current one; "*" matches any existing session
	Epoch   uint64   // the holder's epoch; 0: the writer does not claim to own the session
	Absent  bool     // there must be none yet; for a context alone

	// For a deletion alone: what lies beside the session, which its ETag does not tell of. nil: whatever it is.
	LastMessage *MessageID // with which its messages end; zero: there are none
	Context     *Stamp     // of its context; zero: there is none
}

// Result is one session's outcome in a batch.
type Result struct {
	Session Session // as it is now, where Err is nil
	Applied bool    // the change was made by this call, whatever has become of the session since
	Err     error
}

// Assignment is one session that a node is to run under an epoch.
type Assignment struct {
	Session Session
}

// ClusterMetrics sums up the fleet as its counts stand in Redis.
type ClusterMetrics struct {
	Nodes []Node // every registered node, by id; dead are those whose registration has ended and that nobody has declared so yet
}

// Totals returns how many nodes there are, how many of them are alive, and how many sessions they own together.
func (m ClusterMetrics) Totals() (nodes, healthy, sessions int) {
	for _, n := range m.Nodes {
		if n.State != Dead {
			healthy++
		}
		sessions += n.Sessions
	}
	return len(m.Nodes), healthy, sessions
}

// LocalMetrics is what one node measured of itself.
type LocalMetrics struct {
	Node                   Node
	Uptime                 time.Duration
	LocalSessions          int // sessions whose leases this node renewed in its last round
	CachedSessions         int
	CacheHits, CacheMisses uint64
	Goroutines             int
	HeapBytes              uint64
	LastBeatAge            time.Duration // since the last good beat was sent
	Trusted                bool          // the registration is young enough to act on
	RedisLatency           time.Duration // of the last beat
	RedisMasters           int
	LiveNodes              int
	LastSync               SyncReport // what the last finished sync round mended
}

// SyncReport counts what a sync round looked at and mended. All but Records are zero in a healthy fleet.
type SyncReport struct {
	Records             int // sessions compared
	CopiesRepaired      int // copies that were missing or older
	HomesRestored       int // homes that were missing or older
	CopiesMoved         int // copies moved off home's master
	CountsCorrected     int // live counts set right
	IndexRepaired       int // index, expiry or owner entries set right
	Expired             int // sessions whose time to live had ended
	Orphans             int // sessions re-owned because their owner is gone
	TombstonesCollected int
	Unreadable          int // records left alone because this version cannot read them
	RolledBack          int // sessions of which this node acknowledged a change that no record knows any more
	SharedMaster        int // sessions whose copy shares home's master and could not be moved
	Took                time.Duration
}

// Check is one named readiness check; a nil Err passes.
type Check struct {
	Name string
	Err  error
}

// Rebalance is what evening out the load takes: how many sessions each node gives or gets.
type Rebalance struct {
	Moves    int             // sessions to move in all: the least that does it
	Nodes    []RebalanceNode // every live node, by id
	Sessions []RebalanceMove // the first sessions that would move, at most RebalanceShown
}

// RebalanceShown bounds the sessions that a plan names.
const RebalanceShown = 1000

// RebalanceNode is one node's part in a rebalance.
type RebalanceNode struct {
	Node     NodeID
	Sessions int // live count now
	Target   int // live count afterwards
	Movable  int // of those to give, how many may be moved now: not moved a moment ago, not labelled against it
}

// Give is how many sessions the node has too many.
func (n RebalanceNode) Give() int { return max(0, n.Sessions-n.Target) }

// Lack is how many sessions the node has too few.
func (n RebalanceNode) Lack() int { return max(0, n.Target-n.Sessions) }

// RebalanceMove is one session that would move.
type RebalanceMove struct {
	Session ID
	From    NodeID
}
