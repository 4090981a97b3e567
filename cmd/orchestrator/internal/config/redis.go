package config

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"os"
)

// maxSecretFile bounds a password file: a larger one is another file, named by mistake.
const maxSecretFile = 4 << 10

// Redis is how to reach Redis, with every file read.
type Redis struct {
	Addrs              []string // host:port
	Username, Password string
	TLS                *tls.Config // nil: without TLS
}

// Redis resolves the seeds, the credentials and the certificates of a valid configuration. It fails with every fault of the
// files it reads, joined, each a *Problem.
func (c Config) Redis() (Redis, error) {
	r, problems := c.redis()
	return r, join(problems)
}

func (c Config) redis() (Redis, []*Problem) {
	var problems []*Problem
	seeds := c.given()
	if len(seeds) == 0 {
		return Redis{}, []*Problem{c.unless(false, "seeds", "must be valid addresses", "")}
	}
	r := Redis{Username: cmp.Or(c.RedisUsername, seeds[0].username), Password: cmp.Or(c.RedisPassword, seeds[0].password)}
	for _, s := range seeds {
		r.Addrs = append(r.Addrs, s.addr)
	}
	if c.RedisPasswordFile != "" {
		var err error
		if r.Password, err = readSecret(c.RedisPasswordFile); err != nil {
			problems = append(problems, c.unless(false, "redisPasswordFile", "cannot be used: "+err.Error(), ""))
		}
	}
	if seeds[0].tls {
		var refused []*Problem
		r.TLS, refused = c.tls()
		problems = append(problems, refused...)
	}
	return r, problems
}

// readSecret returns a file's content without the line end that editors and echo leave behind.
func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	b = bytes.TrimRight(b, "\r\n")
	switch {
	case len(b) == 0:
		return "", errors.New("the file is empty")
	case len(b) > maxSecretFile:
		return "", errors.New("the file is larger than 4096 bytes")
	case bytes.ContainsAny(b, "\r\n"):
		return "", errors.New("the file holds more than one line")
	}
	return string(b), nil
}

func (c Config) tls() (*tls.Config, []*Problem) {
	var problems []*Problem
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.RedisCAFile != "" {
		pem, err := os.ReadFile(c.RedisCAFile)
		t.RootCAs = x509.NewCertPool()
		if err == nil && !t.RootCAs.AppendCertsFromPEM(pem) {
			err = errors.New("the file holds no PEM certificate")
		}
		if err != nil {
			problems = append(problems, c.unless(false, "redisCAFile", "cannot be used: "+err.Error(), ""))
		}
	}
	if c.RedisCertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.RedisCertFile, c.RedisKeyFile)
		if err != nil {
			problems = append(problems, c.unless(false, "redisCertFile", "cannot be used: "+err.Error()+"; its key is", "redisKeyFile"))
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, problems
}
