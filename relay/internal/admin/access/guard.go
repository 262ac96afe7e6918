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

// Need is the permission that a route requires (docs/contract.md 3). Callers of the control
// socket have all permissions.
type Need int

// The needs over TCP, the weakest first.
const (
	Health   Need = iota // any caller, any Host
	Metrics              // any caller
	Anybody              // any caller: page, assets, ping; they contain no data of the queue
	Numbers              // any caller on loopback, otherwise a signed-in caller
	Contents             // a signed-in caller: events, letters, text of files, names
	Change               // a signed-in caller with the header X-Relay: changes state
	SignIn               // any caller with the header X-Relay: redeems a sign-in code
)

// Caller is the sender of a request.
type Caller struct {
	who      string // for the audit log: a uid or a session; never a name or a secret
	session  string // token of the session; "": none
	SignedIn bool   // can see contents and change state
}

type callerKey struct{}

// CallerOf returns the caller of r.
func CallerOf(r *http.Request) Caller {
	c, _ := r.Context().Value(callerKey{}).(Caller)
	return c
}

// guard checks the permissions of callers. Before that it refuses requests of other web
// sites: any page in a browser on this machine can reach loopback.
type guard struct {
	token    [sha256.Size]byte
	hasToken bool
	sessions *sessions
}

func newGuard(token string) *guard {
	return &guard{hasToken: token != "", token: sha256.Sum256([]byte(token)), sessions: newSessions()}
}

// wrap returns a handler that checks need, sets the headers of every answer and calls h.
func (g *guard) wrap(need Need, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if len(r.TransferEncoding) > 0 { // no known client sends it; together with a length it can smuggle a second request
			w.Header().Set("Connection", "close")
		}
		l := listenerOf(r)
		switch {
		case l.kind == kindHealth && need > Metrics:
			WriteError(w, http.StatusNotFound, "unknown_path", "this address does not exist; this listener serves only health and metrics")
			return
		case need != Health && !l.knowsHost(r.Host):
			WriteError(w, http.StatusForbidden, "host_not_allowed", "relay does not answer under this host name; use the loopback address")
			return
		case crossSite(r):
			WriteError(w, http.StatusForbidden, "cross_site", "requests from other web sites are refused; enter the address instead of following a link")
			return
		}
		who := g.identify(r, l)
		if !who.SignedIn && (need == Contents || need == Change || need == Numbers && !l.local) {
			g.refuse(w, need)
			return
		}
		if need >= Change && r.Header.Get(api.ChangeHeader) != "1" {
			WriteError(w, http.StatusForbidden, "header_needed", "a request that changes something requires the header X-Relay: 1")
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

// refuse answers a caller who is not signed in. Without a configured token the route does
// not exist, so that there is nothing to guess.
func (g *guard) refuse(w http.ResponseWriter, need Need) {
	if !g.hasToken && need != Numbers {
		WriteError(w, http.StatusNotFound, "not_here", "relay does not show contents or accept changes at this address: use the relay command, "+
			"sign a browser in with `relay page`, or set admin.token")
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="relay admin"`)
	WriteError(w, http.StatusUnauthorized, "token_needed", "this call needs the admin token or a session (Authorization: Bearer …); `relay page` signs a browser in")
}

// identify returns the caller: the user at the other end of the control socket, or the
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

// knowsHost reports whether the Host header is allowed. It stops DNS rebinding: a page at
// evil.example that resolves to 127.0.0.1 still sends Host: evil.example. Off loopback any
// name is allowed, because TLS and the token protect the data.
func (l *listener) knowsHost(host string) bool {
	if !l.local || l.network == "unix" || l.kind == kindControl || l.kind == kindOrder {
		return true
	}
	return loopback.Name(strings.ToLower(hostOnly(host)))
}

// crossSite reports whether the browser marks the request as coming from another site, even
// by a link.
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

// setHeaders sets the headers of every answer: no inline code, no other origins, no frames,
// no caching.
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

// hostOnly returns a Host header without the port.
func hostOnly(s string) string {
	if h, _, err := net.SplitHostPort(s); err == nil {
		return h
	}
	return strings.Trim(s, "[]")
}

// WriteError answers with an error in relay's format (docs/contract.md 2).
func WriteError(w http.ResponseWriter, status int, code, message string) {
	b, _ := json.Marshal(api.Failure{Code: code, Message: message, Error: message}) // cannot fail: only strings
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
