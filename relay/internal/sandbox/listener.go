package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve answers on ln until ctx is done. It then closes ln and every connection
// and returns nil. To refuse connections for a while, close ln
// and serve a new one later; received events stay.
func (s *Sandbox) Serve(ctx context.Context, ln net.Listener) error {
	g := &gated{Listener: ln, gate: &s.gate}
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = srv.Close()
		s.gate.cutOf(g)
	})
	err := srv.Serve(g)
	if stop() { // ctx is not done: the listener failed or was closed
		_ = srv.Close()
		s.gate.cutOf(g)
	} else {
		<-closed
	}
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve sandbox: %w", err)
}

// gate tracks the open connections, to cut them in mode Down.
type gate struct {
	sandbox *Sandbox
	mu      sync.Mutex
	open    map[*tracked]struct{}
}

func (g *gate) cut() { g.cutOf(nil) }

// cutOf resets the connections of one listener; nil: of all.
func (g *gate) cutOf(of *gated) {
	g.mu.Lock()
	var list []*tracked
	for c := range g.open {
		if of == nil || c.from == of {
			list = append(list, c)
		}
	}
	g.mu.Unlock()
	for _, c := range list {
		reset(c)
	}
}

func (g *gate) add(c *tracked) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open == nil {
		g.open = map[*tracked]struct{}{}
	}
	g.open[c] = struct{}{}
}

func (g *gate) remove(c *tracked) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
}

// gated resets new connections while the mode is Down.
type gated struct {
	net.Listener
	gate *gate
}

// Accept returns the next connection that comes while the mode is not Down.
func (l *gated) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		t := &tracked{Conn: c, from: l}
		l.gate.add(t) // before the mode is read, so that cut finds it
		s := l.gate.sandbox
		s.mu.Lock()
		down := s.set.Mode == Down
		if down {
			s.calls.stats.ConnectionsCut++
		}
		s.mu.Unlock()
		if !down {
			return t, nil
		}
		reset(t)
	}
}

// tracked is a connection tracked by the gate.
type tracked struct {
	net.Conn
	from *gated
	once sync.Once
	err  error
}

// Close closes the connection; a second call returns what the first did.
func (c *tracked) Close() error {
	c.once.Do(func() {
		c.from.gate.remove(c)
		c.err = c.Conn.Close()
	})
	return c.err
}

// SetLinger lets reset reach the TCP connection below.
func (c *tracked) SetLinger(sec int) error {
	if t, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		return t.SetLinger(sec)
	}
	return errors.ErrUnsupported
}
