package access

import (
	"crypto/x509"
	"net"
	"testing"
)

// TestPageHost: the link that `relay page` prints names a host that the certificate is
// for, and one that a browser on this machine reaches.
func TestPageHost(t *testing.T) {
	names := func(names ...string) *x509.Certificate {
		c := &x509.Certificate{}
		for _, n := range names {
			if ip := net.ParseIP(n); ip != nil {
				c.IPAddresses = append(c.IPAddresses, ip)
			} else {
				c.DNSNames = append(c.DNSNames, n)
			}
		}
		return c
	}
	for _, x := range []struct {
		bound string
		cert  *x509.Certificate
		want  string
	}{
		{"127.0.0.1", nil, "127.0.0.1"},
		{"0.0.0.0", nil, "127.0.0.1"},
		{"::", nil, "127.0.0.1"},
		{"::1", nil, "::1"},
		{"::", names("localhost", "127.0.0.1", "::1"), "127.0.0.1"},
		{"::", names("localhost"), "localhost"},
		{"::", names("::1"), "::1"},
		{"0.0.0.0", names("relay.shop.example", "10.0.0.5"), "relay.shop.example"},
		{"::", names("*.shop.example", "10.0.0.5"), "10.0.0.5"},
		{"10.0.0.5", names("relay.shop.example", "10.0.0.5"), "10.0.0.5"},
		{"10.0.0.5", names("relay.shop.example"), "relay.shop.example"},
		{"127.0.0.1", names("localhost"), "localhost"},
		{"0.0.0.0", names(), "127.0.0.1"},
	} {
		if got := pageHost(x.bound, x.cert); got != x.want {
			t.Errorf("%s with a certificate for %+v: %s, want %s", x.bound, x.cert, got, x.want)
		}
	}
}
