package redistest

import (
	"net"
	"sync"
	"time"
)

// relayQueue is how many pieces of one direction may be under way at once,
// each of at most relayPiece bytes.
const (
	relayQueue = 1024
	relayPiece = 32 << 10
)

// relay is one connection through a proxy: near is who came, far the server.
type relay struct {
	link  *Link
	near  *net.TCPConn
	ended chan struct{}
	end   func()

	mu  sync.Mutex
	far *net.TCPConn
}

// piece is what one read brought, and when it is to arrive.
type piece struct {
	bytes []byte
	due   time.Time
}

func newRelay(l *Link, near *net.TCPConn) *relay {
	r := &relay{link: l, near: near, ended: make(chan struct{})}
	r.end = sync.OnceFunc(func() { close(r.ended) })
	return r
}

// run carries bytes both ways until both directions have ended.
func (r *relay) run(target string) {
	defer r.reset() // of what has ended already, this only frees the sockets
	if !r.link.pass(r.ended) {
		return
	}
	conn, err := net.Dial("tcp4", target)
	if err != nil {
		return
	}
	far := conn.(*net.TCPConn)
	if !r.reached(far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.carry(far, r.near, r.link.due, func() bool { return false }) })
	both.Go(func() { r.carry(r.near, far, time.Now, r.link.unlucky) })
	both.Wait()
}

// reached notes the far side, unless the connection was reset meanwhile.
func (r *relay) reached(far *net.TCPConn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.ended:
		_ = far.Close()
		return false
	default:
		r.far = far
		return true
	}
}

// reset ends both sides at once; who came sees a reset.
func (r *relay) reset() {
	r.end()
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.near.SetLinger(0)
	_ = r.near.Close()
	if r.far != nil {
		_ = r.far.Close()
	}
}

// carry passes on what src says to dst, each piece when it is due and nothing
// while the link hangs, and then src's end.
func (r *relay) carry(dst, src *net.TCPConn, due func() time.Time, lost func() bool) {
	pieces := make(chan piece, relayQueue)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() { r.listen(src, pieces, due) })
	for p := range pieces {
		if !r.await(p.due) || !r.link.pass(r.ended) {
			return
		}
		if lost() {
			r.reset()
			return
		}
		if _, err := dst.Write(p.bytes); err != nil {
			r.reset()
			return
		}
	}
	if r.link.pass(r.ended) {
		_ = dst.CloseWrite()
	}
}

func (r *relay) listen(src *net.TCPConn, pieces chan<- piece, due func() time.Time) {
	defer close(pieces)
	buffer := make([]byte, relayPiece)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			select {
			case pieces <- piece{append([]byte(nil), buffer[:n]...), due()}:
			case <-r.ended:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// await waits until then; false says that the connection ended before.
func (r *relay) await(then time.Time) bool {
	wait := time.Until(then)
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ended:
		return false
	}
}
