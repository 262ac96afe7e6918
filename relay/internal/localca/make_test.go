package localca

import (
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestConstrained: the authority can vouch for its hosts and for no others.
func TestConstrained(t *testing.T) {
	t.Parallel()
	for _, hosts := range [][]string{{"Till.Example", "127.0.0.1", "::1"}, {"till.example"}, {"10.0.0.7"}} {
		dir := t.TempDir()
		m, err := Make(Options{Dir: dir, Hosts: hosts, Life: 24 * time.Hour})
		if err != nil || m.KeptCA {
			t.Fatalf("%+v %v", m, err)
		}
		ca, err := load(dir)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(ca.cert)
		verify := func(names []string, ips []net.IP) error {
			leaf := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: names, IPAddresses: ips}
			der, err := x509.CreateCertificate(rand.Reader, leaf, ca.cert, &ca.key.PublicKey, ca.key)
			if err != nil {
				t.Fatal(err)
			}
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Verify(x509.VerifyOptions{Roots: roots})
			return err
		}
		names, ips := split(m.Hosts)
		if err := verify(names, ips); err != nil {
			t.Errorf("%v: %v", m.Hosts, err)
		}
		if verify([]string{"bank.example"}, nil) == nil || verify(nil, []net.IP{net.IPv4(192, 0, 2, 77)}) == nil {
			t.Errorf("%v: the authority vouches for strangers", m.Hosts)
		}
		// Whoever has the authority's key can sign nothing else with it than a
		// server's certificate for these hosts.
		for _, leaf := range []*x509.Certificate{
			{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}},
			{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
			{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}},
			{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, EmailAddresses: []string{"ceo@bank.example"}},
			{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, EmailAddresses: []string{"ceo@bank.example"}},
			{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, URIs: []*url.URL{{Scheme: "https", Host: "bank.example"}}},
		} {
			leaf.SerialNumber, leaf.NotBefore, leaf.NotAfter = big.NewInt(8), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
			der, err := x509.CreateCertificate(rand.Reader, leaf, ca.cert, &ca.key.PublicKey, ca.key)
			if err != nil {
				t.Fatal(err)
			}
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: leaf.ExtKeyUsage}); err == nil {
				t.Errorf("the authority vouches for %v %v %v", leaf.ExtKeyUsage, leaf.EmailAddresses, leaf.URIs)
			}
		}
		for _, f := range []string{CAKeyFile, KeyFile} {
			if fi, err := os.Stat(filepath.Join(dir, f)); err != nil || fi.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v %v", f, fi.Mode(), err)
			}
		}
		again, err := Make(Options{Dir: dir, Hosts: hosts, Life: 100 * 365 * 24 * time.Hour})
		if err != nil || !again.KeptCA || again.Until.After(again.CAUntil) {
			t.Errorf("%+v %v", again, err)
		}
	}
}

func TestHalfAnAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Make(Options{Dir: dir, Hosts: []string{"localhost"}, Life: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, CAKeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(Options{Dir: dir, Hosts: []string{"localhost"}, Life: time.Hour}); err == nil {
		t.Error("went on without the authority's key")
	}
}
