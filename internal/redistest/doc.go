// Package redistest brings real Redis servers to tests. It is imported by
// _test.go files only.
//
// [Single] and [Shared] are one server and one cluster of three masters and
// three replicas, started on first use and shared by every test of a test
// binary; [Each] runs a test on both. Tests share them safely because each
// works under its own random key prefix ([Prefix]) and none flushes, kills or
// pauses them. A test that breaks something starts its own with [NewServer] or
// [NewCluster], which end with the test.
//
// What a network does to a server is done by proxies of the test binary's own:
// [Proxied] puts one before every server, through which clients, replication
// and the cluster bus go, so that a [Link] can be slow, lose replies, hang or be
// cut, a master can be isolated ([Cluster.Isolate]) and a replica fall behind
// ([Cluster.Lag]); [NewProxy] stands before any one address. The harness itself
// goes past them.
//
// Where the servers come from is decided once per test binary, by the variable
// named in [Env]: containers where an engine answers, processes of an installed
// redis-server where none does. Both give the same servers with the same
// settings, listening on loopback only. Whatever was started ends with the test
// binary, even when that is killed: processes carry a parent-death signal, and
// containers or directories of an owner that died are removed by the next run.
package redistest
