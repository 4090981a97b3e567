package server

import (
	"errors"
	"net"
	"strconv"

	nats "github.com/nats-io/nats-server/v2/server"
)

// serveNATS is one NATS server with JetStream. A file store writes at once and calls fsync every two minutes, or with each write.
func serveNATS(dir string, syncAlways bool, ready func(addr string)) error {
	s, err := nats.NewServer(&nats.Options{
		Host: "127.0.0.1", Port: nats.RANDOM_PORT, NoSigs: true,
		JetStream: true, StoreDir: dir, SyncAlways: syncAlways,
		JetStreamMaxMemory: 8 << 30, JetStreamMaxStore: 64 << 30,
	})
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		return errors.New("nats does not accept connections")
	}
	ready(net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Addr().(*net.TCPAddr).Port)))
	s.WaitForShutdown()
	return errors.New("nats was shut down")
}
