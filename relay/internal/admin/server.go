package admin

import (
	"context"
	"fmt"
	"sync"
	"time"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/backup"
)

// Server is the admin side of a relay: the page, the control socket and the health
// listener. New binds their addresses, Run serves them.
type Server struct {
	o       Options
	access  *access.Server
	all     *access.Routes
	history *history
	started time.Time
	hide    func() // removes queue and lanes from the metrics

	closeOnce  sync.Once
	stopping   chan struct{} // closed by Close: streams end
	reloading  sync.Mutex    // one reload at a time
	forgetting sync.Mutex    // one forget at a time
	copies     backup.Copies // temporary copies of backups
	importing  importing
	watchers   watchers
}

// New checks the options and binds the listeners. Connections made before Run wait. On
// error it closes o.Access.Control.
func New(o Options) (*Server, error) {
	s := &Server{o: o.withDefaults(), history: newHistory(), started: time.Now(), stopping: make(chan struct{})}
	s.copies.Dir = s.o.Copies
	s.o.Access.Lane, s.o.Access.Logger = s.knownLane, s.o.Logger
	var err error
	if s.access, err = access.Open(s.o.Access); err != nil {
		return nil, err
	}
	s.all = s.routes()
	if s.hide, err = s.o.Metrics.Show(s.state); err != nil {
		s.access.Close(context.Background())
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return s, nil
}

// Addr returns the bound address of the page: host:port, unix:/path, or "".
func (s *Server) Addr() string { return s.access.PageAddr() }

// HealthAddr returns the bound address of the health listener, or "".
func (s *Server) HealthAddr() string { return s.access.HealthAddr() }

// ControlAddr returns the address of the control socket.
func (s *Server) ControlAddr() string { return s.access.ControlAddr() }

// Run serves until ctx ends or Close is called, then gives requests in progress a few
// seconds to finish. It returns nil after an orderly stop.
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
		_ = s.Close() //nolint:contextcheck // ctx has ended; Close has its own deadline
	})
	return s.access.Serve(s.all, func() { _ = s.Close() }) //nolint:contextcheck // Close has its own deadline
}

// Close stops the listeners, ends the streams and waits up to three seconds for other
// requests. It can be called twice.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		close(s.stopping)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		s.access.Close(ctx)
		s.hide()
	})
	return nil
}

// knownLane returns the id of an existing event set for the audit log; "" for anything
// else, which could be personal data.
func (s *Server) knownLane(name string) string {
	id, err := s.findLane(name)
	if err != nil {
		return ""
	}
	return id
}
