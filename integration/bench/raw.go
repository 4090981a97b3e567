package bench

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"

	"orchestrator/internal/redistest/host"
)

// raw has redis-benchmark set values as large as a record's blob on a site, and returns SETs a second. It is an error where there is no
// redis-benchmark and none can be installed.
func (s *suite) raw(at *site, bytes int) (float64, error) {
	s.tb.Helper()
	program, _, err := host.Program(s.ctx(), "redis-benchmark", "redis-tools")
	if err != nil {
		return 0, err
	}
	server, port, err := net.SplitHostPort(at.redis.Addrs()[0])
	if err != nil {
		return 0, err
	}
	args := []string{"-h", server, "-p", port, "-t", "set", "-d", strconv.Itoa(bytes), "-P", "64", "-c", "16", "-n", strconv.Itoa(s.size.raws(bytes)), "--csv"}
	if at.layout.masters > 1 {
		args = append(args, "--cluster")
	}
	out, err := exec.CommandContext(s.ctx(), program, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w\n%s", err, out)
	}
	return parseRaw(string(out))
}

// parseRaw reads the second cell of the line about SET: "SET","212314.23","1.234",...
func parseRaw(csv string) (float64, error) {
	cells := strings.Split(field(csv, `"SET",`), ",")
	rate, err := strconv.ParseFloat(strings.Trim(cells[0], `"`), 64)
	if err != nil || rate <= 0 {
		return 0, errors.New("redis-benchmark told no rate: " + csv)
	}
	return rate, nil
}
