package ingest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds how many there are. When one comes and all places are
// taken, another makes room: the one that has been idle longest, else the one
// whose body is furthest behind minRate. So a thousand clients that hold
// connections without using them, or begin bodies and do not finish them, keep
// nobody else out. When all are at work, a quarter more are let in to be told
// 429, and those beyond are closed.
type connections struct {
	most int

	mu  sync.Mutex
	all map[net.Conn]*place
}

// mostOf is how many connections a process that may open so many files can keep. A
// quarter more, the admin side and the queue's own files have to be open beside them:
// when none can be opened, the next client is not even accepted, and nobody makes room.
func mostOf(files int) int { return max(4, (files-64)/2) }

// minRate is how many bytes of a body a second keep its connection from being
// closed when others need its place or its buffers. Nobody is closed for being
// slow while there is room: until then StallTimeout and ReadTimeout decide.
const (
	minRate = 4 << 10
	ahead   = time.Second            // what a sender may have sent before it was due
	patient = 250 * time.Millisecond // before the first bytes are due
)

// phase is what a connection is doing.
type phase int

const (
	idle      phase = iota // between requests, or in a header
	receiving              // relay waits for its client, to use what comes or to throw it away
	working                // its request is whole: its client waits for relay
)

// place is what is known of a connection. The methods of a nil one do nothing:
// a request that came over no connection of connections has none.
type place struct {
	of      *connections
	conn    net.Conn
	crowded bool // there was no place for it

	// Guarded by of.mu.
	phase phase
	since time.Time     // when it became idle
	due   time.Time     // receiving: until when what has arrived suffices for minRate
	holds bool          // receiving: and the request has buffers
	ended bool          // closed, for another's sake
	left  chan struct{} // of one that was ended: closed once it has given its buffers back
}

func newConnections(most int) *connections {
	return &connections{most: most, all: map[net.Conn]*place{}}
}

type placeKey struct{}

func placeOf(ctx context.Context) *place {
	p, _ := ctx.Value(placeKey{}).(*place)
	return p
}

// refuses returns the answer to a request whose connection may not send it.
func (p *place) refuses() *failure {
	if p != nil && p.crowded {
		return failCrowded
	}
	return nil
}

// admit is http.Server's ConnContext hook: it sees each connection first.
func (c *connections) admit(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	p := &place{of: c, conn: conn, since: now}
	if len(c.all) >= c.most {
		if victim := c.longestIdle(); victim != nil {
			c.end(victim)
		} else if victim := c.slowest(now, func(*place) bool { return true }); victim != nil {
			c.end(victim)
		} else {
			p.crowded = true
		}
	}
	if len(c.all) >= c.most+c.most/4 {
		_ = conn.Close()
		return ctx
	}
	c.all[conn] = p
	return withHead(context.WithValue(ctx, placeKey{}, p), conn)
}

// state is http.Server's ConnState hook.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.all[conn]
	if pc, ok := conn.(*protocolConn); ok && s == http.StateIdle {
		pc.asked.next()
	}
	switch {
	case p == nil:
	case s == http.StateIdle:
		p.phase, p.since = idle, time.Now()
	case s == http.StateActive:
		p.receives()
	case s == http.StateClosed, s == http.StateHijacked:
		delete(c.all, conn)
	}
}

// receives begins to wait for the client. The caller holds of.mu.
func (p *place) receives() {
	p.phase, p.holds, p.due = receiving, false, time.Now().Add(patient)
}

// received says that n bytes of the body have arrived, in buffers. false: the
// connection was closed for another's sake.
func (p *place) received(n int) bool {
	if p == nil {
		return true
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.holds = true
	p.due = p.due.Add(time.Duration(n) * time.Second / minRate)
	if most := time.Now().Add(ahead); p.due.After(most) {
		p.due = most
	}
	return !p.ended
}

// works says that the request has been read.
func (p *place) works() {
	if p == nil {
		return
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.phase, p.holds = working, false
}

// answered says that the request has given back what it held. What is left of
// its body is still waited for, to be thrown away.
func (p *place) answered() {
	if p == nil {
		return
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.receives()
	if p.left != nil {
		close(p.left)
		p.left = nil
	}
}

// makeRoom closes the connection whose body is furthest behind, of those that
// hold buffers, and returns once it has given them back. false: nobody is behind,
// or p is furthest.
//
// Invariant: who waits here cannot be closed, so that no two wait for each other.
func (p *place) makeRoom() bool {
	if p == nil {
		return false
	}
	c := p.of
	c.mu.Lock()
	defer c.mu.Unlock()
	start := time.Now()
	victim := c.slowest(start, func(o *place) bool { return o.holds })
	if victim == nil || victim == p || p.ended {
		return false
	}
	left := make(chan struct{})
	victim.left = left
	c.end(victim)
	phase, holds := p.phase, p.holds
	p.phase, p.holds = working, false
	c.mu.Unlock()
	<-left
	c.mu.Lock()
	p.phase, p.holds, p.due = phase, holds, p.due.Add(time.Since(start))
	return true
}

// end closes a connection for another's sake. The caller holds c.mu.
func (c *connections) end(p *place) {
	p.ended = true
	delete(c.all, p.conn)
	_ = p.conn.Close()
}

func (c *connections) longestIdle() (longest *place) {
	for _, p := range c.all {
		if p.phase == idle && (longest == nil || p.since.Before(longest.since)) {
			longest = p
		}
	}
	return longest
}

// slowest is the one furthest behind minRate of those that may be closed, nil
// when nobody is behind.
func (c *connections) slowest(now time.Time, may func(*place) bool) (slowest *place) {
	for _, p := range c.all {
		if p.phase == receiving && p.due.Before(now) && may(p) && (slowest == nil || p.due.Before(slowest.due)) {
			slowest = p
		}
	}
	return slowest
}
