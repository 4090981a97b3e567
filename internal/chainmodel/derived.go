package chainmodel

const nodes = 3

// lease is the key beside home that keeps two takers from wasting work. The zero lease is free.
type lease struct {
	holder int // 1 + node
	epoch  int
}

// derived is what home's script keeps in step with the record beside it: the list index, the owner's set, the expiry
// entry.
type derived struct {
	listed  bool
	owned   [nodes]bool
	expires int
}

// derivedOf is the function of home's record that derived must always equal.
func derivedOf(r Record) derived {
	var d derived
	if r.live() {
		d.listed, d.expires = true, r.Expires
		d.owned[r.Owner] = true
	}
	return d
}

// follow is what home's script does: it looks at the record that is there and the one that comes, and at nothing else.
// A repair may carry a dead writer's change or several at once, so who runs the script says nothing.
func (d derived) follow(old, next Record) derived {
	if old.live() {
		d.owned[old.Owner] = false
	}
	if next.live() {
		d.owned[next.Owner] = true
	}
	d.listed = next.live()
	d.expires = 0
	if next.live() {
		d.expires = next.Expires
	}
	return d
}

// followWriter is the control: indexes changed by what the caller set out to do, so a repair changes none.
func (d derived) followWriter(kind Kind, base, next Record) derived {
	switch kind {
	case Create, Takeover, Delete, Write, HolderWrite, Move:
		return d.follow(base, next)
	default:
		return d
	}
}

// follow is the lease after a commit on home: a new epoch gives it to the new owner, a tombstone ends it.
func (l lease) follow(old, next Record) lease {
	switch {
	case !next.live():
		return lease{}
	case !old.live() || old.Epoch != next.Epoch:
		return lease{1 + next.Owner, next.Epoch}
	default:
		return l
	}
}
