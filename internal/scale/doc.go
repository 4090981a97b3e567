// Package scale tells what the fleet costs at sizes that no test starts: up to 1,000 nodes and 100,000,000 sessions. It holds tests alone.
//
// Who works on which partition is asked of the product's own function. Who gets a session is decided by a script, too slow for 100,000,000
// of them: here stands the same rule in Go (rule_test.go), which a test holds to the script and to the code around it on random fleets. What
// a call costs Redis was measured once (costs_test.go) by TestCosts, on real servers; all else is arithmetic from there.
//
//	go test -tags nomsgpack ./internal/scale                                                            what holds at any size
//	go test -tags nomsgpack ./internal/scale -run TestTables -v -timeout 0 -tables                      the tables of docs/scale.md
//	ORCHESTRATOR_TEST_REDIS=auto go test -tags nomsgpack ./internal/scale -run TestCosts -v -measure    what a call costs
package scale
