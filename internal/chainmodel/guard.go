package chainmodel

// Rule names one guard of the protocol. A variant without it is a control: the search must find what it prevents.
type Rule int

// The guards, and what each says.
const (
	AllRules              Rule = iota
	StampHoldsOp               // scripts compare the operation too, not the two numbers alone
	OpRecognition              // a node looks for its operation among those the base remembers
	ReadAllRecords             // a read looks at the copies too
	WriteBack                  // a read mends what differs before it answers
	HolderEpoch                // a holder's write compares its epoch
	RefuseAfterResolve         // a refusal is told only from a resolved base
	TakeoverRaisesRank         // a takeover counts as a change
	TakeoverWritesCopies       // a takeover goes through the chain as all else
	CompareOnCopy              // a copy's script compares
	CompareOnHome              // home's script compares
	CompareEquals              // ... for equality, not for a lower rank
	HomeLast                   // copies before home
	CopiesBeforeHome           // ... and not at once with it
	AckAfterHome               // nothing is acknowledged before home said yes
	FastWritesCopyFirst        // ... but a fast write, after the chain's first place, which is a copy and not home
	FastIsNoBase               // ... and nobody builds on that before home has it
	HomeWinsTies               // of two records of one rank home's wins
	RankIsSum                  // records are ordered by the number of changes, not by epoch first
	TombstoneKept              // a delete leaves a record
	SelfRecognition            // a script knows its own earlier execution; saves a read, safety does not need it
	CreateStampPerAttempt      // each attempt of a create has a stamp of its own
	OneFirstChain              // the first chain is chosen with the id, once for all attempts of a create
	DeriveFromRecords          // indexes follow the two records, not the caller's purpose
	CreateDeadline             // a script makes no record for a request that is too old
	AgeFromRoundStart          // ... counted from the start of the reading round
	AgeFromBirth               // ... and for a create from the birth of the id
	CollectLooksAtAll          // a tombstone is collected when all records agree
	CollectLooksOffChain       // ... at every candidate, not in the chain alone
	AgeAtReading               // ... that were old enough when they were read, not when the last was
	StraysAreBuried            // a stray of a deleted session becomes a tombstone before anything is collected
	PointersKept               // what a move leaves behind stays for the retention
	MoveWritesOldCopies        // a move writes the chain it leaves
	MoveHomeLast               // ... before home
	MoveSparesHigher           // ... and nothing that ranks as high as what it writes
	MoveAgeFromStart           // ... and its age counts from before its base was resolved
	FirstCopyFixed             // a session without copies gets its first one at its first candidate
	RepairWritesFrom           // who commits another's move writes the chain it leaves, too
	OnlyReachedCounts          // a place a reader merely believes in does not count; safety does not need it
	FromBreaksTies             // of a move and another change of one rank the change in the old chain wins
	EmptyChainReachesAll       // a home record without copies does not hide copies added later
	AbsenceReachesAll          // a place that is empty though home leads there does not end the search
	FromIsReached              // the chain that a move left is read too
)
