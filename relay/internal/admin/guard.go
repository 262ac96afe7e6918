package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"

	"relay/internal/loopback"
)

// guard decides who may see what (CONTRACT 3):
//
//	health, metrics   anybody, no token
//	open              page and assets: nothing of the queue in them
//	read              open on loopback; needs the token elsewhere
//	secret            changes state or shows event bodies: the token, when one is set
//
// and, before all of it, that no web page from elsewhere is talking: a browser
// on this machine can reach loopback, with or without its user's will.
type guard struct {
	token    [sha256.Size]byte
	hasToken bool
	local    bool // loopback or unix socket
	unix     bool
}

// access is what a route needs.
type access int

const (
	accessHealth access = iota
	accessMetrics
	accessOpen
	accessRead
	accessSecret
)

func newGuard(o Options, network string, local bool) *guard {
	return &guard{local: local, unix: network == "unix", hasToken: o.Token != "", token: sha256.Sum256([]byte(o.Token))}
}

// wrap puts the guard and the headers of every answer in front of h.
func (g *guard) wrap(need access, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if need != accessHealth && !g.knownHost(r.Host) {
			writeError(w, http.StatusForbidden, "host_not_allowed",
				"this address is not one relay answers to; use the loopback address")
			return
		}
		if crossSite(r, need) {
			writeError(w, http.StatusForbidden, "cross_site", "requests from other web sites are not answered")
			return
		}
		switch {
		case need == accessRead && !g.local && !g.authorised(r),
			need == accessSecret && !g.authorised(r):
			w.Header().Set("WWW-Authenticate", `Bearer realm="relay admin"`)
			writeError(w, http.StatusUnauthorized, "token_needed", "this needs the admin token (Authorization: Bearer …)")
			return
		}
		bare := r.ContentLength == 0 && len(r.Header["Content-Type"]) == 0 // as `curl -X POST` sends; a web page's has an Origin
		if r.Method == http.MethodPost && need == accessSecret && !bare && !isJSON(r) {
			// A form on a web page cannot send this type without asking first.
			writeError(w, http.StatusUnsupportedMediaType, "json_needed", "send Content-Type: application/json")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// authorised reports whether r may do what is secret: it carries the token,
// or none is set. A wrong token is never better than none.
func (g *guard) authorised(r *http.Request) bool {
	if !g.hasToken {
		return true
	}
	scheme, tok, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(tok)))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// knownHost fends off DNS rebinding: a page at evil.example whose name now
// resolves to 127.0.0.1 still says evil.example in Host. Where the token
// guards everything worth reading, any name will do.
func (g *guard) knownHost(host string) bool {
	if !g.local || g.unix {
		return true
	}
	h := strings.ToLower(hostOnly(host))
	return loopback.Name(h)
}

// crossSite reports whether a browser says that another site asks. The one
// thing allowed is following a link to the page itself.
func crossSite(r *http.Request, need access) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site != "" && site != "same-origin" && site != "none" {
		link := need == accessOpen && r.Method == http.MethodGet &&
			r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		if !link {
			return true
		}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
}

func isJSON(r *http.Request) bool {
	ct, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(ct), "application/json")
}

// setHeaders are on every answer: nothing inline, nothing from elsewhere, no
// frame around it, nothing kept.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// hostOnly drops the port of a Host header.
func hostOnly(s string) string {
	if h, _, err := net.SplitHostPort(s); err == nil {
		return h
	}
	return strings.Trim(s, "[]")
}
