package redistest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"orchestrator/internal/redistest"
)

func TestPasswordIsRequired(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.Password("a secret with spaces"))
	if err := s.Client(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("with the password: %v", err)
	}
	bare := s.Client(t, func(o *redis.UniversalOptions) { o.Password = "" })
	if err := bare.Ping(t.Context()).Err(); err == nil {
		t.Error("answered without the password")
	}
}

func TestMemoryLimitRefusesWrites(t *testing.T) {
	t.Parallel()
	s := redistest.NewServer(t, redistest.MaxMemory(1<<20, "noeviction"))
	err := s.Client(t).Set(t.Context(), "k", strings.Repeat("x", 1<<20), 0).Err()
	for i := 0; err == nil && i < 10; i++ {
		err = s.Client(t).Set(t.Context(), "k", "v", 0).Err()
	}
	if err == nil || !strings.HasPrefix(err.Error(), "OOM") {
		t.Errorf("a full server answered %v, want OOM", err)
	}
}

func TestUsersOfAnACLFile(t *testing.T) {
	t.Parallel()
	acl := "user default off\nuser app on >app-secret ~app:* +get +set +hello +auth +cluster|slots +cluster|shards +command +ping"
	app := func(o *redis.UniversalOptions) { o.Username, o.Password, o.DisableIdentity = "app", "app-secret", true }
	for name, r := range map[string]redistest.Redis{
		"single":  redistest.NewServer(t, redistest.ACL(acl)),
		"cluster": redistest.NewCluster(t, redistest.ACL(acl)),
	} {
		t.Run(name, func(t *testing.T) {
			client := r.Client(t, app)
			if err := client.Set(t.Context(), "app:k", "v", 0).Err(); err != nil {
				t.Error(err)
			}
			if err := client.Set(t.Context(), "other", "v", 0).Err(); err == nil {
				t.Error("another key was written")
			}
			if err := r.Nodes()[0].Admin(t).ACLWhoAmI(t.Context()).Err(); err != nil {
				t.Errorf("admin: %v", err)
			}
			var refused []string
			for _, n := range r.Nodes() {
				refused = append(refused, n.Refused(t)...)
			}
			if !slices.ContainsFunc(refused, func(s string) bool { return strings.Contains(s, "app: key other") }) {
				t.Errorf("the refusal is not among %q", refused)
			}
		})
	}
}
