package server

import (
	"errors"
	"net/url"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/embed"
)

// serveEtcd is one etcd member, configured as it comes but for where it listens, what it logs and how much it may hold.
func serveEtcd(dir string, noFsync bool, ready func(addr string)) error {
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	c := embed.NewConfig()
	c.Dir = filepath.Join(dir, "data")
	c.ListenClientUrls, c.AdvertiseClientUrls = anyPort, anyPort
	c.ListenPeerUrls, c.AdvertisePeerUrls = anyPort, anyPort
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.LogLevel, c.LogOutputs = "warn", []string{"stderr"}
	c.QuotaBackendBytes = 8 << 30 // nothing is compacted in so short a life
	c.UnsafeNoFsync = noFsync
	e, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	select {
	case <-e.Server.ReadyNotify():
	case <-e.Server.StopNotify():
		return errors.New("etcd stopped before it was ready")
	case err := <-e.Err():
		return err
	}
	ready(e.Clients[0].Addr().String())
	return <-e.Err()
}
