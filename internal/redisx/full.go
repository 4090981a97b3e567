package redisx

// Full reports whether an error is the refusal of a server that has reached its memory limit.
func Full(err error) bool { return hasCode(err, "OOM") }
