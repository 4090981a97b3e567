package chainmodel

// LedgerRule names one guard of the live counts.
type LedgerRule int

// The guards, and what each says.
const (
	AllLedgerRules       LedgerRule = iota
	SettleOnce                      // an attempt is settled once, however often it is asked for
	SettledRemembered               // ... also when a late duplicate would claim again in between
	CorrectCountsClaims             // a corrected count includes the claims under way
	ClaimsCountBeside               // ... besides the session itself, which another attempt may have brought
	CorrectComparesMoves            // a correction is refused when the account moved since it was read
	CommitDeadline                  // an attempt's own calls are refused after its deadline
	ExpiryKeepsCount                // an expired claim is dropped without a change of the count
	ExpiryResolves                  // ... and only after the session was resolved
	UnknownLeftToExpire             // an attempt that may still land is not settled
	OnlyMineCountsDown              // a departure is counted by the attempt that made it
	ReleaseBeforeCommit             // a departure is announced before it is made
)

// What the ledger's checker knows.
const (
	Overfull     Violation = "more sessions than the node may have"
	Undercounted Violation = "count below the sessions owned"
	Miscounted   Violation = "count differs from the sessions owned in the end"
	LeftClaims   Violation = "claims left in the end"
)

// LedgerRules is one variant of the ledger and the room that it has.
type LedgerRules struct {
	Name        string
	Sessions    int
	Room        int // sessions a node may own
	WithoutRule LedgerRule
}
