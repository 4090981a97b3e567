package peer

import (
	"context"
	"slices"
)

// Server says which server a variant needs.
type Server string

// The servers that variants run on.
const (
	Etcd           Server = "etcd"
	EtcdNoFsync    Server = "etcd-no-fsync"
	NATS           Server = "nats"
	NATSSyncAlways Server = "nats-sync-always"
	Redis          Server = "redis"
)

// Variant is one way to do the work on one peer.
type Variant struct {
	Peer       string // the word for the flag -peer
	Name       string
	Server     Server
	Durability string // what the server has done with a change before it answers
	Open       func(ctx context.Context, s Settings) (Store, error)
}

// Variants are all there are, in the order in which they are run.
var Variants = []Variant{
	{"raw", "autopipeline", Redis, "memory", openRaw},
	{"redsync", "sequential", Redis, "memory", redsyncOpener(false)},
	{"redsync", "pipelined", Redis, "memory", redsyncOpener(true)},
	{"nats", "memory", NATS, "memory", natsOpener(false)},
	{"nats", "file", NATS, "written, fsync every 2 min", natsOpener(true)},
	{"nats", "file-sync-always", NATSSyncAlways, "fsync", natsOpener(true)},
	{"etcd", "lease-per-owner", Etcd, "fsync", etcdOpener(false)},
	{"etcd", "lease-per-session", Etcd, "fsync", etcdOpener(true)},
	{"etcd", "lease-per-owner-no-fsync", EtcdNoFsync, "written, no fsync", etcdOpener(false)},
}

// Names are the peers, each once.
func Names() []string {
	var names []string
	for _, v := range Variants {
		if !slices.Contains(names, v.Peer) {
			names = append(names, v.Peer)
		}
	}
	return names
}
