package session

// Filter selects sessions; an empty field selects all.
type Filter struct {
	Type, Workspace string
	Status          Status
	Owner           NodeID
	Labels          map[string]string // every pair must be equal
}

// Match reports whether s is selected.
func (f Filter) Match(s Session) bool {
	if f.Type != "" && s.Type != f.Type || f.Workspace != "" && s.Workspace != f.Workspace ||
		f.Status != "" && s.Status != f.Status || f.Owner != "" && s.Owner() != f.Owner {
		return false
	}
	for k, v := range f.Labels {
		if got, ok := s.Labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// Page is one page of a list. Next is empty on the last one; otherwise it is where the next page starts, good for any node
// and for ever: sessions made or deleted meanwhile never shift it.
type Page struct {
	Sessions []Session
	Next     string
}
