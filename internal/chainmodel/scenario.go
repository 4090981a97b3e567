package chainmodel

// Scenario is a small set of callers whose every interleaving is searched.
type Scenario struct {
	Name   string
	Seeded bool
	Copies int
	// Cast has one letter for each caller: w write, W the same write through a second node, h the first owner's write,
	// t takeover, c create, C the same create through a second node, d delete, r reader, e eventual reader, m move.
	Cast    string
	Crashes int // actors that may stop anywhere
	Faults  int // calls that may be doubled, late or lost
	Losses  int // rollbacks of any place to any earlier content, at any point
}

// Scenarios is what the exhaustive search knows. The first ones complete in seconds.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "two takers", Seeded: true, Copies: 1, Cast: "tt", Losses: 1},
		{Name: "create twice and a reader", Copies: 1, Cast: "cCr", Losses: 1},
		{Name: "create and two readers", Copies: 1, Cast: "crr", Losses: 1},
		{Name: "two writers and a crash", Seeded: true, Copies: 1, Cast: "ww", Crashes: 1, Losses: 1},
		{Name: "writer, taker and a crash", Seeded: true, Copies: 1, Cast: "wt", Crashes: 1, Losses: 1},
		{Name: "one writer, two faults", Seeded: true, Copies: 1, Cast: "w", Faults: 2, Losses: 1},
		{Name: "two writers and a reader", Seeded: true, Copies: 1, Cast: "wwr", Losses: 1},
		{Name: "writer, reader and a fault", Seeded: true, Copies: 1, Cast: "wr", Faults: 1, Losses: 1},
		{Name: "writer, taker and a reader", Seeded: true, Copies: 1, Cast: "wtr", Losses: 1},
		{Name: "holder, taker and a reader", Seeded: true, Copies: 1, Cast: "htr", Losses: 1},
		{Name: "writer, delete and a reader", Seeded: true, Copies: 1, Cast: "wdr", Losses: 1},
		{Name: "one write twice and a reader", Seeded: true, Copies: 1, Cast: "wWr", Losses: 1},
		{Name: "three records, two writers", Seeded: true, Copies: 2, Cast: "ww", Losses: 1},
		{Name: "move and writer", Seeded: true, Copies: 1, Cast: "mw", Losses: 1},
		{Name: "move and reader", Seeded: true, Copies: 1, Cast: "mr", Losses: 1},
		{Name: "two moves", Seeded: true, Copies: 1, Cast: "mm", Losses: 1},
	}
}

// moves reports whether the scenario needs places to move to.
func (s Scenario) moves() bool {
	for i := range len(s.Cast) {
		if s.Cast[i] == 'm' {
			return true
		}
	}
	return false
}

// adapt fits the rules to the scenario. Leases are left out: they only lessen what can happen.
func (s Scenario) adapt(r Rules) Rules {
	r.Copies, r.Candidates = s.Copies, s.Copies
	r.Lease, r.Losses = false, s.Losses
	if s.moves() {
		r.Candidates, r.Moves = s.Copies+1, true
	}
	return r
}
