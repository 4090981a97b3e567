package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"orchestrator/integration/harness"
	"orchestrator/internal/redistest"
)

// certificate returns a fresh self-signed certificate for 127.0.0.1 and the file that holds it.
func certificate(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// behindTLS puts a TLS listener before a plain server and returns its address.
func behindTLS(t testing.TB, cert tls.Certificate, server string) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = in.Close() }()
				out, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer func() { _ = out.Close() }()
				go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}

// A fleet reaches Redis over TLS, trusting the authority it was given and no other.
func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	plain := redistest.Single(t)
	cert, authority := certificate(t)
	_, stranger := certificate(t)
	addr := behindTLS(t, cert, plain.Addr())
	config := func(ca string, seeds ...string) harness.NodeConfig {
		return harness.NodeConfig{ID: "node-1", Seeds: seeds, Flags: []string{"--prefix", redistest.Prefix(t), "--redis-ca-file", ca}}
	}
	node := harness.StartNode(t, config(authority, "rediss://"+addr))
	s := read[session](t, call(t, "POST", node.URL()+"/v1/sessions", draft("one")).want(t, 201))
	call(t, "GET", node.URL()+"/v1/sessions/"+s.ID, nil).want(t, 200)

	holds(t, refused(t, config(stranger, "rediss://"+addr)), addr, "certificate")
	holds(t, refused(t, config(authority, "rediss://"+plain.Addr())), plain.Addr(), "none of the seeds")
	holds(t, refused(t, config(authority, "redis://"+addr)), addr, "redisCAFile")
}
