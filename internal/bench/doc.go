// Package bench puts load on a fleet over its HTTP API and measures the answers. It knows nothing of Redis: what it does, any client could.
//
// A [Generator] makes sessions in batches (Fill), sends a mix of requests (Load) and deletes what it made (Clean); [Run] does all three.
// Load is closed, each caller sending when its last answer has come, or, where a rate is given, open: requests are due at their moments
// whether or not earlier ones were answered, and the time that one waits for a free caller counts as its own.
//
// Client and server often share a machine, so the client spends little: bodies are encoded once and differ in a few digits, connections are
// kept, answers are read to their end and looked at no more than is needed.
//
// Sessions that Fill made are read and changed, and stay; those that a load made are what it may delete. So no request can meet a session
// that another one has just ended, and every refusal is one of the fleet's.
package bench
