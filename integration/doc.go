// Package integration holds the tests of the built program: nodes as processes, HAProxy before them, one Redis server or a
// cluster of three masters and three replicas beneath. See package harness for how they are started.
package integration
