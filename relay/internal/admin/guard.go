package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"

	"relay/internal/loopback"
	"relay/relay/internal/api"
)

// access is what a route needs (docs/contract.md 3). Over the control socket everybody
// who gets a connection may do everything; over TCP:
type access int

const (
	accessHealth  access = iota // anybody, from anywhere
	accessMetrics               // anybody
	accessOpen                  // anybody: page, assets, who answers; nothing of the queue is in them
	accessRead                  // numbers: anybody on loopback, elsewhere whoever is signed in
	accessSecret                // contents, letters, the text of a file, names: whoever is signed in
	accessChange                // changes state: the same, and the header X-Relay
	accessSignIn                // makes a session of a code: the header X-Relay
)

// caller is who asks.
type caller struct {
	who      string // for the audit log: a uid, a session; never a name or a secret
	session  string // the session's key when it is one
	signedIn bool   // may see contents and change state
}

type callerKey struct{}

// callerOf says who sent r.
func callerOf(r *http.Request) caller {
	c, _ := r.Context().Value(callerKey{}).(caller)
	return c
}

// guard decides who may see and do what, and before that, that no web page from
// elsewhere is talking: a browser on this machine reaches loopback with or
// without its user's will.
type guard struct {
	token    [sha256.Size]byte
	hasToken bool
	sessions *sessions
}

func newGuard(o Options) *guard {
	return &guard{hasToken: o.Token != "", token: sha256.Sum256([]byte(o.Token)), sessions: newSessions()}
}

// wrap puts the guard and the headers of every answer in front of h.
func (g *guard) wrap(need access, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if len(r.TransferEncoding) > 0 { // nobody who means well sends it here; with a length beside it, it hides a second request
			w.Header().Set("Connection", "close")
		}
		d := doorOf(r)
		switch {
		case d.kind == doorHealth && need > accessMetrics:
			writeError(w, http.StatusNotFound, "unknown_path", "there is nothing at this address; it serves health and metrics alone")
			return
		case need != accessHealth && !d.knowsHost(r.Host):
			writeError(w, http.StatusForbidden, "host_not_allowed", "this address is not one relay answers to; use the loopback address")
			return
		case crossSite(r):
			writeError(w, http.StatusForbidden, "cross_site", "requests from other web sites are not answered; type the address instead of following a link")
			return
		}
		who := g.identify(r, d)
		if !who.signedIn && (need == accessSecret || need == accessChange || need == accessRead && !d.local) {
			g.refuse(w, need)
			return
		}
		if need >= accessChange && r.Header.Get(api.ChangeHeader) != "1" {
			writeError(w, http.StatusForbidden, "header_needed", "whatever changes something needs the header X-Relay: 1")
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

// refuse answers one who is not signed in. Where no token is configured there is
// nothing to guess at.
func (g *guard) refuse(w http.ResponseWriter, need access) {
	if !g.hasToken && need != accessRead {
		writeError(w, http.StatusNotFound, "not_here", "over this address relay shows no contents and changes nothing: use the command, "+
			"sign a browser in with `relay page`, or set admin.token")
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="relay admin"`)
	writeError(w, http.StatusUnauthorized, "token_needed", "this needs the admin token or a session (Authorization: Bearer …); `relay page` signs a browser in")
}

// identify says who asks: the user at the other end of the control socket, or the
// holder of the token or of a session.
func (g *guard) identify(r *http.Request, d *door) caller {
	if d.kind == doorControl {
		return caller{who: peerName(r), signedIn: true}
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return caller{}
	}
	token = strings.TrimSpace(token)
	sum := sha256.Sum256([]byte(token))
	if g.hasToken && subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1 {
		return caller{who: "token", signedIn: true}
	}
	if name, ok := g.sessions.check(token); ok {
		return caller{who: "session " + name, session: token, signedIn: true}
	}
	return caller{}
}

// knowsHost fends off DNS rebinding: a page at evil.example whose name now
// resolves to 127.0.0.1 still says evil.example in Host. Off loopback any name
// will do: TLS and the token guard everything worth reading.
func (d *door) knowsHost(host string) bool {
	if !d.local || d.network == "unix" || d.kind == doorControl {
		return true
	}
	return loopback.Name(strings.ToLower(hostOnly(host)))
}

// crossSite reports whether a browser says that another site asks, be it by a
// link.
func crossSite(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return true
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host)
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
