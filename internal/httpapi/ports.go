package httpapi

import (
	"context"
	"time"

	"orchestrator/internal/assignments"
	"orchestrator/internal/session"
)

// Sessions are the use cases of one session. All of them may be called for a session of any node.
type Sessions interface {
	// Create makes a session. created is false where the idempotency key had made it before: s is then that session.
	Create(ctx context.Context, d session.Draft, idem session.Idempotency) (s session.Session, created bool, err error)
	// CreateBatch makes many sessions; the results are as many as the drafts and in their order.
	CreateBatch(ctx context.Context, drafts []session.Draft) []session.Result
	// Get returns a session as the consistency asks.
	Get(ctx context.Context, id session.ID, c session.Consistency) (session.Session, error)
	// Update applies a patch where the condition holds and returns the session as it is then.
	Update(ctx context.Context, id session.ID, p session.Patch, cond session.Condition) (session.Session, error)
	// Delete ends a session where the condition holds.
	Delete(ctx context.Context, id session.ID, cond session.Condition) error
}

// Messaging are the use cases of a session's messages.
type Messaging interface {
	// Publish adds messages, all or none, and returns them as they are kept.
	Publish(ctx context.Context, id session.ID, p session.Publication) ([]session.Message, error)
	// Messages returns the next messages that a query selects.
	Messages(ctx context.Context, id session.ID, q session.MessageQuery, c session.Consistency) (session.MessagePage, error)
	// Published returns a channel that tells, maybe, when there are more; end gives it up.
	Published(id session.ID) (wake <-chan struct{}, end func())
}

// Contexts are the use cases of a session's context.
type Contexts interface {
	// Context returns what it holds.
	Context(ctx context.Context, id session.ID, c session.Consistency) (session.Context, error)
	// PutContext writes it where the condition holds; made is whether there was none.
	PutContext(ctx context.Context, id session.ID, c session.Context, cond session.Condition) (stamp session.Stamp, made bool, err error)
	// DropContext removes it where the condition holds.
	DropContext(ctx context.Context, id session.ID, cond session.Condition) error
}

// Catalog are the use cases over many sessions and their places.
type Catalog interface {
	// List returns a page of the sessions that are asked for.
	List(ctx context.Context, want session.Listing) (session.Page, error)
	// Migrate gives a session another owner: to, or the best other node where to is empty.
	Migrate(ctx context.Context, id session.ID, to session.NodeID) (session.Session, error)
}

// Explainer tells why things are as they are, or what would become of a request. It changes nothing.
type Explainer interface {
	// Explain tells how a session stands: who owns it, where its records lie, how the nodes rank for it.
	Explain(ctx context.Context, id session.ID) (session.Explanation, error)
	// DryRun tells what Create would make of a draft, and fails where it would.
	DryRun(ctx context.Context, d session.Draft) (session.DryRun, error)
}

// Nodes are the use cases of the fleet's nodes.
type Nodes interface {
	// Nodes returns every registered node; one whose registration has ended is dead, and listed until it is declared so.
	Nodes(ctx context.Context) ([]session.Node, error)
	// Node returns one node.
	Node(ctx context.Context, id session.NodeID) (session.Node, error)
	// SetState changes whether a node takes new sessions and returns it as it is then.
	SetState(ctx context.Context, id session.NodeID, state session.NodeState) (session.Node, error)
	// Assignments returns the sessions that a node is to run, each under its epoch.
	Assignments(ctx context.Context, id session.NodeID) ([]session.Assignment, error)
}

// Operations are what an operator has the fleet do with the sessions of live nodes.
type Operations interface {
	// Drain makes a node hand its sessions over, within a time, and returns the node as it is then. Asked again while it
	// drains, the node gets another deadline.
	Drain(ctx context.Context, id session.NodeID, within time.Duration) (session.Node, error)
	// Rebalance begins to even out the load, or with dryRun says only what it would do.
	Rebalance(ctx context.Context, dryRun bool) (session.Rebalance, error)
}

// Board is what this node tells the processes beside it to run.
type Board interface {
	// Follow opens a stream of it, beginning with what the node owns now.
	Follow(ctx context.Context) (*assignments.Follower, error)
	// Ack says that a follower has let go of sessions.
	Ack(watcher string, released ...assignments.Released) error
	// End ends every stream, and none begins any more.
	End(reason string)
}

// Events is what happened to sessions and nodes.
type Events interface {
	// ForSession returns the last events of a session that are kept, at most limit, the newest last.
	ForSession(ctx context.Context, id session.ID, limit int) ([]session.Event, error)
	// OfNodes returns the last events of the fleet's nodes, at most limit, the newest last.
	OfNodes(ctx context.Context, limit int) ([]session.Event, error)
	// Page returns up to limit events that the filter selects, from where cursor stands.
	Page(ctx context.Context, cursor string, f session.EventFilter, limit int) (session.EventPage, error)
	// Follow opens a stream of them; without a cursor, from now.
	Follow(ctx context.Context, cursor string, f session.EventFilter) (EventStream, error)
	// End ends every stream, and none begins any more.
	End(reason string)
}

// EventStream is one stream of events.
type EventStream interface {
	// Next waits for events; after a batch that names an end there is io.EOF. It may be called again after ctx has ended.
	Next(ctx context.Context) (session.EventBatch, error)
	// Cursor is where it stands: behind all that Next has returned.
	Cursor() string
	Close()
}

// Metrics are measured numbers.
type Metrics interface {
	// Cluster sums up the fleet.
	Cluster(ctx context.Context) (session.ClusterMetrics, error)
	// Now is Redis's clock, by which the times of nodes and sessions are made.
	Now() time.Time
	// Local is what this node measured of itself.
	Local(ctx context.Context) session.LocalMetrics
}

// Health says whether this node can serve.
type Health interface {
	// Ready runs the named readiness checks.
	Ready(ctx context.Context) []session.Check
}
