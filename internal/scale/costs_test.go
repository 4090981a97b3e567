package scale

// costs are what calls take of a core, in microseconds of processor time, and sessions of memory.
type costs struct {
	takeoverRedis, takeoverNode float64 // of each session
	auditRedis, auditNode       float64 // of each record that a sync round compares
	renewRedis, renewNode       float64 // of each lease
	pageRedis, pageNode         float64 // of each page of leases, the call that lists it included
	owned                       float64 // of each id in pages of what a node owns, Redis
	card                        float64 // of each partition that is asked how many sessions a node owns there, Redis
	listed, listedBytes         float64 // of each node that a refresh of the view lists, Redis; bytes that it answers
	beat, reap, next, wished    float64 // of a call in a fleet of 1,000 nodes, Redis
	worker                      float64 // of each node that is compared for each partition, in a node
	bytes                       float64 // of memory: records, index, lease and owner's set of a session with one copy
}

// measured by TestCosts, the least of ten rounds or so, on a shared machine of two cores with redis-server 7.0.15, go-redis v9.23.0: read them
// as +-50 %, and rather as ratios. A SET of 300 bytes, 64 in a flush, took 1.5 to 2.0 of these microseconds.
var measured = costs{
	takeoverRedis: 56, takeoverNode: 53,
	auditRedis: 29, auditNode: 56,
	renewRedis: 11.6, renewNode: 3.7, // these and the next from pages of 375 (12.0, 4.5) and of 24 (18.3, 17.0)
	pageRedis: 160, pageNode: 320,
	owned: 0.4, card: 0.55,
	listed: 4.9, listedBytes: 428,
	beat: 100, reap: 47, next: 33, wished: 24,
	worker: 0.059,
	bytes:  3867,
}

// memories are measured with redis's default for hash-max-listpack-value and with one that a record fits in; and with so many sessions of a
// node in a partition that its set is a skip list, and so few that it is a list pack.
var memories = []struct {
	value, owned int
	bytes        float64
}{
	{64, 375, 3867},
	{64, 24, 3771},
	{1024, 375, 2244},
	{1024, 24, 2134},
}
