package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCombinationsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		given
		want string
	}{
		"lease outlived by a dead node": {given{env: []string{"ORCHESTRATOR_LEASE_TTL=10s"}},
			`leaseTTL "10s" (from ORCHESTRATOR_LEASE_TTL) must be more than twice the time after which a node is dead, heartbeatTimeout "5s" (the default)`},
		"preset against a key": {given{flags: []string{"--preset=high-throughput", "--lease-ttl=20s"}},
			`leaseTTL "20s" (from --lease-ttl) must be more than twice the time after which a node is dead, heartbeatTimeout "10s" (from preset high-throughput)`},
		"sync faster than gossip": {given{flags: []string{"--gossip-interval=2s", "--sync-interval=1999ms"}},
			`syncInterval "1.999s" (from --sync-interval) must not be shorter than gossipInterval "2s" (from --gossip-interval)`},
		"one port for two things": {given{flags: []string{"--profile-port=8080", "--listen=0.0.0.0"}},
			`profilePort "8080" (from --profile-port) must not be the same as port "8080" (the default)`},
		"schemes mixed": {given{flags: []string{"--seeds=rediss://a,redis://b"}},
			`seeds "rediss://a,redis://b" (from --seeds) must be all rediss:// or all without TLS`},
		"credentials differ": {given{flags: []string{"--seeds=redis://u:one@a,redis://u:two@b"}},
			`seeds "redis://u:***@a,redis://u:***@b" (from --seeds) must all name the same user and password`},
		"password twice": {given{env: []string{"ORCHESTRATOR_REDIS_PASSWORD=hunter2", "ORCHESTRATOR_REDIS_PASSWORD_FILE=/x"}},
			`redisPassword "***" (from ORCHESTRATOR_REDIS_PASSWORD) must not be given beside redisPasswordFile "/x" (from ORCHESTRATOR_REDIS_PASSWORD_FILE)`},
		"password in URL and key": {given{env: []string{"ORCHESTRATOR_REDIS_PASSWORD=hunter2"}, flags: []string{"--seeds=redis://:hunter3@a"}},
			`seeds "redis://:***@a" (from --seeds) must not hold a user or password beside redisPassword "***" (from ORCHESTRATOR_REDIS_PASSWORD)`},
		"certificate without key": {given{flags: []string{"--seeds=rediss://a", "--redis-cert-file=/c"}},
			`redisCertFile "/c" (from --redis-cert-file) needs the key of the certificate in redisKeyFile "" (the default)`},
		"key without certificate": {given{flags: []string{"--seeds=rediss://a", "--redis-key-file=/k"}},
			`redisKeyFile "/k" (from --redis-key-file) needs the certificate of the key in redisCertFile "" (the default)`},
		"authorities without TLS": {given{flags: []string{"--redis-ca-file=/ca"}},
			`redisCAFile "/ca" (from --redis-ca-file) has a meaning only where Redis is reached by rediss://, unlike seeds "127.0.0.1:6379" (the default)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := row.load(t); err == nil || err.Error() != row.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, row.want)
			}
		})
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	for _, g := range []given{
		{env: []string{"ORCHESTRATOR_SEEDS=redis://user:hunter2@host:99999"}},
		{env: []string{"ORCHESTRATOR_SEEDS=redis://user:hunter2%zz@host"}},
		{env: []string{"ORCHESTRATOR_SEEDS=user:hunter2@host"}},
		{env: []string{"ORCHESTRATOR_SEEDS=hunter2@host:1"}},
		{env: []string{"ORCHESTRATOR_SEEDS=redis://:hunter2,ss@10.0.0.5:6379"}},
		{env: []string{"ORCHESTRATOR_SEEDS=redis://user:12,hunter2@h:1,10.0.0.5:6379"}},
		{env: []string{"ORCHESTRATOR_SEEDS=redis://:ss,hunter2,ss@h:1"}},
		{env: []string{"ORCHESTRATOR_SEEDS=redis://h:6379?password=hunter2"}},
		{env: []string{"ORCHESTRATOR_SEEDS=redis://:hunter2@h:6379?password=hunter2"}},
		{file: "seeds: [\"redis://:hunter2,x@host\", \"redis://h?password=hunter2\"]\n"},
		{file: "seeds: [\"redis://h?password=hunter2\", 5]\n"},
		{file: "redisPassword: [hunter2]\n"},
		{file: "seeds: [\"rediss://:hunter2@host/9\"]\n"},
		{file: "seeds: {\"redis://:hunter2@host\": x}\n"},
	} {
		_, _, err := g.load(t)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

func TestCredentialsComeFromOnePlace(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "password")
	write(t, secret, "hunter2\n")
	for name, g := range map[string]given{
		"URL":  {flags: []string{"--seeds=redis://fleet:hunter2@a:1,redis://fleet:hunter2@b:2"}},
		"keys": {env: []string{"ORCHESTRATOR_REDIS_USERNAME=fleet", "ORCHESTRATOR_REDIS_PASSWORD=hunter2"}, flags: []string{"--seeds=a:1,b:2"}},
		"file": {flags: []string{"--redis-username=fleet", "--redis-password-file", secret, "--seeds=a:1,b:2"}},
	} {
		c, _, err := g.load(t)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := c.Redis()
		if err != nil || r.Username != "fleet" || r.Password != "hunter2" || strings.Join(r.Addrs, " ") != "a:1 b:2" || r.TLS != nil {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func TestPasswordFilesThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"empty": "\n", "more than one line": "a\nb\n", "larger than": strings.Repeat("x", maxSecretFile+1)} {
		path := filepath.Join(t.TempDir(), "password")
		write(t, path, content)
		_, _, err := given{flags: []string{"--redis-password-file", path}}.load(t)
		if err == nil || !strings.Contains(err.Error(), "redisPasswordFile") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	junk := filepath.Join(t.TempDir(), "junk.pem")
	write(t, junk, "no certificate")
	c, _, err := given{flags: []string{"--seeds=rediss://a", "--redis-ca-file", cert, "--redis-cert-file", cert, "--redis-key-file", key}}.load(t)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Redis(); err != nil || r.TLS == nil || r.TLS.RootCAs == nil || len(r.TLS.Certificates) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	_, _, err = given{flags: []string{"--seeds=rediss://a", "--redis-ca-file", junk, "--redis-cert-file", junk, "--redis-key-file", key}}.load(t)
	if err == nil || !strings.Contains(err.Error(), "redisCAFile") || !strings.Contains(err.Error(), "redisCertFile") {
		t.Errorf("both files are junk: %v", err)
	}
}

func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return certFile, keyFile
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
