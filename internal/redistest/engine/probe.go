package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"orchestrator/internal/redistest/scratch"
)

// probeTimeout limits each question to the engine that takes a container.
const probeTimeout = 10 * time.Second

// probe asks one engine what works with it.
type probe struct {
	engine *Engine
	image  string
	listen func(port int, address string) []string
}

func (p probe) run(ctx context.Context) (facts, error) {
	if err := p.sharedNetwork(ctx); err != nil {
		return facts{}, err
	}
	f := facts{Engine: p.engine.id, Image: p.image, At: time.Now()}
	//lint:ignore SA1019 deprecated, yet nothing else that is public names the image.
	reaper := testcontainers.ReaperDefaultImage //nolint:staticcheck // as above, for golangci-lint
	f.Reaper = p.engine.has(ctx, reaper) || p.engine.pull(ctx, reaper) == nil
	if insideContainer() {
		// Here testcontainers takes the bridge's gateway for the address of
		// mapped ports, which is wrong wherever the engine runs beside us.
		f.Host = p.mappedHost(ctx)
	}
	return f, nil
}

func insideContainer() bool {
	_, err := os.Stat("/.dockerenv")
	return err == nil
}

// sharedNetwork checks that a container on the machine's network is reached on
// loopback. It is not where the engine runs in a virtual machine or elsewhere.
func (p probe) sharedNetwork(ctx context.Context) error {
	port, err := scratch.Reserve()
	if err != nil {
		return err
	}
	defer port.Release()
	id, err := p.start(ctx, p.listen(port.Number, "127.0.0.1"), &container.HostConfig{NetworkMode: "host"}, nil)
	if id != "" {
		defer func() { _ = p.engine.remove(context.WithoutCancel(ctx), id) }()
	}
	if err == nil {
		_, err = firstAnswer(ctx, port.Addr())
	}
	if err != nil {
		return fmt.Errorf("containers on the machine's network are not reached: %w", err)
	}
	return nil
}

// probePort is what the mapped container listens on inside.
const probePort = 6379

// mappedHost returns the address at which a mapped port answers, or nothing
// where none does: no server of this package needs one, only the reaper.
func (p probe) mappedHost(ctx context.Context) string {
	inner := network.MustParsePort(strconv.Itoa(probePort) + "/tcp")
	host := &container.HostConfig{PortBindings: network.PortMap{inner: {{HostIP: netip.IPv4Unspecified()}}}}
	id, err := p.start(ctx, p.listen(probePort, "0.0.0.0"), host, network.PortSet{inner: {}})
	if id != "" {
		defer func() { _ = p.engine.remove(context.WithoutCancel(ctx), id) }()
	}
	if err != nil {
		return ""
	}
	state, err := p.engine.client.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil || state.Container.NetworkSettings == nil || len(state.Container.NetworkSettings.Ports[inner]) == 0 {
		return ""
	}
	port := state.Container.NetworkSettings.Ports[inner][0].HostPort
	addrs := []string{net.JoinHostPort("127.0.0.1", port)}
	for _, n := range state.Container.NetworkSettings.Networks {
		if n.Gateway.IsValid() {
			addrs = append(addrs, net.JoinHostPort(n.Gateway.String(), port))
		}
	}
	addr, err := firstAnswer(ctx, addrs...)
	if err != nil {
		return ""
	}
	name, _, _ := net.SplitHostPort(addr)
	return name
}

// start creates and starts a container by the engine's own client, for the
// reaper must not be needed yet. A returned id is to be removed, error or not.
func (p probe) start(ctx context.Context, cmd []string, host *container.HostConfig, ports network.PortSet) (string, error) {
	made, err := p.engine.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: p.image, Entrypoint: cmd[:1], Cmd: cmd[1:], ExposedPorts: ports,
			Labels: map[string]string{ownerLabel: p.engine.owner},
		},
		HostConfig: host,
	})
	if err != nil {
		return "", err
	}
	_, err = p.engine.client.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	return made.ID, err
}

// firstAnswer dials the addresses in turn until at one of them somebody not
// only accepts but answers: a proxy accepts for a container that is not there.
func firstAnswer(ctx context.Context, addrs ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		for _, a := range addrs {
			if last = answers(ctx, a); last == nil {
				return a, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), last)
		case <-tick.C:
		}
	}
}

func answers(ctx context.Context, addr string) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}
