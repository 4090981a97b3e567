package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNoRedis says that there is no redis-server, and what to do.
var ErrNoRedis = errors.New("redis-server is not on PATH: install it (Debian: apt-get install redis-server), " +
	"or name a running one with -redis host:port")

// RedisReady says before anything is measured that there will be no Redis server: nobody listens at the address of an external one,
// or, without one, ErrNoRedis.
func RedisReady(ctx context.Context, external string) error {
	if external != "" {
		return reachable(ctx, external)
	}
	_, err := findRedis()
	return err
}

func findRedis() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", ErrNoRedis
	}
	return path, nil
}

// startRedis starts a server that keeps everything in memory. It cannot choose a port by itself, and somebody else may take the one
// found for it: then it ends at once and another is tried.
func startRedis(ctx context.Context, parent string) (*Running, error) {
	binary, err := findRedis()
	if err != nil {
		return nil, err
	}
	for range 3 {
		var r *Running
		if r, err = tryRedis(ctx, binary, parent); err == nil || ctx.Err() != nil {
			return r, err
		}
	}
	return nil, err
}

func tryRedis(ctx context.Context, binary, parent string) (*Running, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	p, err := spawn("redis", parent, nil, func(dir string) *exec.Cmd {
		return exec.Command(binary, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "no")
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.watch(ctx)
	defer cancel()
	version := awaitRedis(ctx, addr, p.proc.Pid)
	if version == "" {
		return nil, p.unready(ctx)
	}
	return running(p, addr, version), nil
}

// awaitRedis asks until the server of this process answers, and returns its version; none when ctx ends first.
func awaitRedis(ctx context.Context, addr string, pid int) (version string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if reachable(ctx, addr) == nil {
			info, err := redisInfo(ctx, addr, "server")
			if err == nil && info["Server"]["process_id"] == strconv.Itoa(pid) {
				return info["Server"]["redis_version"]
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ""
		}
	}
}

// reachable says why nobody listens, if so: go-redis would log each refusal.
func reachable(ctx context.Context, addr string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}

// attachRedis takes a server that somebody else started and will end. It is asked itself for its CPU time.
func attachRedis(ctx context.Context, addr string) (*Running, error) {
	info, err := redisInfo(ctx, addr, "server")
	if err != nil {
		return nil, fmt.Errorf("redis at %s: %w", addr, err)
	}
	cpu := func(ctx context.Context) (time.Duration, error) {
		info, err := redisInfo(ctx, addr, "cpu")
		if err != nil {
			return 0, err
		}
		user, err := time.ParseDuration(info["CPU"]["used_cpu_user"] + "s")
		system, err2 := time.ParseDuration(info["CPU"]["used_cpu_sys"] + "s")
		return user + system, errors.Join(err, err2)
	}
	return &Running{Addr: addr, Version: info["Server"]["redis_version"], cpu: cpu}, nil
}

func redisInfo(ctx context.Context, addr, section string) (map[string]map[string]string, error) {
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	return client.InfoMap(ctx, section).Result()
}

// freePort finds a loopback port that was free a moment ago.
func freePort() (addr string, err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
