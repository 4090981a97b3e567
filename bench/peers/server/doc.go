// Package server starts the peers' servers, each as a process of its own on loopback with a data directory of its own, reads how much
// CPU time they have used, and ends them.
//
// etcd and NATS are Go modules: this program starts itself again as the server ([Serve]). redis-server comes from PATH. Servers are
// killed rather than told to end, for nothing of theirs is kept; on Linux the kernel does it if this program dies first.
package server
