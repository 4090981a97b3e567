// Package bench measures what the fleet costs: the built program as processes, Redis as processes, and the load generator of internal/bench,
// which shares the machine with both.
//
// A rate on some machine says little, so what counts is a ratio of two figures taken within the same seconds on the same machine: to
// redis-benchmark's SETs of a blob as large as ours on the very servers that the fleet uses, and to the ceiling, which is this program's own
// HTTP door over use cases that answer at once. Rounds go over all that is compared and begin anew, so that what the machine does beside
// falls on everything alike; a figure is the median of its rounds, told with the least and the greatest.
//
// Redis servers live for the whole run and are emptied after each fleet; one fleet lives at a time, so none at rest takes from another.
// A session has copies on other masters only: at replicationFactor 2 there are three masters that share the machine, and on one server
// there are none, which the figures name factor 1.
//
// `make bench` takes all figures. `go test` runs every measurement once and tiny, to show that the benchmark works: it judges no time.
package bench
