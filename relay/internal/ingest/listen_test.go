package ingest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pair writes a new certificate and key for 127.0.0.1 and returns the certificate.
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

func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	cert := pair(t, certFile, keyFile, "first")
	url, h, m := start(t, Options{}, ServerOptions{Cert: certFile, Key: keyFile})
	s, err := Listen(ServerOptions{Handler: h, Listen: []string{"127.0.0.1:0"}, Cert: certFile, Key: keyFile})
	if err != nil {
		t.Fatal(err)
	}
	defer s.closeListeners()
	if at := s.CertificateExpiry(); !at.Equal(cert.NotAfter) {
		t.Errorf("CertificateExpiry = %v, want %v", at, cert.NotAfter)
	}
	addr := strings.TrimPrefix(url, "http://")

	roots := x509.NewCertPool()
	roots.AddCert(cert)
	post := func(c *tls.Config) (*http.Response, error) {
		tr := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Post("https://"+addr+"/v1/track", "application/json", strings.NewReader(order))
		if err == nil {
			_ = resp.Body.Close()
		}
		return resp, err
	}
	resp, err := post(&tls.Config{RootCAs: roots})
	if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 1 || resp.TLS.Version < tls.VersionTLS12 {
		t.Fatalf("%v %v", resp, err)
	}
	if _, err := post(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 accepted")
	}
	if a := raw(t, addr, head+"Content-Length: ", order); a.status == 200 {
		t.Error("plain HTTP accepted on the TLS port")
	}
	if len(m.take()) != 1 {
		t.Error("want one stored event")
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	path := filepath.Join(t.TempDir(), "s")
	// A killed process leaves its socket behind.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	h, err := New(Options{Queue: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	o := ServerOptions{Handler: h, Listen: []string{"unix:" + path}, SocketMode: 0o620}
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	fi, err := os.Stat(path)
	if err != nil || fi.Mode() != fs.ModeSocket|0o620 {
		t.Fatalf("%v %v", fi.Mode(), err)
	}
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	// Any Host is accepted: web pages cannot reach a socket.
	resp, err := (&http.Client{Transport: tr}).Post("http://whatever.example.com/v1/track", "", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	tr.CloseIdleConnections()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	if _, err := Listen(o); err == nil || err.Error() != "listen on unix:"+path+": address already in use" {
		t.Errorf("second listener: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("socket left behind: %v", err)
	}

	// Listen must not remove a file in its place.
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(o); err == nil {
		t.Error("a regular file was replaced")
	}
	// A socket that another process has created since is not removed.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s1, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s2, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	_ = s1.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the newer socket was removed: %v", err)
	}
	_ = s2.Close()
}

func TestListenFaults(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h, err := New(Options{Queue: &memory{}})
	if err != nil {
		t.Fatal(err)
	}
	busy := l.Addr().String()
	_, err = Listen(ServerOptions{Handler: h, Listen: []string{"127.0.0.1:0", busy}})
	if err == nil || err.Error() != "listen on "+busy+": bind: address already in use" {
		t.Errorf("busy port: %v", err)
	}
	if _, err := Listen(ServerOptions{Handler: h, Listen: []string{"127.0.0.1:0"}, Cert: "none.pem", Key: "none.key"}); err == nil {
		t.Error("Listen accepts a missing certificate")
	}
	if _, err := Listen(ServerOptions{Listen: []string{"127.0.0.1:0"}}); err == nil {
		t.Error("Listen accepts a missing handler")
	}
	for _, o := range []Options{
		{},
		{Queue: &memory{}, MaxEventBytes: 100},
		{Queue: &memory{}, MaxBatchEvents: 10},
		{Queue: &memory{}, MaxRequestBytes: 1000},
		{Queue: &memory{}, Keys: []Key{{Key: " "}}},
		{Queue: &memory{}, RequestsPerSecond: -1},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New accepts %+v", o)
		}
	}
}
