package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Server is the admin side of a relay: the page, the control socket, the health
// listener. New has bound them; Run serves them.
type Server struct {
	o       Options
	guard   *guard
	audit   *auditLog
	doors   []*door
	page    *door // that of admin.listen; nil: none
	history *history
	started time.Time
	hidden  func() // takes the state out of the metrics

	closeOnce  sync.Once
	stopping   chan struct{} // closed by Close: streams end
	reloading  sync.Mutex    // one reload at a time
	forgetting sync.Mutex    // one forget at a time
	copies     copies        // of backups
	watchers   watchers
}

// What New refuses to listen without (docs/contract.md 3).
var (
	ErrTokenNeeded = errors.New("admin.listen is not loopback, so admin.token must be set")
	ErrTLSNeeded   = errors.New("admin.listen is not loopback, so admin.tls must be set")
	ErrHealth      = errors.New("health.listen cannot be listened on")
	ErrCertificate = errors.New("admin.tls cannot be used")
)

// New checks the options, binds the listeners and returns a server that answers
// once Run is called. Connections made before Run wait. It closes o.Control
// when it fails.
func New(o Options) (_ *Server, err error) {
	s := &Server{history: newHistory(), started: time.Now(), stopping: make(chan struct{})}
	if o.Control != nil {
		s.doors = append(s.doors, newDoor(doorControl, o.Control, true, slog.New(slog.DiscardHandler)))
	}
	defer func() {
		if err != nil {
			for _, d := range s.doors {
				d.listener.Close()
			}
		}
	}()
	if s.o, err = o.withDefaults(); err != nil {
		return nil, err
	}
	s.guard = newGuard(s.o)
	s.copies.dir = s.o.Copies
	s.audit = &auditLog{w: s.o.Audit, failed: s.auditFailed}
	for i, open := range []struct {
		addr string
		door func(Options) (*door, error)
	}{{s.o.Listen, openPage}, {s.o.Health, openHealth}} {
		if open.addr == "" {
			continue
		}
		d, err := open.door(s.o)
		if err != nil {
			return nil, err
		}
		s.doors = append(s.doors, d)
		if i == 0 {
			s.page = d
		}
	}
	if s.hidden, err = s.o.Metrics.Show(s.state); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	h := s.handler()
	for _, d := range s.doors {
		d.http.Handler = h
	}
	return s, nil
}

func (s *Server) door(kind doorKind) *door {
	for _, d := range s.doors {
		if d.kind == kind {
			return d
		}
	}
	return nil
}

// Addr is the bound address of the page: host:port, unix:/path, or empty.
func (s *Server) Addr() string {
	switch {
	case s.page == nil:
		return ""
	case s.page.network == "unix":
		return "unix:" + s.page.addr
	}
	return s.page.addr
}

// HealthAddr is the bound address of the health listener, or empty.
func (s *Server) HealthAddr() string { return s.addr(doorHealth) }

// ControlAddr is where the commands come.
func (s *Server) ControlAddr() string { return s.addr(doorControl) }

func (s *Server) addr(kind doorKind) string {
	if d := s.door(kind); d != nil {
		return d.addr
	}
	return ""
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
	failed := make(chan error, len(s.doors))
	for _, d := range s.doors {
		go func() { failed <- d.run() }()
	}
	var errs []error
	for range s.doors { // the first that ends ends them all
		errs = append(errs, <-failed)
		_ = s.Close() //nolint:contextcheck // waits for requests under way, with a deadline of its own
	}
	return errors.Join(errs...)
}

// Close stops the listeners, ends the streams and waits up to three seconds
// for other requests. It may be called twice.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		close(s.stopping)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for _, d := range s.doors {
			wg.Go(func() { d.close(ctx) })
		}
		wg.Wait()
		s.hidden()
	})
	return nil
}
