//go:build unix

package scale

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/redistest"
	"orchestrator/internal/redisx"
)

// meter takes what servers and this process use of the cores. It counts time on a core, not time that passes: others on the machine
// change it little.
type meter struct {
	t       *testing.T
	servers []*redis.Client
}

func (m meter) redis() (seconds float64) {
	for _, c := range m.servers {
		seconds += number(m.t, c, "cpu", "used_cpu_user_main_thread") + number(m.t, c, "cpu", "used_cpu_sys_main_thread")
	}
	return seconds
}

func (m meter) output() (bytes float64) {
	for _, c := range m.servers {
		bytes += number(m.t, c, "stats", "total_net_output_bytes")
	}
	return bytes
}

// memory is what the data of all servers takes, without the buffers of connections and replication.
func (m meter) memory() (bytes float64) {
	for _, c := range m.servers {
		bytes += number(m.t, c, "memory", "used_memory")
		for _, other := range []string{"mem_clients_normal", "mem_clients_slaves", "mem_cluster_links", "mem_total_replication_buffers"} {
			bytes -= number(m.t, c, "memory", other)
		}
	}
	return bytes
}

func number(t *testing.T, c *redis.Client, section, field string) float64 {
	t.Helper()
	text, err := c.Info(t.Context(), section).Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("INFO %s tells no %s", section, field)
	return 0
}

func process(t *testing.T) (seconds float64) {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// rounds runs work several times, on n things each time, and tells what one of them took, in microseconds of a core of Redis and of this
// process: in the round that took least, and in the median round. Of what others on the machine disturb, the least tells most.
func (m meter) rounds(what string, times, n int, work func(round int)) {
	m.t.Helper()
	redis, node := make([]float64, times), make([]float64, times)
	for i := range times {
		ours, theirs := process(m.t), m.redis()
		work(i)
		node[i], redis[i] = (process(m.t)-ours)*1e6/float64(n), (m.redis()-theirs)*1e6/float64(n)
	}
	slices.Sort(redis)
	slices.Sort(node)
	m.t.Logf("%-32s %2d x %6d   Redis %7.2f us (median %7.2f)   node %7.2f us (median %7.2f)", what, times, n, redis[0], redis[times/2], node[0], node[times/2])
}

// await looks every so often whether something is so, until it is.
func await(t *testing.T, every time.Duration, so func() bool) {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// openAt returns a client of servers and the names of a fleet's keys there.
func openAt(t *testing.T, r redistest.Redis, partitions int) (*redisx.Client, *keyspace.Keys) {
	t.Helper()
	client, err := redisx.Open(t.Context(), redisx.Options{Seeds: r.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	keys, err := keyspace.New("orch", partitions)
	if err != nil {
		t.Fatal(err)
	}
	return client, keys
}
