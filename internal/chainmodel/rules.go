package chainmodel

// BaseFrom says where a change takes the record it builds on.
type BaseFrom int

// The places a base may come from. All but BaseCopy are known to have been on home.
const (
	BaseCache   BaseFrom = iota // the node's cache, else a read of home
	BaseHome                    // a read of home
	BaseResolve                 // a linearizable read
	BaseCopy                    // a read of the first copy: never safe, a control
)

// Rules is one variant of the protocol together with the faults it is searched under. Ticks are steps of the world.
type Rules struct {
	Name string

	Copies     int // copies in the first chain: the replication factor less one
	Candidates int // places a copy may lie at; home comes on top
	Sessions   int // sessions that share these places; more than one adds batches
	Base       BaseFrom
	KeepOps    int  // operation ids a record keeps
	Floor      bool // an operation older than every kept id is never applied
	Lease      bool // a takeover first takes the lease
	Lazy       bool // a read answers when home wins, before a copy behind is mended
	Moves      bool // copies are moved to other candidates
	Grow       bool // moves only ever add copies: the replication factor is raised
	Fast       bool // writes are acknowledged after the first place of the chain; a rollback before home has them may lose them

	Losses      int  // rollbacks of one place to any earlier state
	AgainEqual  bool // further rollbacks whenever all records agree
	AgainQuiet  bool // ... and no call in flight began before the last one
	Horizon     int  // a rollback reaches at most so many ticks back, or to nothing; 0: any
	Retention   int  // age at which tombstones and left-over copies are collected; 0: never
	Deadline    int  // age at which a script refuses to create a record; 0: never
	WithoutRule Rule // the one guard that is removed, for a control
}

// lacks reports whether guard g was removed.
func (r Rules) lacks(g Rule) bool { return r.WithoutRule == g }

// home is the place of the home record.
func (r Rules) home() Place { return Place(r.Candidates) }

// firstChain is the chain chosen with a session's id.
func (r Rules) firstChain() Chain {
	var c []Place
	for p := range r.Copies {
		c = append(c, Place(p))
	}
	return chainOf(c...)
}
