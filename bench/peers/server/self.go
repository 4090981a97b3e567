package server

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"

	"orchestrator/bench/peers/peer"
)

// prefix begins the hidden first argument of this program when it is to be a server.
const prefix = "serve-"

// servers are what this program can be.
var servers = map[peer.Server]func(dir string, ready func(addr string)) error{
	peer.Etcd:           func(dir string, ready func(string)) error { return serveEtcd(dir, false, ready) },
	peer.EtcdNoFsync:    func(dir string, ready func(string)) error { return serveEtcd(dir, true, ready) },
	peer.NATS:           func(dir string, ready func(string)) error { return serveNATS(dir, false, ready) },
	peer.NATSSyncAlways: func(dir string, ready func(string)) error { return serveNATS(dir, true, ready) },
}

// Serve is the program's other life: where args ask for a server, it runs that until the end of the process. Call it first
// of all. It reports whether args did; then err says why there is no server (any more).
func Serve(args []string) (asked bool, err error) {
	if len(args) != 2 {
		return false, nil
	}
	kind, ok := strings.CutPrefix(args[0], prefix)
	serve, known := servers[peer.Server(kind)]
	if !ok || !known {
		return false, nil
	}
	return true, serve(args[1], func(addr string) {
		_, _ = os.Stdout.WriteString(addr + "\n") // without a reader there is nobody to serve
	})
}

// startSelf starts this program again as a server, which says its address on its first line of output.
func startSelf(ctx context.Context, kind peer.Server, parent string) (*Running, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	p, err := spawn(string(kind), parent, out, func(dir string) *exec.Cmd {
		return exec.Command(binary, prefix+string(kind), dir)
	})
	err = errors.Join(err, out.Close()) // the server has its own
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.watch(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = in.Close() })()
	line, err := bufio.NewReader(in).ReadString('\n')
	if err == nil {
		return running(p, strings.TrimSpace(line), ""), nil
	}
	<-ctx.Done() // it closed its output without a word, or took too long
	return nil, p.unready(ctx)
}

// unready is why a server does not serve; it is stopped.
func (p *process) unready(ctx context.Context) error {
	why := context.Cause(ctx)
	if p.alive() {
		why = p.failed(why)
	}
	return errors.Join(why, p.stop())
}
