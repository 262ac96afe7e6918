package ingest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// connections bounds how many there are. When one comes and all places are
// taken, the one that has been idle longest makes room: a thousand clients
// that hold connections without using them keep nobody else out. When all are
// at work, a quarter more are let in to be told 429, and those beyond are
// closed.
type connections struct {
	most      int
	perSecond float64 // requests of one connection; 0: no limit

	mu   sync.Mutex
	all  map[net.Conn]struct{}
	idle map[net.Conn]time.Time // not in a request: since when

	evicted, refused int64
}

// ConnStats is how connections fare.
type ConnStats struct {
	Open    int
	Evicted int64 // idle ones closed to make room, since the start
	Refused int64 // new ones told 429 or closed, since the start
}

// Connections tells how many connections there are.
func (s *Server) Connections() ConnStats {
	c := s.conns
	c.mu.Lock()
	defer c.mu.Unlock()
	return ConnStats{Open: len(c.all), Evicted: c.evicted, Refused: c.refused}
}

func newConnections(most int, perSecond float64) *connections {
	return &connections{most: most, perSecond: perSecond, all: map[net.Conn]struct{}{}, idle: map[net.Conn]time.Time{}}
}

// connState is what requests know about their connection; those of a
// connection without one are free.
type connState struct {
	limit   *rate.Limiter
	crowded bool
}

type connKey struct{}

// connRefuses returns the answer to a request whose connection may not send it.
func connRefuses(ctx context.Context) *failure {
	s, ok := ctx.Value(connKey{}).(*connState)
	switch {
	case !ok:
		return nil
	case s.crowded:
		return failCrowded
	case s.limit != nil && !s.limit.Allow():
		return failRate
	}
	return nil
}

// admit is http.Server's ConnContext hook: it sees each connection first.
func (c *connections) admit(ctx context.Context, conn net.Conn) context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := connState{}
	if len(c.all) >= c.most {
		if victim := c.longestIdle(); victim != nil {
			c.forget(victim)
			c.evicted++
			_ = victim.Close()
		} else {
			c.refused++
			s.crowded = true
		}
	}
	if len(c.all) >= c.most+c.most/4 {
		_ = conn.Close()
		return ctx
	}
	c.all[conn] = struct{}{}
	c.idle[conn] = time.Now()
	if c.perSecond > 0 {
		s.limit = rate.NewLimiter(rate.Limit(c.perSecond), max(int(c.perSecond), 1))
	}
	if s == (connState{}) {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, &s)
}

// state is http.Server's ConnState hook.
func (c *connections) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s {
	case http.StateIdle:
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
