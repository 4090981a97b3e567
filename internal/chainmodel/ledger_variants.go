package chainmodel

// LedgerControl is the ledger with one guard removed, and what the search must find then.
type LedgerControl struct {
	LedgerRules
	Seed   uint64 // the first seed known to show it
	Runs   int
	Expect Violation
}

// LedgerStandard is the ledger as it is built.
func LedgerStandard() LedgerRules {
	return LedgerRules{Name: "ledger", Sessions: 6, Room: 2}
}

func ledgerControl(g LedgerRule, name string, seed uint64, expect Violation) LedgerControl {
	r := LedgerStandard()
	r.Name, r.WithoutRule = "ledger-without-"+name, g
	return LedgerControl{LedgerRules: r, Seed: seed, Runs: 20000, Expect: expect}
}

// LedgerControls lists what random runs of the ledger must find.
func LedgerControls() []LedgerControl {
	return []LedgerControl{
		ledgerControl(SettleOnce, "settle-once", 713, Overfull),
		ledgerControl(SettledRemembered, "settled-remembered", 12805, Undercounted),
		ledgerControl(CorrectCountsClaims, "correct-counts-claims", 28, Overfull),
		ledgerControl(ClaimsCountBeside, "claims-count-beside", 65, Overfull),
		ledgerControl(CorrectComparesMoves, "correct-compares-moves", 18, Overfull),
		ledgerControl(CommitDeadline, "commit-deadline", 1027, Overfull),
		ledgerControl(ExpiryKeepsCount, "expiry-keeps-count", 82, Undercounted),
		ledgerControl(ExpiryResolves, "expiry-resolves", 192, Overfull),
		ledgerControl(UnknownLeftToExpire, "unknown-left-to-expire", 1545, Overfull),
		ledgerControl(OnlyMineCountsDown, "only-mine-counts-down", 5691, Overfull),
		ledgerControl(ReleaseBeforeCommit, "release-before-commit", 8970, Overfull),
	}
}

// HuntLedger looks for the first of at most n seeds whose run breaks the promise. It reports false when there is none.
func HuntLedger(r LedgerRules, first uint64, n int, what Violation) (uint64, bool) {
	for seed := first; seed < first+uint64(n); seed++ {
		for _, v := range RunLedger(r, seed, nil) {
			if v == what {
				return seed, true
			}
		}
	}
	return 0, false
}
