package chainmodel

// read is what one reader was told.
type read struct {
	start, end  int
	eventual    bool // home alone was asked: it may lag, it may never be dirty
	absent      bool
	log, epochs string
}

// get reads the session and records what the reader was told.
func (a *actor) get(s *session, eventual bool) {
	rd := read{start: a.now, eventual: eventual}
	r := a.readRecord(s, eventual)
	a.tracef("read (eventual %v) begun at %d: %v", eventual, rd.start, r)
	rd.end, rd.log, rd.epochs, rd.absent = a.now, r.Log, r.Epochs, r.Absent()
	s.reads = append(s.reads, rd)
	if !eventual {
		s.remember(a.node, r)
	}
}

func (a *actor) readRecord(s *session, eventual bool) Record {
	r := a.world.rules
	switch {
	case eventual || r.lacks(ReadAllRecords):
		a.step()
		return s.home()
	case r.lacks(WriteBack):
		return a.look(s, false).winner()
	default:
		return a.resolve(s, reading{lazy: r.Lazy})
	}
}
