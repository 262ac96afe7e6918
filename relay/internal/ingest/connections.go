package ingest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds the number of connections. When a new one comes and all places are taken,
// another is closed for it: the one idle longest, or else the one whose body is furthest behind
// minRate. So a thousand clients that hold connections without using them, or begin bodies and
// do not finish them, keep nobody else out. If all are working, another quarter is accepted and
// answered 429; connections beyond that are closed.
type connections struct {
	most int

	mu  sync.Mutex
	all map[net.Conn]*connState
}

// connectionLimit returns how many connections a process can keep that can open this many files.
// Another quarter, the admin side and the queue's files must be open beside them: if no file
// can be opened, the next client is not even accepted, and no connection is closed for it.
func connectionLimit(files int) int { return max(4, (files-64)/2) }

// minRate is how many bytes of a body must arrive per second; a slower connection can be closed
// if another needs its place or its buffers. While there is room, only StallTimeout and
// ReadTimeout close slow connections.
const (
	minRate = 4 << 10
	ahead   = time.Second            // how far ahead of minRate a sender can be
	patient = 250 * time.Millisecond // time before the first bytes are due
)

// phase is the state of a connection.
type phase int

const (
	idle      phase = iota // between requests, or reading a header
	receiving              // relay waits for the client, to use the body or to discard it
	working                // the request has been read: the client waits for relay
)

// connState is the state of a connection. Its methods do nothing on nil: a request that did not
// come over a listener of this package has none.
type connState struct {
	of      *connections
	conn    net.Conn
	crowded bool // over the limit

	// Guarded by of.mu.
	phase phase
	since time.Time     // start of the idle phase
	due   time.Time     // receiving: until when the bytes that have arrived satisfy minRate
	holds bool          // receiving: the request holds buffers
	ended bool          // closed in favour of another connection
	left  chan struct{} // of an ended one: closed once it has returned its buffers
}

func newConnections(most int) *connections {
	return &connections{most: most, all: map[net.Conn]*connState{}}
}

type connStateKey struct{}

func connStateOf(ctx context.Context) *connState {
	p, _ := ctx.Value(connStateKey{}).(*connState)
	return p
}

// refusal returns the answer to a connection over the limit, or nil.
func (p *connState) refusal() *failure {
	if p != nil && p.crowded {
		return failCrowded
	}
	return nil
}

// admit is http.Server's ConnContext hook: it is called first for each connection.
func (c *connections) admit(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	p := &connState{of: c, conn: conn, since: now}
	if len(c.all) >= c.most {
		if victim := c.longestIdle(); victim != nil {
			c.end(victim)
		} else if victim := c.slowest(now, func(*connState) bool { return true }); victim != nil {
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
	return withHead(context.WithValue(ctx, connStateKey{}, p), conn)
}

// state is http.Server's ConnState hook.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.all[conn]
	if pc, ok := conn.(*protocolConn); ok && s == http.StateIdle {
		pc.head.reset()
	}
	switch {
	case p == nil:
	case s == http.StateIdle:
		p.phase, p.since = idle, time.Now()
	case s == http.StateActive:
		p.startReceiving()
	case s == http.StateClosed, s == http.StateHijacked:
		delete(c.all, conn)
	}
}

// startReceiving starts the receiving phase. The caller holds of.mu.
func (p *connState) startReceiving() {
	p.phase, p.holds, p.due = receiving, false, time.Now().Add(patient)
}

// received records that n bytes of the body have arrived and are held in buffers. It returns
// false if the connection was closed in favour of another one.
func (p *connState) received(n int) bool {
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

// startWorking records that the request has been read.
func (p *connState) startWorking() {
	if p == nil {
		return
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.phase, p.holds = working, false
}

// answered records that the request has returned its buffers. The rest of its body is still
// awaited, to be discarded.
func (p *connState) answered() {
	if p == nil {
		return
	}
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.startReceiving()
	if p.left != nil {
		close(p.left)
		p.left = nil
	}
}

// makeRoom closes the connection whose body is furthest behind, among those that hold buffers,
// and returns once it has returned them. It returns false if none is behind, or if p itself is
// furthest behind.
//
// Invariant: a connection that waits here cannot be closed, so no two wait for each other.
func (p *connState) makeRoom() bool {
	if p == nil {
		return false
	}
	c := p.of
	c.mu.Lock()
	defer c.mu.Unlock()
	start := time.Now()
	victim := c.slowest(start, func(o *connState) bool { return o.holds })
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

// end closes a connection in favour of another one. The caller holds c.mu.
func (c *connections) end(p *connState) {
	p.ended = true
	delete(c.all, p.conn)
	_ = p.conn.Close()
}

func (c *connections) longestIdle() (longest *connState) {
	for _, p := range c.all {
		if p.phase == idle && (longest == nil || p.since.Before(longest.since)) {
			longest = p
		}
	}
	return longest
}

// slowest returns the eligible connection that is furthest behind minRate, or nil if none is
// behind.
func (c *connections) slowest(now time.Time, eligible func(*connState) bool) (slowest *connState) {
	for _, p := range c.all {
		if p.phase == receiving && p.due.Before(now) && eligible(p) && (slowest == nil || p.due.Before(slowest.due)) {
			slowest = p
		}
	}
	return slowest
}
