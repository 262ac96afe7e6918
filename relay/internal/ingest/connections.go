package ingest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections bounds how many there are. When one comes and all places are
// taken, the one that has been idle longest makes room: a thousand clients
// that hold connections without using them keep nobody else out. When all are
// at work, a quarter more are let in to be told 429, and those beyond are
// closed.
type connections struct {
	most int

	mu   sync.Mutex
	all  map[net.Conn]struct{}
	idle map[net.Conn]time.Time // not in a request: since when
}

func newConnections(most int) *connections {
	return &connections{most: most, all: map[net.Conn]struct{}{}, idle: map[net.Conn]time.Time{}}
}

// crowdedKey marks the context of a connection for which there was no place.
type crowdedKey struct{}

// connRefuses returns the answer to a request whose connection may not send it.
func connRefuses(ctx context.Context) *failure {
	if ctx.Value(crowdedKey{}) != nil {
		return failCrowded
	}
	return nil
}

// admit is http.Server's ConnContext hook: it sees each connection first.
func (c *connections) admit(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.all) >= c.most {
		if victim := c.longestIdle(); victim != nil {
			c.forget(victim)
			_ = victim.Close()
		} else {
			ctx = context.WithValue(ctx, crowdedKey{}, true)
		}
	}
	if len(c.all) >= c.most+c.most/4 {
		_ = conn.Close()
		return ctx
	}
	c.all[conn] = struct{}{}
	c.idle[conn] = time.Now()
	return withHead(ctx, conn)
}

// state is http.Server's ConnState hook.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case http.StateIdle:
		if p, ok := conn.(*protocolConn); ok {
			p.asked.next()
		}
		if _, ok := c.all[conn]; ok {
			c.idle[conn] = time.Now()
		}
	case http.StateActive:
		delete(c.idle, conn)
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
}

func (c *connections) forget(conn net.Conn) {
	delete(c.all, conn)
	delete(c.idle, conn)
}

func (c *connections) longestIdle() (conn net.Conn) {
	var since time.Time
	for k, t := range c.idle {
		if conn == nil || t.Before(since) {
			conn, since = k, t
		}
	}
	return conn
}
