// Package client calls the API of an orchestrator fleet from Go. It needs the standard library alone.
//
//	c, err := client.New(client.Config{Addrs: []string{"http://10.0.0.11:8080", "http://10.0.0.12:8080"}})
//	...
//	defer c.Close()
//	s, err := c.CreateSession(ctx, client.Draft{Type: "development", Name: "fix-login", Workspace: "/srv/fix-login"})
//	s, err = c.PatchSession(ctx, s.ID, client.Patch{Status: client.Idle}, client.Condition{IfMatch: s.ETag})
//
// # A tour
//
// Sessions: CreateSession, CreateSessions, GetSession, PatchSession, DeleteSession, MigrateSession, ListSessions, AllSessions, DryRunSession,
// ExplainSession. What is kept beside a session: Publish, Messages, FollowMessages; GetContext, PutContext, DeleteContext. The fleet: Nodes,
// Node, Cordon, Uncordon, Drain, Rebalance, Events, WatchEvents, ClusterMetrics, LocalMetrics.
//
// A process that runs sessions beside a node calls Run, which gives it a Lease for each session that the node has to run; Follow is the same
// with everything in the caller's hands. All lists and streams are iterators; to leave the loop ends them.
//
// A node of an older version may not serve all of that: such a call fails with ErrNoRoute, or with ErrInvalid where it knows the route and
// not the parameter. Index tells what a node serves.
//
// # Errors
//
// Whatever a call fails with is an *Error. A program decides by errors.Is and the values of this package (ErrNotFound, ErrStaleEpoch, ...), or
// by its Code. What a node would refuse for its form is refused before it is sent where the client can see it. Unsure says that the
// change may have been made all the same. What only waits, as Lease.Release and an iterator between two values do, returns ctx's plain error.
//
// # Several addresses, and when a request is sent again
//
// The client stays with one address while that is good. An address that cannot be reached, or answers 502, 503 or 504 or that too much is
// asked of it at a time, is left alone for a while: longer each time up to 5 s, by chance, and at least as long as its Retry-After says. The
// request goes to the next address at once, if it may be sent again, until RetryFor or the context's deadline would be over; then the last
// error is returned. no-capacity is an answer: it is not waited for.
//
// A request is sent again:
//
//   - always, where nothing was done: no connection came about, or the node refused it with draining or rate-limited;
//   - where no answer came, or one that leaves open what was done (store-unavailable, a proxy's 502, 503, 504): if a second time changes nothing more.
//
// A second time changes nothing more of reads; of CreateSession and Publish, which carry an idempotency key, one of the client's own where
// the caller gives none; of DeleteSession, since ids are never used again: found gone when it is repeated, the session was deleted; of PatchSession,
// PutContext and DeleteContext under the ETag of one state, which can be left only once; of PutContext where there must be none; and of
// Cordon, Uncordon and Drain, which ask for a state. CreateSessions, MigrateSession, Rebalance and changes without a condition are not sent again then:
// their error is Unsure. Under an ETag, ErrVersionMismatch that is Unsure may have been met by this very change.
//
// Streams are begun again at another node, from where they were.
//
// # Time
//
// A call ends with its context, whatever it waits for. Clocks of other machines mean nothing to the client, but for a lease's: its
// moments are by the wall clock of the node's machine, which must be the follower's own. Each is turned into a time-out the moment it is read, never
// longer than the node's registration lasts, and counted on the monotonic clock from there; a node whose clock is seen to differ (by about a
// second, for that is how exactly an answer's Date tells it) is not followed.
package client
