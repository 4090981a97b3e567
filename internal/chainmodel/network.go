package chainmodel

import "math/rand/v2"

// reply is what a caller learns of its script call.
type reply int

const (
	accepted reply = iota
	refused
	unknown // no answer in time: the script ran, will run, or never runs
)

// fate is what becomes of one script call.
type fate int

const (
	delivered fate = iota
	resent         // the reply is lost and the library sends again: it runs twice, the second reply counts
	timedOut       // the caller is told nothing and the call runs later or never
	doubled        // answered now, and a duplicate runs later
	fates
)

// network decides the fate of each call.
type network interface{ fate() fate }

// perfect delivers every call once.
type perfect struct{}

func (perfect) fate() fate { return delivered }

// lossy draws each fate at random.
type lossy struct {
	dice     *rand.Rand
	doubling int // percent of calls sent twice, at once or later
	timeout  int // percent of calls timed out
}

func (l lossy) fate() fate {
	switch p := l.dice.IntN(100); {
	case p < l.doubling:
		return resent
	case p < l.doubling+l.timeout:
		return timedOut
	case p < 2*l.doubling+l.timeout:
		return doubled
	default:
		return delivered
	}
}

// budgeted lets the exhaustive search choose every fate until so many calls went wrong.
type budgeted struct {
	choices *choices
	left    int
}

func (b *budgeted) fate() fate {
	if b.left == 0 {
		return delivered
	}
	f := fate(b.choices.Pick(int(fates)))
	if f != delivered {
		b.left--
	}
	return f
}

// call runs one script, atomically, whenever the world gets to it.
func (a *actor) call(script func() reply) reply {
	a.step()
	switch a.net.fate() {
	case resent:
		script()
		a.step()
	case timedOut:
		a.later(script)
		return unknown
	case doubled:
		a.later(script)
	}
	return script()
}

// later leaves a call on the wire: it runs at any time, or never if the world crashes it.
func (a *actor) later(script func() reply) {
	late := a.stage.spawn("late", a.node, func(b *actor) {
		b.step()
		script()
	})
	late.began = a.now
	late.next()
}
