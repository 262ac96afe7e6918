package access

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"relay/relay/internal/api"
)

// SignInLink makes a link that signs a browser in, once, within a minute. The code is
// in the fragment, which no browser sends anywhere.
func (s *Server) SignInLink() (api.PageLink, error) {
	base, err := s.pageURL()
	if err != nil {
		return api.PageLink{}, err
	}
	return api.PageLink{URL: base + "/#sign-in=" + s.guard.sessions.code(), ExpiresAt: time.Now().Add(codeLife).UTC()}, nil
}

// pageURL is where this process has bound the page: nobody else can answer there.
func (s *Server) pageURL() (string, error) {
	l := s.page
	if l == nil || l.network != "tcp" {
		return "", fmt.Errorf("admin.listen is not a TCP address, and a browser can use no other; set it to 127.0.0.1:8586")
	}
	host, port, err := net.SplitHostPort(l.addr)
	if err != nil {
		return "", fmt.Errorf("admin.listen %s: %w", l.addr, err)
	}
	if l.cert == nil {
		return "http://" + net.JoinHostPort(pageHost(host, nil), port), nil
	}
	return "https://" + net.JoinHostPort(pageHost(host, l.cert.Leaf()), port), nil
}

// pageHost is the host by which a browser on this machine reaches a page that is bound to
// an address: one that its certificate is for, where there is one.
func pageHost(bound string, cert *x509.Certificate) string {
	hosts := []string{bound}
	switch ip := net.ParseIP(bound); {
	case ip != nil && ip.IsUnspecified(): // of both families, where the system has both
		hosts = []string{"127.0.0.1", "localhost", "::1"}
	case ip != nil && ip.IsLoopback():
		hosts = append(hosts, "localhost")
	}
	if cert == nil {
		return hosts[0]
	}
	for _, host := range hosts {
		if cert.VerifyHostname(host) == nil {
			return host
		}
	}
	for _, name := range cert.DNSNames {
		if !strings.Contains(name, "*") {
			return name
		}
	}
	for _, ip := range cert.IPAddresses {
		return ip.String()
	}
	return hosts[0]
}

// Redeem makes a session of a code that SignInLink gave; false: the code has been used
// or is too old.
func (s *Server) Redeem(w http.ResponseWriter, code string) (api.Session, bool) {
	token, until, ok := s.guard.sessions.redeem(code)
	if !ok {
		return api.Session{}, false
	}
	name, _ := s.guard.sessions.check(token)
	nameCaller(w, "session "+name)
	return api.Session{Session: token, ExpiresAt: until.UTC()}, true
}

// SignOut ends the session that r came with; false: it came with none.
func (s *Server) SignOut(r *http.Request) bool {
	c := CallerOf(r)
	if c.session == "" {
		return false
	}
	s.guard.sessions.end(c.session)
	return true
}

// WatchKind keeps the commands, the signed in and anybody apart.
func WatchKind(r *http.Request) string {
	switch {
	case listenerOf(r).kind == kindControl:
		return "command"
	case CallerOf(r).SignedIn:
		return "signed in"
	}
	return "anybody"
}
