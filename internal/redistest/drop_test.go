package redistest_test

import (
	"errors"
	"io"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

const increment = `return redis.call("INCR", KEYS[1])`

func TestDroppedReplyWasExecuted(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, r redistest.Redis) {
		prefix, drop := redistest.Prefix(t), redistest.DropReplies()
		client := r.Client(t, func(o *redis.UniversalOptions) {
			o.Dialer = drop.Dial
			if r.Masters() == 1 {
				o.MaxRetries = -1 // a cluster client retries on its own account
			}
		})
		script := redis.NewScript(increment)
		if err := script.Run(t.Context(), client, []string{prefix + ":warm"}).Err(); err != nil {
			t.Fatal(err)
		}
		drop.Arm(1, redistest.Script(increment).Holding(prefix))
		err := script.Run(t.Context(), client, []string{prefix + ":n"}).Err()
		if e := drop.Await(t.Context(), 1); e != nil {
			t.Fatal(e)
		}
		got, e := client.Get(t.Context(), prefix+":n").Int()
		if e != nil || got < 1 {
			t.Errorf("the dropped call was not executed: %d, %v", got, e)
		}
		if r.Masters() == 1 && (got != 1 || !errors.Is(err, io.EOF)) {
			t.Errorf("executed %d times, the caller saw %v; want once and EOF", got, err)
		}
		if got := drop.Dropped(); got != 1 {
			t.Errorf("%d replies dropped, want 1", got)
		}
	})
}

func TestDroppedPipelineWasExecutedWhole(t *testing.T) {
	t.Parallel()
	s, prefix, drop := redistest.Single(t), redistest.Prefix(t), redistest.DropReplies()
	client := s.Client(t, func(o *redis.UniversalOptions) { o.Dialer, o.MaxRetries = drop.Dial, -1 })
	drop.Arm(1, redistest.Command("incr").Holding(prefix))
	_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for range 1000 {
			p.Incr(t.Context(), prefix+":n")
		}
		return nil
	})
	if err == nil {
		t.Error("the caller saw no error")
	}
	if got := client.Get(t.Context(), prefix+":n").Val(); got != "1000" {
		t.Errorf("executed %s of 1000 commands", got)
	}
}
