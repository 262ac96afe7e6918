package admin

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"relay/internal/socket"
)

// places bounds the connections of a door so that nobody is ever locked out: a
// new connection is always taken, and where all places are taken another one
// makes room. That is the one that has been without a request longest, then the
// one that has been answering somebody unknown longest. Only whoever is signed
// in keeps a place while it is used; when all are so used, a new connection is
// closed.
type places struct {
	most int

	mu  sync.Mutex
	all map[net.Conn]*place
}

type place struct {
	since time.Time
	use   use
}

type use int

const (
	useNone    use = iota // no whole request has come
	useAnybody            // answers somebody who is not signed in
	useSigned             // answers somebody who is
)

type placeKey struct{}

func newPlaces(most int) *places { return &places{most: most, all: map[net.Conn]*place{}} }

// admit is http.Server's ConnContext hook: it sees each connection first.
func (p *places) admit(ctx context.Context, conn net.Conn) context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) >= p.most {
		victim := p.victim()
		if victim == nil {
			victim = conn
		}
		delete(p.all, victim)
		_ = victim.Close()
		if victim == conn {
			return ctx
		}
	}
	p.all[conn] = &place{since: time.Now()}
	return context.WithValue(context.WithValue(ctx, placeKey{}, conn), peerKey{}, socket.PeerOf(conn))
}

func (p *places) victim() (victim net.Conn) {
	var v *place
	for c, o := range p.all {
		if o.use != useSigned && (v == nil || o.use < v.use || o.use == v.use && o.since.Before(v.since)) {
			victim, v = c, o
		}
	}
	return victim
}

// state is http.Server's ConnState hook.
func (p *places) state(conn net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.all, conn)
	}
}

// enter says that a whole header has come over the connection of ctx, and from
// whom; the function it returns, that it is answered.
func (p *places) enter(ctx context.Context, u use) (leave func()) {
	conn, _ := ctx.Value(placeKey{}).(net.Conn)
	set := func(u use) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if o := p.all[conn]; o != nil {
			o.use, o.since = u, time.Now()
		}
	}
	set(u)
	return func() { set(useNone) }
}
