package config

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"relay/internal/loopback"
)

// pathOfRelay matches a path that a relay has itself, such as /v1/batch.
var pathOfRelay = regexp.MustCompile(`/v1(/[a-z]+)?$`)

// checkForward checks a relay that forwards: it has neither mapping nor token, and
// does not send its key unencrypted.
func (l *loader) checkForward() {
	f := &l.cfg.Forward
	if f.URL == "" {
		if !f.Key.IsEmpty() {
			l.errorf("forward.key", "forward.url is not set").WithHint("set forward.url to the address of the hub, or remove this key")
		}
		if f.Keep != 0 {
			l.errorf("forward.keep", "forward.url is not set").WithHint("set forward.url, or remove this key: only forwarded events have copies")
		}
		return
	}
	f.URL = strings.TrimRight(f.URL, "/")
	u, err := url.Parse(f.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		l.errorf("forward.url", "expected a URL such as https://hub.example.com").WithHint("write scheme and host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		l.errorf("forward.url", "a user, query or fragment is not allowed here").WithHint("write scheme and host only; the key belongs in forward.key")
	case pathOfRelay.MatchString(u.Path):
		l.errorf("forward.url", "%s is one of relay's own paths; relay appends /v1/forward to forward.url", u.Path).
			WithHint("write only the hub's address: %s", strings.TrimSuffix(f.URL, u.EscapedPath()))
	case l.ownAddress(u) != "":
		l.errorf("forward.url", "this is %s of this relay, which would forward to itself", l.ownAddress(u)).
			WithHint("write the listen address of the hub")
	case u.Scheme == "http" && !loopback.Address(u.Hostname()):
		l.errorf("forward.url", "plain http would send the key and customer data unencrypted").WithHint("write https://%s", u.Host)
	}
	if l.unset("forward.key") {
		l.errorf("forward.url", "forward.key is not set, or empty").WithHint("set forward.key to the key that auth.keys at the hub has for this store")
	} else if why := WeakToken(f.Key.Reveal()); why != "" && !f.Key.IsEmpty() { // an unreadable one is already reported
		l.warnf("forward.key", "%s", why).WithHint("make one for each store: openssl rand -hex 24")
	}
	for _, key := range []string{"mapping", "graph.access_token", "graph.access_token_file", "graph.dry_run"} {
		if !l.unset(key) {
			l.errorf(key, "forward.url is set too, and the hub maps and uploads").WithHint("remove one of the two")
		}
	}
	l.cfg.Mapping = ""
}

// unset reports whether a key is missing or empty.
func (l *loader) unset(key string) bool {
	v, ok := l.values[key]
	if !ok || v.IsNull() {
		return true
	}
	text, ok := textOf(v)
	return ok && strings.TrimSpace(text) == ""
}

// ownAddress returns the setting that makes u an address of this relay; "": none.
func (l *loader) ownAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	at, err := ParseAddress(net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return ""
	}
	for _, own := range []struct{ key, address string }{{"listen", l.cfg.Listen}, {"admin.listen", l.cfg.Admin.Listen}, {"health.listen", l.cfg.Health.Listen}} {
		a, err := ParseAddress(own.address)
		if err != nil || !a.clashes(at) {
			continue
		}
		if sameHost(a.Host, at.Host) || at.Local() { // another machine can use the same port
			return own.key
		}
	}
	return ""
}
