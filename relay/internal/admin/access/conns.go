package access

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"relay/internal/socket"
)

// conns limits the connections of a listener without locking anybody out. At the limit it
// closes another connection in favour of a new one: the one that has been without a request
// longest, else the one that has served an unknown caller longest. Connections that serve
// signed-in callers are never closed; if all do, the new one is closed.
type conns struct {
	most int

	mu  sync.Mutex
	all map[net.Conn]*conn
}

type conn struct {
	since time.Time
	use   use
}

type use int

const (
	useNone    use = iota // no request in progress
	useAnybody            // serves a caller who is not signed in
	useSigned             // serves a signed-in caller
)

type connKey struct{}

func newConns(most int) *conns { return &conns{most: most, all: map[net.Conn]*conn{}} }

// admit is the ConnContext hook of http.Server, called for every new connection.
func (p *conns) admit(ctx context.Context, c net.Conn) context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) >= p.most {
		victim := p.victim()
		if victim == nil {
			victim = c
		}
		delete(p.all, victim)
		_ = victim.Close()
		if victim == c {
			return ctx
		}
	}
	p.all[c] = &conn{since: time.Now()}
	return context.WithValue(context.WithValue(ctx, connKey{}, c), peerKey{}, socket.PeerOf(c))
}

// victim returns the connection to close, or nil if all serve signed-in callers. The caller
// holds p.mu.
func (p *conns) victim() (victim net.Conn) {
	var v *conn
	for c, o := range p.all {
		if o.use != useSigned && (v == nil || o.use < v.use || o.use == v.use && o.since.Before(v.since)) {
			victim, v = c, o
		}
	}
	return victim
}

// state is the ConnState hook of http.Server.
func (p *conns) state(c net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.all, c)
	}
}

// answer records that the connection of ctx serves a request of a caller of class u. The
// caller calls done when the request is answered.
func (p *conns) answer(ctx context.Context, u use) (done func()) {
	c, _ := ctx.Value(connKey{}).(net.Conn)
	set := func(u use) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if o := p.all[c]; o != nil {
			o.use, o.since = u, time.Now()
		}
	}
	set(u)
	return func() { set(useNone) }
}
