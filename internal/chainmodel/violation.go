package chainmodel

// Violation is a promise that a run broke.
type Violation string

// What the checker knows.
const (
	AppliedTwice      Violation = "applied twice"
	AckedLost         Violation = "acknowledged and lost"
	RefusedYetApplied Violation = "refused yet applied"
	AckedAndRefused   Violation = "acknowledged and refused"
	OutOfOrder        Violation = "applied against real time"
	StaleRead         Violation = "stale read"
	DirtyRead         Violation = "dirty read"
	DirtyEventualRead Violation = "dirty eventual read"
	ReadGoesBack      Violation = "read goes back"
	ReadOfTheFuture   Violation = "read of the future"
	DeletedVisible    Violation = "deleted session visible"
	ChangeAfterDelete Violation = "change after delete"
	CreateNotFirst    Violation = "create not first"
	StaleHolder       Violation = "stale holder committed"
	EpochNotGrowing   Violation = "epoch does not grow"
	EpochGoesBack     Violation = "epoch told goes back"
	DuplicateEpoch    Violation = "two owners of one epoch"
	ToldTwoEpochs     Violation = "one takeover told two epochs"
	StampReused       Violation = "one stamp on two records"
	IndexWrong        Violation = "index differs from the record"
	Stuck             Violation = "no change goes through"
)
