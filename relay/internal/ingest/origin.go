package ingest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"relay/internal/loopback"
)

// originPolicy decides which web pages can send, and under which host names. A page in a
// browser on the same machine can reach a local port, but it cannot leave out its Origin, and
// when it rebinds DNS it cannot choose its Host.
type originPolicy struct {
	any     bool
	origins map[string]bool
	domains []string // from "https://*.example.com": "https://" and ".example.com"
	hosts   map[string]bool
}

func newOriginPolicy(origins, hosts []string) *originPolicy {
	d := &originPolicy{origins: map[string]bool{}, hosts: map[string]bool{}}
	for _, o := range origins {
		o = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(o), "/"))
		switch {
		case o == "*":
			d.any = true
		case strings.Contains(o, "://*."):
			d.domains = append(d.domains, o)
		case o != "":
			d.origins[o] = true
		}
	}
	for _, h := range hosts {
		d.hosts[hostname(strings.TrimSpace(h))] = true
	}
	return d
}

// listed reports whether an Origin is in allowed_origins.
func (d *originPolicy) listed(origin string) bool {
	o := strings.ToLower(origin)
	if d.any || d.origins[o] {
		return true
	}
	for _, p := range d.domains {
		scheme, domain, _ := strings.Cut(p, "*")
		if rest, ok := strings.CutPrefix(o, scheme); ok && strings.HasSuffix(rest, domain) &&
			len(rest) > len(domain) && !strings.ContainsAny(rest, "/@") {
			return true
		}
	}
	return false
}

// foreign reports whether a request comes from a web page that must not send: a page of another
// origin than this listener, and not listed.
func (d *originPolicy) foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		// Browsers send Origin with every POST; recent ones send this header too.
		switch r.Header.Get("Sec-Fetch-Site") {
		case "cross-site", "same-site":
			return true
		}
		return false
	}
	if d.listed(origin) {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
}

// known reports whether the Host of a request is a name of this machine: loopback, listed, or
// empty (no browser sends an empty one). On a unix socket every name is accepted.
func (d *originPolicy) known(r *http.Request) bool {
	h := hostname(r.Host)
	return h == "" || h == "localhost" || h == "127.0.0.1" || loopback.Name(h) || d.hosts[h] || onSocket(r.Context())
}

func onSocket(ctx context.Context) bool {
	a, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr)
	return ok && a.Network() == "unix"
}

// hostname returns the name in host:port in lower case, without brackets and trailing dot.
func hostname(hostport string) string {
	h := hostport
	if strings.HasPrefix(h, "[") {
		if k := strings.IndexByte(h, ']'); k > 0 {
			h = h[1:k]
		}
	} else if k := strings.LastIndexByte(h, ':'); k >= 0 && strings.IndexByte(h, ':') == k {
		h = h[:k]
	}
	return strings.ToLower(strings.TrimSuffix(h, "."))
}

const corsHeaders = "Authorization, Content-Type, Content-Encoding, X-Retry-Count"

// cors sets the headers that a browser requires before a listed page can read the answer.
func (d *originPolicy) cors(h http.Header, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Add("Vary", "Origin")
	if !d.listed(origin) {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	if !d.any {
		h.Set("Access-Control-Allow-Credentials", "true") // sendBeacon requires it
	}
	if r.Method != http.MethodOptions {
		return
	}
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
}
