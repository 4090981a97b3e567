package config

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"unicode/utf8"

	"orchestrator/internal/keyspace"
	"orchestrator/internal/session"
)

// hidden stands where a secret would be printed.
const hidden = "***"

func anyText(string) error { return nil }

func atMost(n int) func(string) error {
	return func(s string) error { return mustBe(utf8.RuneCountInString(s) <= n) }
}

func validNodeID(s string) error {
	_, err := session.ParseNodeID(s)
	return rangeOr(err)
}

// drawNodeID returns the host's name, reduced to what a node id may hold, and eight random hexadecimal digits: nodes that
// share a host, or whose hosts share a name, still differ.
func drawNodeID() string {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	host = strings.Map(func(r rune) rune {
		if _, err := session.ParseNodeID("a" + string(r)); err != nil {
			return '-'
		}
		return r
	}, host)
	host = strings.TrimLeft(host[:min(len(host), session.MaxNodeID-9)], "._-")
	if host == "" {
		host = "node"
	}
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program where the system has no randomness
	return host + "-" + hex.EncodeToString(b[:])
}

func validZone(s string) error {
	if s == "" {
		return nil
	}
	asked := session.Draft{Type: "t", Name: "n", Workspace: "w", Placement: session.Placement{Zone: s}} // what a client may ask for
	return rangeOr(asked.Validate())
}

func validPrefix(s string) error {
	_, err := keyspace.New(s, 1)
	return rangeOr(err)
}

func validListen(s string) error { return mustBe(hostLike(s)) }

func validAdvertisedHost(s string) error {
	if ip, err := netip.ParseAddr(s); err == nil && ip.IsUnspecified() {
		return errRange
	}
	return mustBe(hostLike(s))
}

const maxProxies = 64

func validProxies(items []string) error {
	if len(items) > maxProxies {
		return errRange
	}
	for _, item := range items {
		if !proxyLike(item) {
			return fmt.Errorf("%q is neither an address nor a network of less than every address", item)
		}
	}
	return nil
}

// proxyLike refuses a network of every address: whoever may name any client is held to no limit. It refuses IPv4 in the clothes of IPv6, which
// no connection shows.
func proxyLike(s string) bool {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Zone() == "" && !addr.Is4In6() && !addr.IsUnspecified()
	}
	network, err := netip.ParsePrefix(s)
	return err == nil && network.Bits() > 0 && !network.Addr().Is4In6()
}

// hostLike reports whether s is an IP address or a name by the letters of RFC 1123 (underscores, which container engines
// use, included). It resolves nothing.
func hostLike(s string) bool {
	if net.ParseIP(s) != nil {
		return true
	}
	if s == "" || len(s) > 253 || numeric(s) {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notHostRune) {
			return false
		}
	}
	return true
}

// numeric reports whether s is made of digits and dots: an address with a part too large or too few, never a name.
func numeric(s string) bool { return strings.Trim(s, "0123456789.") == "" }

func notHostRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}
