package deploy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"orchestrator/deploy"
)

// composition is what the tests read of compose.yaml.
type composition struct {
	Services map[string]service `yaml:"services"`
}

type service struct {
	Image       string            `yaml:"image"`
	Entrypoint  []string          `yaml:"entrypoint"`
	User        string            `yaml:"user"`
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	Networks    yaml.Node         `yaml:"networks"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Environment map[string]string `yaml:"environment"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck *struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// hasFixedAddress reports whether the service names its address on a network.
func (s service) hasFixedAddress() bool {
	var networks map[string]struct {
		Address string `yaml:"ipv4_address"`
	}
	return s.Networks.Decode(&networks) == nil && networks["redis"].Address != ""
}

func compose(t *testing.T) composition {
	t.Helper()
	var c composition
	if err := yaml.Unmarshal([]byte(deploy.Compose), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// named returns the services whose names begin so and end in a number, in order.
func (c composition) named(prefix string) []string {
	var names []string
	numbered := regexp.MustCompile("^" + prefix + `-\d+$`)
	for name := range c.Services {
		if numbered.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestComposeHoldsTheWholeFleet(t *testing.T) {
	t.Parallel()
	c := compose(t)
	redis, orchestrators := c.named("redis"), c.named("orchestrator")
	if len(redis) != 6 || len(orchestrators) != 3 {
		t.Fatalf("%d Redis nodes and %d orchestrators, want 6 and 3", len(redis), len(orchestrators))
	}
	var nodes []string
	for _, name := range redis {
		s := c.Services[name]
		nodes = append(nodes, name+":6379")
		if s.Environment["REDIS_HOSTNAME"] != name || !slices.Contains(s.Volumes, name+":/data") {
			t.Errorf("%s does not announce itself, or keeps no data of its own", name)
		}
		if s.Healthcheck == nil || !strings.Contains(strings.Join(s.Healthcheck.Test, " "), "--user probe") {
			t.Errorf("%s has no probe that works without a password", name)
		}
		if !s.hasFixedAddress() {
			t.Errorf("%s may be given another's address, and its replica another's data", name)
		}
		if got := c.Services["redis-cluster"].DependsOn[name].Condition; got != "service_healthy" {
			t.Errorf("the cluster is made when %s is %q", name, got)
		}
	}
	if got := c.Services["redis-cluster"].Environment["REDIS_NODES"]; got != strings.Join(nodes, " ") {
		t.Errorf("the cluster is made of %q", got)
	}
	for _, name := range orchestrators {
		s := c.Services[name]
		if s.Environment["ORCHESTRATOR_NODE_ID"] != name || s.Environment["ORCHESTRATOR_ADVERTISED_HOST"] != name {
			t.Errorf("%s is named otherwise inside", name)
		}
		if got := s.DependsOn["redis-cluster"].Condition; got != "service_completed_successfully" {
			t.Errorf("%s starts when the cluster is %q", name, got)
		}
		for seed := range strings.SplitSeq(s.Environment["ORCHESTRATOR_SEEDS"], ",") {
			if !slices.Contains(nodes, seed) {
				t.Errorf("%s has the seed %s, which is no service", name, seed)
			}
		}
	}
}

func TestBalancerListsTheFleetAndProbesReadiness(t *testing.T) {
	t.Parallel()
	var servers []string
	for _, m := range regexp.MustCompile(`(?m)^\s+server (\S+) (\S+) check`).FindAllStringSubmatch(deploy.HAProxy, -1) {
		if m[2] != m[1]+":8080" {
			t.Errorf("server %s is at %s", m[1], m[2])
		}
		servers = append(servers, m[1])
	}
	if want := compose(t).named("orchestrator"); !slices.Equal(servers, want) {
		t.Errorf("HAProxy lists %v, compose.yaml has %v", servers, want)
	}
	for _, want := range []string{
		"option httpchk", "http-check send meth GET uri /readyz", "http-check expect status 200",
		`inter "${LB_CHECK_INTER-2s}" fall 2 rise 1`, "balance leastconn", "option redispatch",
	} {
		if !strings.Contains(deploy.HAProxy, want) {
			t.Errorf("haproxy.cfg has no %q", want)
		}
	}
}

// TestComposeExposesLittle: only the balancer is reached from outside, and only
// on loopback; every image can be replaced; nobody runs with rights to spare.
func TestComposeExposesLittle(t *testing.T) {
	t.Parallel()
	replaceable := regexp.MustCompile(`^\$\{[A-Z_]+_IMAGE:-[^}]+\}$`)
	for name, s := range compose(t).Services {
		if !replaceable.MatchString(s.Image) {
			t.Errorf("%s has the fixed image %q", name, s.Image)
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") {
			t.Errorf("%s may write its image or keeps capabilities", name)
		}
		if len(s.Ports) > 0 && name != "haproxy" {
			t.Errorf("%s publishes %v", name, s.Ports)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s publishes %s on every address", name, p)
			}
		}
		if strings.HasPrefix(name, "redis") && s.User == "" {
			t.Errorf("%s runs as root", name)
		}
	}
}
