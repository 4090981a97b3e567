package chainmodel

// standard is the protocol as it is built: one copy, changes from the cache, one rollback of any place.
func standard(name string, with ...func(*Rules)) Rules {
	r := Rules{Name: name, Copies: 1, Candidates: 1, Base: BaseCache, KeepOps: 100, Lease: true, Losses: 1}
	for _, f := range with {
		f(&r)
	}
	return r
}

func threeRecords(r *Rules) { r.Copies, r.Candidates = 2, 2 }

func losingAgain(r *Rules) { r.AgainEqual, r.AgainQuiet = true, true }

func collecting(r *Rules) { r.Retention, r.Horizon, r.Deadline = 160, 40, 60 }

// collectingTightly leaves next to nothing between the retention and what it must exceed.
func collectingTightly(r *Rules) { r.Retention, r.Horizon, r.Deadline = 85, 60, 24 }

func moving(r *Rules) { r.Moves, r.Candidates = true, 3 }

func growing(r *Rules) { r.Moves, r.Grow, r.Candidates, r.Copies = true, true, 3, 0 }

// fast acknowledges early. A change of a fast session is made from what home holds now, not from a cache, which may be as old as a copy that was
// rolled back.
func fast(r *Rules) { r.Fast, r.Base = true, BaseHome }

func batching(r *Rules) { r.Sessions = 2 }

func from(b BaseFrom) func(*Rules) { return func(r *Rules) { r.Base = b } }

func lazily(r *Rules) { r.Lazy = true }

func without(g Rule) func(*Rules) { return func(r *Rules) { r.WithoutRule = g } }

func keeping(ops int) func(*Rules) { return func(r *Rules) { r.KeepOps, r.Floor = ops, true } }

func unleased(r *Rules) { r.Lease = false }

// Variants lists the protocols that must hold: the one that is built, and what it may be configured or changed to.
func Variants() []Rules {
	return []Rules{
		standard("standard"),
		standard("base-home", from(BaseHome)),
		standard("base-resolve", from(BaseResolve)),
		standard("no-lease", unleased),
		standard("lazy", lazily),
		standard("no-copy", func(r *Rules) { r.Copies, r.Candidates, r.Losses = 0, 0, 0 }),
		standard("no-rollback", func(r *Rules) { r.Losses = 0 }),
		standard("three-records", threeRecords),
		standard("three-records-lazy", threeRecords, lazily),
		standard("keep-4", keeping(4)),
		standard("keep-1", keeping(1)),
		standard("no-self-recognition", without(SelfRecognition)),
		standard("again", losingAgain),
		standard("three-records-again", threeRecords, losingAgain),
		standard("collect", collecting),
		standard("collect-again", collecting, losingAgain),
		standard("move", moving),
		standard("move-lazy", moving, lazily),
		standard("move-base-home", moving, from(BaseHome)),
		standard("move-three-records", moving, func(r *Rules) { r.Copies = 2 }),
		standard("move-again", moving, losingAgain),
		standard("move-collect", moving, collecting),
		standard("move-collect-again", moving, collecting, losingAgain),
		standard("move-believed-counts", moving, without(OnlyReachedCounts)),
		standard("move-collect-tight", moving, collectingTightly),
		standard("grow", growing),
		standard("grow-collect", growing, collecting),
		standard("fast", fast),
		standard("fast-base-resolve", fast, from(BaseResolve)),
		standard("fast-no-lease", fast, unleased),
		standard("fast-no-rollback", fast, func(r *Rules) { r.Losses = 0 }),
		standard("fast-three-records", fast, threeRecords),
		standard("fast-three-records-lazy", fast, threeRecords, lazily),
		standard("fast-keep-4", fast, keeping(4)),
		standard("fast-again", fast, losingAgain),
		standard("fast-collect-again", fast, collecting, losingAgain),
		standard("fast-move", fast, moving),
		standard("fast-move-no-rollback", fast, moving, func(r *Rules) { r.Losses = 0 }),
		standard("fast-move-three-records", fast, moving, func(r *Rules) { r.Copies = 2 }),
		standard("fast-move-collect-again", fast, moving, collecting, losingAgain),
		standard("fast-grow", fast, growing),
		standard("batch", batching),
		standard("batch-three-records", batching, threeRecords),
		standard("batch-move", batching, moving),
	}
}
