package redistest

import "context"

// backend starts servers in one of the ways this machine offers.
type backend interface {
	// start runs a redis-server over the files that write returns for the
	// directory it is told. It does not wait until the server answers.
	start(ctx context.Context, name string, write func(dir string) map[string]string) (instance, error)
	// line says in one line which way this is and why it was chosen.
	line() string
	// close ends what the backend itself holds; servers are ended one by one before.
	close()
}

// instance is one redis-server, running or not.
type instance interface {
	// kill ends it at once, as a lost machine would, and waits until it is gone.
	kill(ctx context.Context) error
	// pause stops it with its connections open, resume lets it go on.
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	// restart starts a killed one again on its own data.
	restart(ctx context.Context) error
	// running reports whether it has not exited.
	running(ctx context.Context) bool
	// logs returns what it wrote so far.
	logs(ctx context.Context) string
	// remove ends it and deletes its data.
	remove(ctx context.Context) error
}
