// Package layering holds the shape of the code: which package may import which. It has no code of its own; its test reads the
// imports of every package and fails with the rule that an import breaks.
//
//	cmd/orchestrator                                wires everything
//	httpapi                                         HTTP in, use cases out; gin stays inside
//	fleet                                           use cases and loops, over interfaces of its own and the siblings' values
//	doctor                                          examines a fleet through Redis, beside fleet: over redisx and the siblings' values
//	registry   lease   balancer   sessionstore
//	handover   events                               never one another
//	redisx                                          one Redis client
//	groupcommit                                     what comes at once is served together
//	keyspace                                        key names
//	session                                         the domain's words
//	openapi                                         the words of an API's description, and its page: only httpapi needs it
//	dashboard                                       pages for people, made of the domain's words: only httpapi needs it
//	runner                                          runs agents beside a node, over what cmd gives it of client
//	leash                                           ends a whole tree of processes in time; below runner
//	bench                                           load over HTTP, beside all of these: it knows the API and the domain's limits
//	transfer                                        sessions from one fleet to another, over client
//	client                                          the API for Go programs, and a fleet in memory for their tests: imports nothing of ours
package layering
