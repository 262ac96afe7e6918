package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"

	"relay/internal/loopback"
	"relay/relay/internal/api"
)

// Need is what a route needs (docs/contract.md 3). Over the control socket everybody
// who gets a connection may do everything; over TCP:
type Need int

// The needs, the least first.
const (
	Health   Need = iota // anybody, from anywhere
	Metrics              // anybody
	Anybody              // page, assets, who answers: nothing of the queue is in them
	Numbers              // anybody on loopback, elsewhere whoever is signed in
	Contents             // contents, letters, the text of a file, names: whoever is signed in
	Change               // changes state: the same, and the header X-Relay
	SignIn               // makes a session of a code: the header X-Relay
)

// Caller is who asks.
type Caller struct {
	who      string // for the audit log: a uid, a session; never a name or a secret
	session  string // the session's key when it is one
	SignedIn bool   // may see contents and change state
}

type callerKey struct{}

// CallerOf says who sent r.
func CallerOf(r *http.Request) Caller {
	c, _ := r.Context().Value(callerKey{}).(Caller)
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

func newGuard(token string) *guard {
	return &guard{hasToken: token != "", token: sha256.Sum256([]byte(token)), sessions: newSessions()}
}

// wrap puts the guard and the headers of every answer in front of h.
func (g *guard) wrap(need Need, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if len(r.TransferEncoding) > 0 { // nobody who means well sends it here; with a length beside it, it hides a second request
			w.Header().Set("Connection", "close")
		}
		l := listenerOf(r)
		switch {
		case l.kind == kindHealth && need > Metrics:
			WriteError(w, http.StatusNotFound, "unknown_path", "there is nothing at this address; it serves health and metrics alone")
			return
		case need != Health && !l.knowsHost(r.Host):
			WriteError(w, http.StatusForbidden, "host_not_allowed", "relay does not answer under this host name; use the loopback address")
			return
		case crossSite(r):
			WriteError(w, http.StatusForbidden, "cross_site", "requests from other web sites are not answered; type the address instead of following a link")
			return
		}
		who := g.identify(r, l)
		if !who.SignedIn && (need == Contents || need == Change || need == Numbers && !l.local) {
			g.refuse(w, need)
			return
		}
		if need >= Change && r.Header.Get(api.ChangeHeader) != "1" {
			WriteError(w, http.StatusForbidden, "header_needed", "a request that changes something needs the header X-Relay: 1")
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

// refuse answers one who is not signed in. Where no token is configured there is
// nothing to guess at.
func (g *guard) refuse(w http.ResponseWriter, need Need) {
	if !g.hasToken && need != Numbers {
		WriteError(w, http.StatusNotFound, "not_here", "over this address relay shows no contents and changes nothing: use the command, "+
			"sign a browser in with `relay page`, or set admin.token")
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="relay admin"`)
	WriteError(w, http.StatusUnauthorized, "token_needed", "this needs the admin token or a session (Authorization: Bearer …); `relay page` signs a browser in")
}

// identify says who asks: the user at the other end of the control socket, or the
// holder of the token or of a session.
func (g *guard) identify(r *http.Request, l *listener) Caller {
	switch l.kind {
	case kindControl:
		return Caller{who: peerName(r), SignedIn: true}
	case kindOrder:
		return Caller{who: OrderOf(r).Who, SignedIn: true}
	case kindPage, kindHealth:
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return Caller{}
	}
	token = strings.TrimSpace(token)
	sum := sha256.Sum256([]byte(token))
	if g.hasToken && subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1 {
		return Caller{who: "token", SignedIn: true}
	}
	if name, ok := g.sessions.check(token); ok {
		return Caller{who: "session " + name, session: token, SignedIn: true}
	}
	return Caller{}
}

// knowsHost fends off DNS rebinding: a page at evil.example whose name now
// resolves to 127.0.0.1 still says evil.example in Host. Off loopback any name
// will do: TLS and the token guard everything worth reading.
func (l *listener) knowsHost(host string) bool {
	if !l.local || l.network == "unix" || l.kind == kindControl || l.kind == kindOrder {
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

// WriteError answers as every error of relay does (docs/contract.md 2).
func WriteError(w http.ResponseWriter, status int, code, message string) {
	b, _ := json.Marshal(api.Failure{Code: code, Message: message, Error: message}) // of strings: cannot fail
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
