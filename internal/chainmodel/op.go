package chainmodel

// Kind is what an operation does.
type Kind int

// The kinds of operation. Repair is no operation: it carries on somebody's.
const (
	Repair Kind = iota
	Create
	Write
	HolderWrite // a write that names the epoch it was told it owns
	Takeover
	Delete
	Move // of the copies, to other places
)

// String names the kind, for traces.
func (k Kind) String() string {
	return [...]string{"repair", "create", "write", "holder's write", "takeover", "delete", "move"}[k]
}

// op is one operation of a client, however often and through whichever node it is asked for.
type op struct {
	id         byte
	kind       Kind
	node       int
	epoch      int // HolderWrite: the epoch it acts under
	start, end int // start is -1 until the first attempt begins
	acked      bool
	early      bool  // acknowledged before home had it
	first      Place // early: the place that it was acknowledged on
	atHome     int   // since when home has had it; 0: it never did
	refused    bool
	toldEpoch  int // Takeover: the epoch the taker was told it owns
}

func (s *session) newOp(k Kind, node int) *op {
	o := &op{id: byte(len(s.ops) + 1), kind: k, node: node, start: -1}
	s.ops = append(s.ops, o)
	return o
}

// begin notes when the operation was first asked for.
func (s *session) begin(o *op) {
	if o.start >= 0 {
		return
	}
	o.start = s.world.now
	if o.kind == HolderWrite && o.epoch == 0 {
		o.epoch = max(1, s.told[o.node])
	}
}

// child is base changed by o. The attempt's node is the owner of what it creates, so two attempts of one create make
// two different records, and stampOp tells them apart.
func (s *session) child(base Record, o *op, node, stampOp int) Record {
	n := base
	n.Version++
	n.Op = stampOp
	n.From = ""
	switch o.kind {
	case Create:
		n.Epoch, n.Owner, n.Chain = 1, node, s.world.rules.firstChain()
		if s.world.rules.lacks(OneFirstChain) {
			n.Chain = chainOf(Place(node % s.world.rules.Candidates))
		}
	case Takeover:
		n.Epoch, n.Version, n.Owner = base.Epoch+1, base.Version, o.node
		if s.world.rules.lacks(TakeoverRaisesRank) {
			n.Version--
		}
	case Delete:
		n.Tomb = true
	case Write, HolderWrite:
		n.Expires = int(o.id)
	}
	if o.kind != Move {
		n.keep(o.id, s.world.rules.KeepOps)
	}
	n.Log += string([]byte{o.id})
	n.Epochs += string([]byte{byte(n.Epoch)})
	return n
}

// keep adds an operation to those the record remembers and raises the floor by the one that drops out.
func (r *Record) keep(id byte, limit int) {
	r.Ops += string([]byte{id})
	if len(r.Ops) > limit {
		r.Floor = max(r.Floor, r.Ops[0])
		r.Ops = r.Ops[1:]
	}
}
