package scratch

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
)

// Ports are taken from below the range the kernel gives to outgoing
// connections, so that no client's socket can sit on one.
const (
	firstPort    = 20000
	portCount    = 10000
	portAttempts = 200
)

// Port is a loopback TCP port that no other test binary chooses before it is
// released. The claim outlasts the socket: a killed server can come back on
// its own port.
type Port struct {
	Number int
	lock   *lock
}

// Release gives the port back. It may be called on nil.
func (p *Port) Release() {
	if p != nil {
		p.lock.release()
	}
}

// Addr is 127.0.0.1 and the port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// Reserve claims a free port. A stranger to this package may still bind it
// before its server does: whoever starts one tries again with another then.
func Reserve() (*Port, error) {
	dir, err := stateDir("ports")
	if err != nil {
		return nil, err
	}
	for range portAttempts {
		p := &Port{Number: firstPort + rand.IntN(portCount)}
		if p.lock, err = tryLock(filepath.Join(dir, strconv.Itoa(p.Number))); err != nil {
			continue
		}
		if p.free() {
			return p, nil
		}
		p.Release()
	}
	return nil, fmt.Errorf("no free port from %d to %d in %d tries", firstPort, firstPort+portCount-1, portAttempts)
}

func (p *Port) free() bool {
	l, err := net.Listen("tcp4", p.Addr())
	if err != nil {
		return false
	}
	return l.Close() == nil
}
