package deploy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// tlsArguments are those of README.md, with a certificate and a port in them.
func tlsArguments(t *testing.T, port string, cert, key string) []string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "`--tls-port 6379")
	text, _, ok2 := strings.Cut("--tls-port 6379"+rest, "`")
	if !ok || !ok2 {
		t.Fatal("README.md has lost the arguments for TLS")
	}
	return strings.Fields(strings.NewReplacer("--tls-port 6379", "--tls-port "+port, "--tls-cert-file ...", "--tls-cert-file "+cert,
		"--tls-key-file ...", "--tls-key-file "+key, "--tls-ca-cert-file ...", "--tls-ca-cert-file "+cert).Replace(text))
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// A node started with README's arguments for TLS takes the fleet's user, who has no certificate of its own, over TLS and not without.
func TestANodeWithTLS(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	cert, key := selfSigned(t)
	port := busPort(t)
	p := startByScript(t, "redis-1", port, tlsArguments(t, fmt.Sprint(port), cert, key)...)
	authority, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	ask := func(c *tls.Config) error {
		client := redis.NewClient(&redis.Options{Addr: p.Addr(), Username: "orchestrator", Password: "fleet-secret", DisableIdentity: true, TLSConfig: c, MaxRetries: -1})
		defer func() { _ = client.Close() }()
		return client.Ping(t.Context()).Err()
	}
	deadline := time.Now().Add(30 * time.Second)
	for err = ask(&tls.Config{RootCAs: pool}); err != nil && time.Now().Before(deadline); err = ask(&tls.Config{RootCAs: pool}) {
		time.Sleep(100 * time.Millisecond) // a poll with a deadline
	}
	if err != nil {
		t.Fatalf("over TLS: %v", err)
	}
	if err := ask(nil); err == nil {
		t.Error("it answers without TLS")
	}
}
