package graph

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each failure of the network has its kind and its description, for calls to Meta and
// to a hub alike. All of them are made by real connections.
func TestFailures(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	day := 24 * time.Hour
	closed := closedPort(t)
	secure := func(host string, from, to time.Duration) Options {
		return Options{Endpoint: serveTLS(t, &tls.Config{Certificates: []tls.Certificate{authority.issue(t, host, from, to)}}), CAFile: authority.file}
	}
	for name, tt := range map[string]struct {
		options Options
		want    Failure
		message string
	}{
		"closed port":         {Options{Endpoint: "http://" + closed}, FailureRefused, "connection refused"},
		"unknown name":        {Options{Endpoint: "http://nothing.invalid"}, FailureDNS, "cannot find the address of nothing.invalid: "},
		"reset":               {Options{Endpoint: "http://" + serveTCP(t, reset)}, FailureReset, "the connection was cut"},
		"closed connection":   {Options{Endpoint: "http://" + serveTCP(t, func(*net.TCPConn) {})}, FailureClosed, "the connection was closed without an answer"},
		"no HTTP":             {Options{Endpoint: "http://" + serveTCP(t, answer220)}, FailureNotHTTP, "the answer is not valid HTTP"},
		"header cut":          {Options{Endpoint: "http://" + serveTCP(t, cutHeader)}, FailureClosed, "the connection was closed without an answer"},
		"untrusted":           {Options{Endpoint: serveTLS(t, nil)}, FailureUntrusted, "the certificate is signed by an authority this machine does not know"},
		"another host":        {secure("other.example", -day, day), FailureWrongHost, "the certificate is for another host"},
		"expired":             {secure("127.0.0.1", -2*day, -day), FailureExpired, "the certificate expired at 20"},
		"not valid yet":       {secure("127.0.0.1", day, 2*day), FailureNotYetValid, "the certificate is not valid before 20"},
		"not for a server":    {Options{Endpoint: serveTLS(t, &tls.Config{Certificates: []tls.Certificate{authority.issueClient(t)}}), CAFile: authority.file}, FailureCertificate, "the certificate is not valid: x509: certificate specifies an incompatible key usage"},
		"old TLS":             {Options{Endpoint: serveTLS(t, &tls.Config{MaxVersion: tls.VersionTLS11})}, FailureHandshake, "the server refused the TLS handshake: tls: protocol version not supported"},
		"garbled TLS":         {Options{Endpoint: "https://" + serveTCP(t, garbleTLS)}, FailureHandshake, "the TLS handshake failed: local error: tls: error decoding message"},
		"no TLS":              {Options{Endpoint: "https://" + serveTCP(t, answer220)}, FailureNoTLS, "the server does not use TLS"},
		"HTTP instead of TLS": {Options{Endpoint: strings.Replace(serveHTTP(t, nil), "http:", "https:", 1)}, FailureNoTLS, "the server does not use TLS"},
		"proxy down":          {Options{Endpoint: "https://graph.example", Proxy: "http://" + closed}, FailureProxy, "connection refused by the proxy"},
		"proxy unknown":       {Options{Endpoint: "https://graph.example", Proxy: "http://nothing.invalid:3128"}, FailureProxy, "the proxy: cannot find the address of nothing.invalid: "},
		"proxy untrusted":     {Options{Endpoint: "https://graph.example", Proxy: serveTLS(t, nil)}, FailureProxy, "the proxy: the certificate is signed by an authority this machine does not know"},
		"proxy login":         {Options{Endpoint: "https://graph.example", Proxy: serveHTTP(t, status(407))}, FailureProxyLogin, "the proxy requires a user and password"},
		"proxy refuses":       {Options{Endpoint: "https://graph.example", Proxy: serveHTTP(t, status(403))}, FailureProxyRefused, "the proxy refused the connection: HTTP 403 Forbidden"},
		"proxy cannot reach":  {Options{Endpoint: "https://graph.example", Proxy: serveHTTP(t, status(502))}, FailureProxyRefused, "the proxy refused the connection: HTTP 502 Bad Gateway"},
		"socks down":          {Options{Endpoint: "https://graph.example", Proxy: "socks5://" + closed}, FailureProxy, "connection refused by the proxy"},
		"socks refuses":       {Options{Endpoint: "https://graph.example", Proxy: "socks5://" + serveTCP(t, refuseSOCKS)}, FailureProxy, "the proxy: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.options.Proxy == "" {
				tt.options.Proxy = "none"
			}
			c, err := New(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			r := c.Reach(t.Context())
			if r.Failure != tt.want || !strings.HasPrefix(r.Message, tt.message) || r.HTTPStatus != 0 || r.Class != Retry {
				t.Errorf("Reach: %s %q, class %s, HTTP %d; want %s %q", r.Failure, r.Message, r.Class, r.HTTPStatus, tt.want, tt.message)
			}
			p := c.Post(t.Context(), "/v1/forward", "text/plain", "key", []byte("x"))
			if p.Failure != tt.want || !strings.HasPrefix(p.Err, tt.message) || p.Status != 0 {
				t.Errorf("Post: %s %q, HTTP %d; want %s %q", p.Failure, p.Err, p.Status, tt.want, tt.message)
			}
		})
	}
}

// An answer is no failure, whatever its status; neither is a request that was not made.
func TestNoFailure(t *testing.T) {
	c, err := New(Options{Endpoint: serveHTTP(t, status(503)), Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r := c.Reach(t.Context()); r.Failure != NoFailure || r.HTTPStatus != 503 {
		t.Errorf("Reach: %s, HTTP %d", r.Failure, r.HTTPStatus)
	}
	if p := c.Post(t.Context(), "/", "text/plain", "key", []byte("x")); p.Failure != NoFailure || p.Status != 503 {
		t.Errorf("Post: %s, HTTP %d", p.Failure, p.Status)
	}
	if r := c.Send(t.Context(), Request{EventSet: "701000000000001", Data: [][]byte{[]byte(`{}`)}}); r.Class != TokenPause || r.Failure != NoFailure {
		t.Errorf("without a token: %s, %s", r.Class, r.Failure)
	}
}

// A body that ends early is no answer to Post.
func TestPostIncomplete(t *testing.T) {
	c, err := New(Options{Endpoint: "http://" + serveTCP(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
	}), Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if p := c.Post(t.Context(), "/", "text/plain", "key", []byte("x")); p.Status != 0 || p.Failure != FailureClosed || p.Err != "the answer was incomplete" {
		t.Errorf("%s %q, HTTP %d", p.Failure, p.Err, p.Status)
	}
}

// A request that its caller cancels is not blamed on the network.
func TestFailureStopped(t *testing.T) {
	arrived := make(chan struct{}, 1)
	c, err := New(Options{Proxy: "none", Endpoint: serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if r := c.Reach(ctx); r.Failure != FailureStopped {
		t.Errorf("%s %q", r.Failure, r.Message)
	}
}

// A server that accepts connections and does nothing is no connection for https, since
// there is no TLS handshake, and no answer for http.
func TestSilentServer(t *testing.T) {
	for scheme, want := range map[string]Failure{"https": FailureConnect, "http": FailureTimeout} {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(Options{Endpoint: scheme + "://meta.example", Proxy: "none"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var far []net.Conn
			c.tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
				near, other := net.Pipe()
				far = append(far, other)
				go func() { _, _ = io.Copy(io.Discard, other) }()
				return near, nil
			}
			if r := c.Reach(t.Context()); r.Failure != want {
				t.Errorf("%s: %s %q, want %s", scheme, r.Failure, r.Message, want)
			}
			for _, conn := range far {
				_ = conn.Close()
			}
		})
	}
}

// Every failure has a name of its own.
func TestFailureNames(t *testing.T) {
	seen := map[string]bool{"": true}
	for _, f := range Failures() {
		if seen[f.String()] {
			t.Errorf("%d is called %q", f, f)
		}
		seen[f.String()] = true
	}
	if NoFailure.String() != "" || !seen[FailureOther.String()] {
		t.Errorf("%q, %v", NoFailure, seen)
	}
}

// closedPort returns an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().String()
}

// serveTCP accepts connections, reads what the client sends first, calls answer and
// closes the connection.
func serveTCP(t *testing.T, answer func(*net.TCPConn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			readRequest(conn)
			answer(conn.(*net.TCPConn))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// readRequest reads a whole HTTP request, so that closing the connection does not reset
// it, or the first bytes of another protocol.
func readRequest(conn net.Conn) {
	r := bufio.NewReader(conn)
	if first, err := r.Peek(1); err != nil || first[0] < 'A' || first[0] > 'Z' {
		_, _ = r.Discard(r.Buffered())
		return
	}
	if req, err := http.ReadRequest(r); err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
}

func reset(conn *net.TCPConn) { _ = conn.SetLinger(0) }

func answer220(conn *net.TCPConn) { _, _ = io.WriteString(conn, "220 mail.example ESMTP\r\n") }

func cutHeader(conn *net.TCPConn) {
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text")
}

func refuseSOCKS(conn *net.TCPConn) { _, _ = conn.Write([]byte{5, 0xff}) }

// garbleTLS answers with a TLS record of type handshake that has no valid content.
func garbleTLS(conn *net.TCPConn) {
	_, _ = conn.Write([]byte{22, 3, 3, 0, 5, 2, 0, 0, 1, 0})
	_, _ = io.Copy(io.Discard, conn) // until the client closes: its alert must not be answered by a reset
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func serveHTTP(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	if h == nil {
		h = status(http.StatusOK)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// serveTLS starts a server with a configuration; nil: with httptest's certificate.
func serveTLS(t *testing.T, conf *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(status(http.StatusOK))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = conf
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate as PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	now := time.Now()
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue makes a server's certificate for a host name or address, valid between two times
// relative to now.
func (a *authority) issue(t *testing.T, host string, from, to time.Duration) tls.Certificate {
	t.Helper()
	now := time.Now()
	form := &x509.Certificate{NotBefore: now.Add(from), NotAfter: now.Add(to), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if ip := net.ParseIP(host); ip != nil {
		form.IPAddresses = []net.IP{ip}
	} else {
		form.DNSNames = []string{host}
	}
	return a.sign(t, form)
}

// issueClient makes a certificate that is valid for clients only.
func (a *authority) issueClient(t *testing.T) tls.Certificate {
	t.Helper()
	now := time.Now()
	return a.sign(t, &x509.Certificate{
		NotBefore: now.AddDate(0, 0, -1), NotAfter: now.AddDate(0, 0, 1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func (a *authority) sign(t *testing.T, form *x509.Certificate) tls.Certificate {
	t.Helper()
	form.SerialNumber = big.NewInt(2)
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
