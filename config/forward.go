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

// checkForward: who forwards has neither mapping nor token, and shows its key to
// nobody on the way.
func (l *loader) checkForward() {
	f := &l.cfg.Forward
	if f.URL == "" {
		if !f.Key.IsEmpty() {
			l.errorf("forward.key", "forward.url is not set").WithHint("name the relay that takes what is forwarded")
		}
		if f.Keep != 0 {
			l.errorf("forward.keep", "forward.url is not set").WithHint("copies are kept of what is forwarded")
		}
		return
	}
	f.URL = strings.TrimRight(f.URL, "/")
	u, err := url.Parse(f.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		l.errorf("forward.url", "expected a URL such as https://hub.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		l.errorf("forward.url", "a user, query or fragment has no place here")
	case pathOfRelay.MatchString(u.Path):
		l.errorf("forward.url", "the path %s is one of the paths of a relay; this relay asks for forward.url followed by /v1/forward", u.Path).
			WithHint("write the address of the hub's relay alone: %s", strings.TrimSuffix(f.URL, u.EscapedPath()))
	case l.ownAddress(u) != "":
		l.errorf("forward.url", "this is %s of this relay: it would forward to itself", l.ownAddress(u)).
			WithHint("name the listen address of the relay that takes what is forwarded")
	case u.Scheme == "http" && !loopback.Address(u.Hostname()):
		l.errorf("forward.url", "plain http would send the key and the customers' data in clear").WithHint("write https://%s", u.Host)
	}
	if l.unset("forward.key") {
		l.errorf("forward.url", "forward.key is not set, or empty").WithHint("give it the key that auth.keys at the hub has for this store")
	} else if why := WeakToken(f.Key.Reveal()); why != "" && !f.Key.IsEmpty() { // one that cannot be read is said already
		l.warnf("forward.key", "%s", why).WithHint("make one for each store: openssl rand -hex 24")
	}
	for _, key := range []string{"mapping", "graph.access_token", "graph.access_token_file", "graph.dry_run"} {
		if !l.unset(key) {
			l.errorf(key, "forward.url is set too: the relay there maps and uploads").WithHint("remove one of the two")
		}
	}
	l.cfg.Mapping = ""
}

// unset says whether a key is not in the file, or is there with nothing in it.
func (l *loader) unset(key string) bool {
	v, ok := l.values[key]
	if !ok || v.IsNull() {
		return true
	}
	text, ok := textOf(v)
	return ok && strings.TrimSpace(text) == ""
}

// ownAddress says which setting makes u an address of this relay; "": none does.
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
		if sameHost(a.Host, at.Host) || at.Local() { // another machine may have the port too
			return own.key
		}
	}
	return ""
}
