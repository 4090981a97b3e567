// Package clienttest is a fleet in memory, for tests of programs that use package client.
//
//	fleet := clienttest.New("node-1", "node-2")
//	server := httptest.NewServer(fleet.Node("node-1"))
//	defer server.Close()
//	c, err := client.New(client.Config{Addrs: []string{server.URL}})
//
// It answers as the fleet does for sessions, their messages and contexts, nodes, assignments and events: with the same routes, conditions,
// epochs and problem codes. It refuses what the fleet would refuse where a program is likely to meet that (missing and unknown fields, stale
// epochs, states that are not there any more, keys used twice), and not every value that is over a limit. Nothing fails by itself: Fail, Stop
// and Silence make trouble.
package clienttest
