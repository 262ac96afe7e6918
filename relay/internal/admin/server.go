package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/logs"
	"relay/internal/loopback"
)

// Server is the admin listener. New has bound it; Run serves it.
type Server struct {
	o        Options
	guard    *guard
	listener net.Listener
	http     *http.Server
	history  *history
	started  time.Time

	closeOnce sync.Once
	stopping  chan struct{} // closed by Close: streams end
	reloading sync.Mutex    // one reload at a time
	backingUp sync.Mutex    // one backup at a time
	streams   atomic.Int32  // pages watching
}

// ErrTokenNeeded is returned by New for an address that others can reach
// when no token is set (CONTRACT 3).
var ErrTokenNeeded = errors.New("admin.listen is not loopback, so admin.token must be set")

// New checks the options, binds the listener and returns a server that
// answers once Run is called. Connections made before Run wait.
func New(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	network, address, local, err := splitListen(o.Listen)
	if err != nil {
		return nil, err
	}
	if !local && o.Token == "" {
		return nil, fmt.Errorf("listen on %s: %w", o.Listen, ErrTokenNeeded)
	}
	ln, err := listen(network, address)
	if err != nil {
		return nil, err
	}
	s := &Server{
		o:        o,
		guard:    newGuard(o, network, local),
		listener: ln,
		history:  newHistory(),
		started:  time.Now(),
		stopping: make(chan struct{}),
	}
	if err := o.Metrics.register(s); err != nil {
		ln.Close()
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s.http = &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(o.Logger.With("code", logs.HTTPServer).Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is the bound address: host:port, or unix:/path.
func (s *Server) Addr() string {
	if s.listener.Addr().Network() == "unix" {
		return "unix:" + s.listener.Addr().String()
	}
	return s.listener.Addr().String()
}

// Run serves until ctx ends or Close is called, then lets requests under way
// finish for a few seconds. It returns nil after an orderly stop.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { s.sample(ctx) })
	wg.Go(func() {
		select {
		case <-ctx.Done():
		case <-s.stopping:
		}
		_ = s.Close() //nolint:contextcheck // it has a deadline of its own: ctx has ended
	})
	err := s.http.Serve(s.listener)
	_ = s.Close() //nolint:contextcheck // waits for requests under way, with a deadline of its own
	if err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve admin: %w", err)
	}
	return nil
}

// Close stops the listener, ends the streams and waits up to three seconds
// for other requests. It may be called twice.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		close(s.stopping)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			_ = s.http.Close()
		}
		s.listener.Close() // when Serve was never called
		s.o.Metrics.unregister(s)
	})
	return nil
}

// splitListen reads an admin address. local tells whether only this machine
// can reach it.
func splitListen(s string) (network, address string, local bool, err error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return "", "", false, errors.New("admin.listen: unix: needs a path")
		}
		return "unix", path, true, nil
	}
	host, _, err := net.SplitHostPort(s)
	if err != nil {
		return "", "", false, fmt.Errorf("admin.listen %q: want host:port or unix:/path", s)
	}
	return "tcp", s, loopback.Address(host), nil
}

// listen binds. A socket file that a dead process left behind is replaced; one
// that somebody still serves is not. A socket is for relay's own user.
func listen(network, address string) (net.Listener, error) {
	if network != "unix" {
		ln, err := new(net.ListenConfig).Listen(context.Background(), network, address)
		if err != nil {
			return nil, fmt.Errorf("listen for admin: %w", err)
		}
		return ln, nil
	}
	if fi, err := os.Lstat(address); err == nil {
		if fi.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("listen for admin: %s exists and is not a socket", address)
		}
		if c, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", address); err == nil {
			c.Close()
			return nil, fmt.Errorf("listen for admin: %s is in use by another process", address)
		}
		if err := os.Remove(address); err != nil {
			return nil, fmt.Errorf("remove stale socket: %w", err)
		}
	}
	ln, err := new(net.ListenConfig).Listen(context.Background(), "unix", address)
	if err != nil {
		return nil, fmt.Errorf("listen for admin: %w", err)
	}
	if err := os.Chmod(address, 0o600); err != nil {
		ln.Close()
		return nil, fmt.Errorf("set rights of admin socket: %w", err)
	}
	return ln, nil
}
