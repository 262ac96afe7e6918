package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"relay/relay/internal/sandbox"
)

// trusting is a client that trusts the authority in file and nobody else.
func trusting(t *testing.T, file string) *http.Client {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b)
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// TestTLS: a client that checks the certificate of `relay tls init` gets in
// under every name; a new certificate is taken while relay runs.
func TestTLS(t *testing.T) {
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, "tls: { cert: tls/relay.pem, key: tls/relay.key }\n"), testMapping)
	out, code := h.command(t, "tls", "init")
	if code != 0 || !strings.Contains(out, "NODE_EXTRA_CA_CERTS="+h.path("tls/ca.pem")) || !strings.Contains(out, "cert: "+h.path("tls/relay.pem")) {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	p := h.start(t)
	client := trusting(t, h.path("tls/ca.pem"))
	port := p.url[strings.LastIndexByte(p.url, ':'):]
	serials := map[string]bool{}
	send := func(host, id string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+host+port+"/v1/t", strings.NewReader(order(id)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(b) != `{"success":true}` {
			t.Errorf("%d %s", resp.StatusCode, b)
		}
		serials[resp.TLS.PeerCertificates[0].SerialNumber.String()] = true
	}
	send("localhost", "tls-1")
	send("127.0.0.1", "tls-2")
	if out, code := h.command(t, "tls", "init", "--days", "30"); code != 0 || !strings.Contains(out, "authority kept") {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	eventually(t, "the new certificate is served", func() bool { send("localhost", "tls-1"); return len(serials) == 2 })
	eventually(t, "both orders are at the simulator", func() bool { return len(sb.Events(sandbox.Filter{})) == 2 })

	if out, code := h.command(t, "tls", "init", "--host", "other.example"); code != 1 || !strings.Contains(out, "was not made for other.example") {
		t.Errorf("another host: exit code %d\n%s", code, out)
	}
	if out, code := h.command(t, "tls", "init", "--host", "http://x"); code != 1 || !strings.Contains(out, "is not a host name") {
		t.Errorf("a bad host: exit code %d\n%s", code, out)
	}
	// Plain HTTP on that port is told so, and an old protocol is refused.
	if resp, err := http.Get("http://127.0.0.1" + port + "/v1/t"); err == nil { //nolint:noctx // a wrong call on purpose
		resp.Body.Close()
		if resp.StatusCode != 400 {
			t.Errorf("plain HTTP: %d", resp.StatusCode)
		}
	}
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if c, err := tls.Dial("tcp", "127.0.0.1"+port, old); err == nil {
		c.Close()
		t.Error("TLS 1.1 was accepted")
	}
	p.stop(t)
}
