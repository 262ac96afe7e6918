package access

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Options say where the admin side listens and what callers need.
type Options struct {
	Listen string // host:port, or unix:/path; "": no page
	Token  string // Bearer token; "": none
	Cert   string // certificate and key of Listen, PEM files; "": no TLS
	Key    string
	Health string // host:port, or unix:/path, for health and metrics only; "": none
	// Control is the listener of the commands, whose callers can do everything. Open
	// takes ownership. nil: there is none.
	Control net.Listener
	Audit   io.Writer // gets a line, in one Write, for each call that shows contents or changes state; nil: no log
	Logger  *slog.Logger

	// Lane returns the id of an event set that a caller named, or "" if it does not exist,
	// so that the audit log contains no arbitrary text; nil: none exist.
	Lane func(name string) string

	// Patience is how long a signed-in caller can stop reading an answer; 0: 30 s.
	Patience time.Duration
}

// Errors of Open (docs/contract.md 3).
var (
	ErrTokenNeeded = errors.New("admin.listen is not loopback, so admin.token must be set")
	ErrTLSNeeded   = errors.New("admin.listen is not loopback, so admin.tls must be set")
	ErrHealth      = errors.New("cannot listen on health.listen")
	ErrCertificate = errors.New("admin.tls cannot be used")
)

// Server is the listeners of the admin side. Open binds them, Serve serves them.
type Server struct {
	listeners []*listener
	page      *listener // the one of admin.listen; nil: none
	guard     *guard
	audit     *auditLog
	lane      func(string) string
	patience  time.Duration
}

// Open checks the options and binds the listeners. Connections made before Serve wait. On
// error it closes o.Control.
func Open(o Options) (_ *Server, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{guard: newGuard(o.Token), audit: &auditLog{w: o.Audit, log: o.Logger}, lane: o.Lane, patience: cmp.Or(o.Patience, moveTimeout)}
	if o.Control != nil {
		s.listeners = append(s.listeners, newListener(kindControl, o.Control, true, slog.New(slog.DiscardHandler)))
	}
	defer func() {
		if err != nil {
			for _, l := range s.listeners {
				l.listener.Close()
			}
		}
	}()
	if o.Listen != "" {
		if s.page, err = openPage(o); err != nil {
			return nil, err
		}
		s.listeners = append(s.listeners, s.page)
	}
	if o.Health != "" {
		l, err := openHealth(o)
		if err != nil {
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// PageAddr returns the bound address of the page: host:port, unix:/path, or "".
func (s *Server) PageAddr() string {
	switch {
	case s.page == nil:
		return ""
	case s.page.network == "unix":
		return "unix:" + s.page.addr
	}
	return s.page.addr
}

// HealthAddr returns the bound address of the health listener, or "".
func (s *Server) HealthAddr() string { return s.addr(kindHealth) }

// ControlAddr returns the address of the control socket.
func (s *Server) ControlAddr() string { return s.addr(kindControl) }

func (s *Server) addr(k kind) string {
	for _, l := range s.listeners {
		if l.kind == k {
			return l.addr
		}
	}
	return ""
}

// HasToken reports whether a token is configured.
func (s *Server) HasToken() bool { return s.guard.hasToken }

// Serve serves the routes until all listeners are closed. Each listener that ends calls
// ended, which must close the others.
func (s *Server) Serve(r *Routes, ended func()) error {
	h := r.handler()
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		l.http.Handler = h
		go func() { failed <- l.run() }()
	}
	var errs []error
	for range s.listeners {
		errs = append(errs, <-failed)
		ended()
	}
	return errors.Join(errs...)
}

// Close stops the listeners and waits for requests in progress until ctx ends.
func (s *Server) Close(ctx context.Context) {
	var wg sync.WaitGroup
	for _, l := range s.listeners {
		wg.Go(func() { l.close(ctx) })
	}
	wg.Wait()
}
