package fleet

import (
	"context"
	"time"

	"orchestrator/internal/assignments"
	"orchestrator/internal/balancer"
	"orchestrator/internal/handover"
	"orchestrator/internal/lease"
	"orchestrator/internal/registry"
	"orchestrator/internal/session"
	"orchestrator/internal/sessionstore"
)

// Members tells who is alive.
type Members interface {
	Self() session.Node
	View() registry.View
	Refresh(ctx context.Context) (registry.View, error)
	Trust
}

// Trust is how this node's own registration stands.
type Trust interface {
	// Trusted reports whether the node may act as the holder it believes to be.
	Trusted() bool
	// TrustedUntil is when that ends unless a beat renews it; zero where it has ended.
	TrustedUntil() time.Time
	// Steady is for how long it has been trusted without a break: one that was cut off, or has just begun, finds the others'
	// registrations ended though they may be back in a moment, and judges nobody until it was steady for as long as one lasts.
	Steady() time.Duration
	LastBeat() (age, latency time.Duration)
}

// Undertaker declares nodes dead and keeps the book of what has been recovered.
type Undertaker interface {
	Dead(ctx context.Context, steady time.Duration) ([]session.Holder, error)
	Certified(ctx context.Context, h session.Holder) (bool, error)
	Recovered(ctx context.Context, dead session.Holder, partition, partitions int, word string, t registry.Tally) (registry.Tally, bool, error)
	SetState(ctx context.Context, id session.NodeID, s session.NodeState) (session.Node, error)
	Drain(ctx context.Context, id session.NodeID, within time.Duration) (session.Node, error)
}

// Requests are what other nodes ask a live owner for, for it alone moves its sessions.
type Requests interface {
	Ask(ctx context.Context, r handover.Request) error
	Next(ctx context.Context, node session.NodeID, limit int, dealtWith ...handover.Request) ([]handover.Request, error)
	Wish(ctx context.Context, by session.NodeID) error
	Wished(ctx context.Context) (bool, error)
}

// Announcer tells the processes beside this node what it owns.
type Announcer interface {
	Followed() bool
	Follow() (*assignments.Follower, error)
	Trust(h session.Holder, until time.Time)
}

// Painter is told what this node owns.
type Painter interface {
	Begin() assignments.Tick
	Abandon(began assignments.Tick)
	Sync(began assignments.Tick, h session.Holder, held []session.Assignment) bool
}

// Revoker has the processes beside this node stop before a session moves.
type Revoker interface {
	// Revoke returns those sessions that nobody beside this node runs any more.
	Revoke(ctx context.Context, ids ...session.ID) (cleared []session.ID)
	Restore(ids ...session.ID)
	Moved(ids ...session.ID)
}

// Roster is what the processes beside this node are told to run.
type Roster interface {
	Announcer
	Painter
	Revoker
}

// Placer decides who should own a session; what it decides is settled once the records say so.
type Placer interface {
	Reserve(ctx context.Context, r balancer.Request) ([]balancer.Placed, error)
	Settle(ctx context.Context, outcomes ...balancer.Outcome) error
	Leaving(ctx context.Context, departures ...balancer.Departure) error
	// Explain tells what Reserve would do for a request's one attempt, and does nothing.
	Explain(ctx context.Context, r balancer.Request) (session.Ranking, error)
}

// Accounts keeps the live count of every node.
type Accounts interface {
	Counts(ctx context.Context) (map[session.NodeID]int, error)
	Snapshot(ctx context.Context, node session.NodeID) (balancer.Snapshot, error)
	Correct(ctx context.Context, node session.NodeID, movesSeen int64, count int) (bool, error)
	Forget(ctx context.Context, node session.NodeID) (bool, error)
}

// Leases says who may act for a session.
type Leases interface {
	Take(ctx context.Context, id session.ID, h session.Holder, epoch uint64) (*lease.Lease, error)
	TakeFrom(ctx context.Context, id session.ID, from session.Holder, fromEpoch uint64, to session.Holder, epoch uint64) (*lease.Lease, error)
	Extend(ctx context.Context, h session.Holder, ids []session.ID) (extended int, others []session.ID, err error)
	Renew(ctx context.Context, partition int, h session.Holder, ids []lease.Renewal) ([]lease.Outcome, error)
	TTL() time.Duration
}

// Redis is what lies underneath.
type Redis interface {
	// Refresh looks at which master serves which slot, and at Redis's clock.
	Refresh(ctx context.Context) error
	// Masters returns how many masters the last look showed.
	Masters() int
}

// Records reads and changes single sessions.
type Records interface {
	Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error)
	Create(ctx context.Context, births ...sessionstore.Birth) []session.Result
	Update(ctx context.Context, id session.ID, op session.OpID, p session.Patch, cond session.Condition) (session.Session, error)
	Delete(ctx context.Context, id session.ID, op session.OpID, cond session.Condition, leave sessionstore.Leave) (session.Session, error)
	TakeOver(ctx context.Context, takeovers ...sessionstore.Takeover) []session.Result
	TellRevoked(ctx context.Context, why session.Reason, sessions []session.Session) error
}

// Beside reads and changes what lies beside the records of single sessions.
type Beside interface {
	Publish(ctx context.Context, id session.ID, op session.OpID, all ...*sessionstore.Publishing)
	Messages(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error)
	Context(ctx context.Context, id session.ID, c session.Consistency) (session.Context, error)
	PutContext(ctx context.Context, id session.ID, op session.OpID, c session.Context, cond session.Condition) (session.Stamp, bool, error)
	DropContext(ctx context.Context, id session.ID, op session.OpID, cond session.Condition) error
}

// Identities makes the names of sessions and operations.
type Identities interface {
	NewID() session.ID
	NewOp() session.OpID
	ChainFor(id session.ID) []int
	Claim(ctx context.Context, idem session.Idempotency, fresh session.ID) (sessionstore.Claim, error)
	Now() time.Time
}

// Listings answers for many sessions at once, from home alone.
type Listings interface {
	List(ctx context.Context, want session.Listing) (session.Page, error)
	Owned(ctx context.Context, partition int, node session.NodeID, after session.ID, limit int) (ids []session.ID, next session.ID, err error)
	OwnedIn(ctx context.Context, node session.NodeID) (map[int]int, error)
	OwnedPages(ctx context.Context, node session.NodeID, after map[int]session.ID, limit int) (map[int][]session.ID, error)
	Sessions(ctx context.Context, ids []session.ID) ([]session.Session, error)
}

// Accountable tells of sessions what only an operator, or somebody who is about to make one, wants to know.
type Accountable interface {
	Explain(ctx context.Context, id session.ID) (session.Explanation, error)
	Preview(b sessionstore.Birth) (session.Session, error)
}

// Upkeep is what the sync round needs of the store.
type Upkeep interface {
	Audit(ctx context.Context, partition int, nodes []session.NodeID, visit func(session.Session)) (session.SyncReport, error)
	Count(ctx context.Context, node session.NodeID) (int, error)
	Due(ctx context.Context, partitions []int, limit int) ([]session.ID, error)
	Expire(ctx context.Context, id session.ID, leave sessionstore.Leave) (bool, error)
	Verify(ctx context.Context) (lost []session.ID, mended session.SyncReport, err error)
}

// Store is everything the fleet asks of the session store.
type Store interface {
	Records
	Beside
	Identities
	Listings
	Accountable
	Upkeep
	Partition(id session.ID) int
	Partitions() int
	Cached() (sessions int, hits, misses uint64)
}
