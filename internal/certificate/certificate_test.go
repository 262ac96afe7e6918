package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func pair(t *testing.T, certFile, keyFile, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(file+".tmp", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".tmp", file); err != nil {
			t.Fatal(err)
		}
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificateReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	pair(t, certFile, keyFile, "first")
	var log bytes.Buffer
	c, err := Load(certFile, keyFile, "listen", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	name := func(after time.Duration) string {
		t.Helper()
		now = now.Add(after)
		got, err := c.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.Subject.CommonName
	}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("certificate %q in force, want %q", got, want)
		}
	}
	expect(name(0), "first")

	// Only the certificate is replaced yet: the old pair stays in use, logged once.
	second := filepath.Join(dir, "second.pem")
	secondKey := filepath.Join(dir, "second.key")
	pair(t, second, secondKey, "second")
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	rename(second, certFile)
	expect(name(2*time.Second), "first")
	expect(name(2*time.Minute), "first")
	if n := strings.Count(log.String(), "keeping the old one"); n != 1 {
		t.Errorf("logged %d times, want 1: %s", n, &log)
	}
	rename(secondKey, keyFile)
	expect(name(2*time.Second), "second")

	// Same size and date in the same file: found by content, a little later.
	pair(t, filepath.Join(dir, "x.pem"), filepath.Join(dir, "x.key"), "thirdX")
	for from, to := range map[string]string{"x.pem": certFile, "x.key": keyFile} {
		fi, err := os.Stat(to)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(to, fi.ModTime(), fi.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	expect(name(time.Minute), "thirdX")

	// Removed, and restored.
	rename(certFile, certFile+".away")
	expect(name(2*time.Second), "thirdX")
	rename(certFile+".away", certFile)
	expect(name(2*time.Second), "thirdX")
	if !strings.Contains(log.String(), "certificate loaded") {
		t.Error("a new certificate was not logged")
	}

	// A ConfigMap's symlink is swapped.
	d2 := filepath.Join(dir, "..data2")
	if err := os.Mkdir(d2, 0o700); err != nil {
		t.Fatal(err)
	}
	pair(t, filepath.Join(d2, "c.pem"), filepath.Join(d2, "k.pem"), "fourth")
	for _, f := range []string{certFile, keyFile} {
		if err := os.Symlink(filepath.Join(d2, filepath.Base(f)), f+".lnk"); err != nil {
			t.Fatal(err)
		}
		rename(f+".lnk", f)
	}
	expect(name(2*time.Second), "fourth")

	for _, files := range [][2]string{{"none", keyFile}, {certFile, "none"}, {keyFile, certFile}} {
		if _, err := Load(files[0], files[1], "listen", slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("loaded %v", files)
		}
	}
}
