package chainmodel

// Control is the protocol with one guard removed, or under faults it does not promise to survive. The search must find
// what the guard prevents.
type Control struct {
	Rules
	Seed   uint64    // the first seed known to show it, where the search begins
	Runs   int       // how many seeds are tried at most
	Expect Violation // what goes wrong, or part of it
}

func control(g Rule, name string, seed uint64, expect Violation, with ...func(*Rules)) Control {
	return overload("without-"+name, seed, expect, append(with, without(g))...)
}

func overload(name string, seed uint64, expect Violation, with ...func(*Rules)) Control {
	return Control{Rules: standard(name, with...), Seed: seed, Runs: 20000, Expect: expect}
}

func losing(n int) func(*Rules) { return func(r *Rules) { r.Losses = n } }

// Controls lists what random runs must find. Two guards are too seldom needed for that and have a scripted run each in
// the tests: StraysAreBuried and PointersKept.
func Controls() []Control {
	return []Control{
		control(StampHoldsOp, "op-in-stamp", 2, AckedLost),
		control(OpRecognition, "op-recognition", 4, AppliedTwice),
		control(ReadAllRecords, "read-all", 3, StaleRead),
		control(WriteBack, "write-back", 94, DirtyRead),
		control(HolderEpoch, "holder-epoch", 2, StaleHolder),
		control(RefuseAfterResolve, "refuse-after-resolve", 22, RefusedYetApplied),
		control(TakeoverRaisesRank, "takeover-raises-rank", 2, AckedLost),
		control(TakeoverWritesCopies, "takeover-writes-copies", 104, AckedLost),
		control(CompareOnCopy, "compare-on-copy", 66, AckedLost),
		control(CompareOnHome, "compare-on-home", 31, AckedLost),
		control(CompareEquals, "compare-equals", 94, AckedLost),
		control(HomeLast, "home-last", 36, AckedLost),
		control(CopiesBeforeHome, "copies-before-home", 62, AckedLost),
		control(AckAfterHome, "ack-after-home", 31, StaleRead),
		control(FastWritesCopyFirst, "fast-writes-copy-first", 1110, DuplicateEpoch, fast),
		control(ReadAllRecords, "fast-read-all", 3, StaleRead, fast),
		control(FastIsNoBase, "fast-is-no-base", 2138, DirtyEventualRead, fast, from(BaseCache)),
		control(HomeWinsTies, "home-wins-ties", 31, AckedLost),
		control(RankIsSum, "rank-is-sum", 680, AckedLost),
		control(TombstoneKept, "tombstone", 13, DeletedVisible),
		control(CreateStampPerAttempt, "create-stamp-per-attempt", 40, StampReused),
		control(DeriveFromRecords, "derive-from-records", 2, IndexWrong),
		control(CreateDeadline, "create-deadline", 160, DeletedVisible, collecting),
		control(AgeFromRoundStart, "age-from-round-start", 3223, DeletedVisible, collecting),
		control(AgeFromBirth, "age-from-birth", 160, DeletedVisible, collecting),
		control(CollectLooksAtAll, "collect-looks-at-all", 948, DeletedVisible, collecting),
		control(AgeAtReading, "age-at-reading", 2968, DeletedVisible, moving, collecting, losingAgain),
		control(OneFirstChain, "one-first-chain", 2085, StampReused, moving),
		control(CollectLooksOffChain, "collect-looks-off-chain", 6, DeletedVisible, moving, collecting),
		control(MoveWritesOldCopies, "move-writes-old-copies", 127, AckedLost, moving),
		control(MoveHomeLast, "move-home-last", 127, AckedLost, moving),
		control(MoveSparesHigher, "move-spares-higher", 52, AckedLost, growing),
		control(MoveAgeFromStart, "move-age-from-start", 55, DeletedVisible, growing, collecting),
		control(FirstCopyFixed, "first-copy-fixed", 248, AckedLost, growing),
		control(RepairWritesFrom, "repair-writes-from", 2729, DirtyRead, batching, moving),
		control(FromBreaksTies, "from-breaks-ties", 1342, AckedLost, moving),
		control(FromIsReached, "from-is-reached", 513, AckedLost, moving),
		control(AbsenceReachesAll, "absence-reaches-all", 119682, AckedLost, moving, losingAgain),
		control(EmptyChainReachesAll, "empty-chain-reaches-all", 58873, AckedLost, growing),
		overload("base-copy", 31, AckedLost, from(BaseCopy)),
		overload("fast-base-cache", 753, AckedLost, fast, from(BaseCache)),
		overload("one-record", 2, AckedLost, func(r *Rules) { r.Copies, r.Candidates = 0, 0 }),
		overload("two-rollbacks", 2, AckedLost, losing(2)),
		overload("three-records-three-rollbacks", 241, AckedLost, threeRecords, losing(3)),
		overload("again-not-quiet", 106, StaleRead, func(r *Rules) { r.AgainEqual = true }),
		overload("keep-1-no-floor", 6, AppliedTwice, func(r *Rules) { r.KeepOps = 1 }),
		overload("keep-4-no-floor", 20, AppliedTwice, func(r *Rules) { r.KeepOps = 4 }),
		overload("collect-short", 263, DeletedVisible, func(r *Rules) { r.Retention, r.Horizon, r.Deadline = 20, 100, 10 }),
		overload("collect-unbounded", 118, DeletedVisible, collecting, func(r *Rules) { r.Horizon = 0 }),
	}
}
