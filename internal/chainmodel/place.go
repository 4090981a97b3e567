package chainmodel

// cell is one place of one session: the record there and, on home, what home's scripts keep beside it. All of it lies
// in one slot of one server and is rolled back together.
type cell struct {
	state
	past []moment
}

// state is all that one place holds for a session at one time.
type state struct {
	rec       Record
	writtenAt int // server time at which this record was written here
	lease     lease
	derived   derived
}

// moment is a state and the tick since which it was current.
type moment struct {
	state
	at int
}

func newCell() cell { return cell{past: []moment{{}}} }

// store makes s current at tick now.
func (c *cell) store(s state, now int) {
	c.state = s
	c.past = append(c.past, moment{s, now})
}

// reachable lists the earlier moments a rollback at tick now may return to. The first, nothing at all, always is.
func (c *cell) reachable(now, horizon int) []int {
	var ks []int
	for k := range len(c.past) - 1 {
		if horizon > 0 && k > 0 && c.past[k+1].at < now-horizon {
			continue
		}
		ks = append(ks, k)
	}
	return ks
}

// revert returns the cell to what it held at tick at. With a horizon time goes on, and the old state is current again
// from now; without one, what came after is forgotten.
func (c *cell) revert(at, now, horizon int) {
	k := len(c.past) - 1
	for k > 0 && c.past[k].at > at {
		k--
	}
	c.state = c.past[k].state
	if k == len(c.past)-1 {
		return
	}
	c.past = append([]moment{}, c.past[:k+1]...)
	if horizon > 0 {
		c.past = append(c.past, moment{c.state, now})
	}
}
