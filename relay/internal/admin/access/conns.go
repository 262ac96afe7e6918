package access

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"relay/internal/socket"
)

// conns bounds the connections of a listener so that nobody is ever locked out: a
// new connection is always taken, and where there are most of them another one is
// closed for it. That is the one that has been without a request longest, then the
// one that has been answering somebody unknown longest. Only a connection that
// answers somebody who is signed in stays; where all do, the new one is closed.
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
	useNone    use = iota // no whole request has come
	useAnybody            // answers somebody who is not signed in
	useSigned             // answers somebody who is
)

type connKey struct{}

func newConns(most int) *conns { return &conns{most: most, all: map[net.Conn]*conn{}} }

// admit is http.Server's ConnContext hook: it sees each connection first.
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

func (p *conns) victim() (victim net.Conn) {
	var v *conn
	for c, o := range p.all {
		if o.use != useSigned && (v == nil || o.use < v.use || o.use == v.use && o.since.Before(v.since)) {
			victim, v = c, o
		}
	}
	return victim
}

// state is http.Server's ConnState hook.
func (p *conns) state(c net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.all, c)
	}
}

// answer says that a whole header has come over the connection of ctx, and from
// whom; the function it returns, that it is answered.
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
