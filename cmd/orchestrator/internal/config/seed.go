package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const (
	maxSeeds    = 64
	defaultPort = "6379" // of a redis:// or rediss:// URL that names none
)

// seed is one Redis address as an operator wrote it.
type seed struct {
	addr               string // host:port
	tls                bool
	username, password string
}

// parseSeed reads host:port, redis://[user[:password]@]host[:port][/0] or the same with rediss. A database other than 0 is
// refused, for a cluster has no other, and so are a URL's options.
func parseSeed(s string) (seed, error) {
	if !strings.Contains(s, "://") {
		return bareSeed(s)
	}
	u, err := url.Parse(s)
	if err != nil {
		return seed{}, errors.New("is not a URL (in a password , is written %2C, / is %2F and @ is %40)") // url.Error would print the password
	}
	switch {
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return seed{}, errors.New("must start with redis:// or rediss://")
	case u.RawQuery != "" || u.Fragment != "":
		return seed{}, errors.New("must not have options: each has a key of its own")
	case u.Path != "" && u.Path != "/" && u.Path != "/0":
		return seed{}, errors.New("must not name a database: a fleet is told apart by its prefix")
	}
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	parsed, err := bareSeed(net.JoinHostPort(u.Hostname(), port))
	parsed.tls = u.Scheme == "rediss"
	parsed.username = u.User.Username()
	parsed.password, _ = u.User.Password()
	return parsed, err
}

func bareSeed(s string) (seed, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return seed{}, errors.New("must be host:port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return seed{}, errors.New("must have a port from 1 to 65535")
	}
	if !hostLike(host) {
		return seed{}, errors.New("must have a host name or address")
	}
	return seed{addr: net.JoinHostPort(host, port)}, nil
}

func parseSeeds(items []string) ([]seed, error) {
	seeds := make([]seed, 0, len(items))
	for i, item := range items {
		s, err := parseSeed(item)
		if err != nil { // it may be a part of a URL whose password has a comma: what follows says so
			return nil, errors.New(strconv.Quote(redact(strings.Join(items[i:], ","))) + " " + err.Error())
		}
		seeds = append(seeds, s)
	}
	return seeds, nil
}

func validSeeds(items []string) error {
	if len(items) == 0 || len(items) > maxSeeds {
		return errRange
	}
	_, err := parseSeeds(items)
	return err
}

// redact hides whatever may be secret in text that was refused, and so may have any form: what stands between the scheme and the last @, whatever
// is between, and what a URL asks for.
func redact(s string) string {
	if at := strings.LastIndex(s, "@"); at >= 0 {
		scheme, _, _ := strings.Cut(s[:at], "://")
		if scheme += "://"; !strings.HasPrefix(s, scheme) || strings.Contains(scheme, "@") {
			scheme = ""
		}
		s = scheme + hidden + s[at:]
	}
	if asked, _, ok := strings.Cut(s, "?"); ok {
		s = asked + "?" + hidden
	}
	return s
}

// redactList hides the passwords of seeds; of a list that is not one of seeds, whatever may be secret.
func redactList(items []string) string {
	if _, err := parseSeeds(items); err != nil {
		return redact(strings.Join(items, ","))
	}
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = withoutPassword(item)
	}
	return strings.Join(out, ",")
}

// withoutPassword hides a seed's password, not its user's name.
func withoutPassword(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		return s
	}
	user, _, _ := strings.Cut(s[strings.Index(s, "://")+3:at], ":")
	return s[:strings.Index(s, "://")+3] + user + ":" + hidden + s[at:]
}
