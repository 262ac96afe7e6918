package access

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"relay/relay/internal/api"
)

// SignInLink returns a link that signs a browser in, once, within a minute. The code is in
// the fragment, which browsers do not send.
func (s *Server) SignInLink() (api.PageLink, error) {
	base, err := s.pageURL()
	if err != nil {
		return api.PageLink{}, err
	}
	return api.PageLink{URL: base + "/#sign-in=" + s.guard.sessions.code(), ExpiresAt: time.Now().Add(codeLife).UTC()}, nil
}

// pageURL returns the URL of the address that this process has bound, where no other
// program can answer.
func (s *Server) pageURL() (string, error) {
	l := s.page
	if l == nil || l.network != "tcp" {
		return "", errors.New("admin.listen is not a TCP address, so a browser cannot open the page; set it to 127.0.0.1:8586")
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

// pageHost returns the host with which a browser on this machine reaches the bound address:
// if possible, one that the certificate is valid for.
func pageHost(bound string, cert *x509.Certificate) string {
	hosts := []string{bound}
	switch ip := net.ParseIP(bound); {
	case ip != nil && ip.IsUnspecified(): // IPv4 and IPv6, if the system has both
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

// Redeem exchanges the code of a SignInLink for a session. It returns false if the code was
// already used or is too old.
func (s *Server) Redeem(w http.ResponseWriter, code string) (api.Session, bool) {
	token, until, ok := s.guard.sessions.redeem(code)
	if !ok {
		return api.Session{}, false
	}
	name, _ := s.guard.sessions.check(token)
	nameCaller(w, "session "+name)
	return api.Session{Session: token, ExpiresAt: until.UTC()}, true
}

// SignOut ends the session of r. It returns false if r has none.
func (s *Server) SignOut(r *http.Request) bool {
	c := CallerOf(r)
	if c.session == "" {
		return false
	}
	s.guard.sessions.end(c.session)
	return true
}

// WatchKind returns the class of the caller for the limit of streams: commands, signed-in
// callers and others have separate limits.
func WatchKind(r *http.Request) string {
	switch {
	case listenerOf(r).kind == kindControl:
		return "command"
	case CallerOf(r).SignedIn:
		return "signed in"
	}
	return "anybody"
}
