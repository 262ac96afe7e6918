package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/internal/socket"
	"relay/queue"
	"relay/queue/jetstream"
	"relay/relay/internal/admin"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
)

// Several relays can share a queue on NATS servers. Each of them accepts events. The relay
// that holds the lease delivers them and carries out the commands about delivery.

// startPatience is how long a start waits for the servers: longer than the election of a
// leader takes.
const startPatience = 30 * time.Second

// NATSOptions returns the options of the queue of cfg on NATS servers.
func NATSOptions(cfg *config.Config, keys [][]byte, log *slog.Logger) jetstream.Options {
	c, n := cfg.Queue, cfg.Queue.NATS
	o := jetstream.Options{
		URLs: n.URLs, Name: n.Name, Credentials: n.Credentials, User: n.User, Password: n.Password.Reveal(),
		CAFile: n.CAFile, CertFile: n.Cert, KeyFile: n.Key, Monitor: n.Monitor, AssumeSync: n.Sync == "assumed",
		Replicas: n.Replicas, AcceptLoss: n.AcceptLoss, Lease: n.Lease, Holder: relayName(cfg),
		MaxSize: c.MaxSize, DeadMaxSize: c.DeadMaxSize, DedupWindow: c.DedupWindow, AppendTimeout: cfg.Intake.AppendTimeout, Logger: log,
	}
	// queue.max_size limits everything together; dead letters get at most a quarter of it.
	if o.MaxSize == 0 {
		o.MaxSize = 4 << 30
	}
	o.DeadMaxSize = min(o.DeadMaxSize, o.MaxSize/4)
	o.MaxSize -= o.DeadMaxSize
	if len(keys) > 0 {
		o.Key, o.OldKeys = keys[0], keys[1:]
	}
	return o
}

func openNATS(cfg *config.Config, keys [][]byte, log *slog.Logger) (*jetstream.Queue, error) {
	if err := ownDir(cfg); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	for {
		l, err := jetstream.Open(ctx, NATSOptions(cfg, keys, log))
		switch {
		case err == nil:
			return jetstream.NewQueue(l), nil
		case errors.Is(err, jetstream.ErrSetup), errors.Is(err, seal.ErrKey):
			return nil, exit.BadConfig(fmt.Errorf("queue.nats: %w", err))
		}
		select {
		case <-ctx.Done():
			return nil, exit.TryLater(fmt.Errorf("queue.nats: %w", err))
		case <-time.After(time.Second):
		}
	}
}

// ownDir makes the directory of the socket and the audit log. It must belong to this user.
func ownDir(cfg *config.Config) error {
	dir := cfg.Dir()
	if err := disk.MakeDir(dir); err != nil {
		return cfg.Invalid("admin.socket.path", "%v", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("read directory of the socket: %w", err)
	}
	if uid, known := socket.Owner(dir); !info.IsDir() || known && uid != os.Geteuid() {
		return cfg.Invalid("admin.socket.path", "%s belongs to another user or is not a directory", dir)
	}
	return nil
}

// lease is the right to deliver from a shared queue.
type lease struct {
	held atomic.Pointer[jetstream.Lease] // nil: not held
}

func (l *lease) fresh() bool {
	held := l.held.Load()
	return held != nil && held.Fresh()
}

// deliver drains the queue until ctx ends. It drains a shared queue only while this relay
// holds the lease.
func (s *Sidecar) deliver(ctx context.Context) error {
	if s.nats == nil {
		return s.drain.Run(ctx)
	}
	for ctx.Err() == nil {
		held, err := s.nats.Lease(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("cannot find out which relay delivers; retrying", "code", logs.LeaseUnknown, "err", err)
				pause(ctx, time.Second)
			}
			continue
		}
		// The previous holder might have just used up the burst of the rate limit.
		rate := s.settings.Load().Rate
		if rate.RequestsPerSecond > 0 {
			pause(ctx, min(time.Duration(float64(rate.Burst)/rate.RequestsPerSecond*float64(time.Second)), 10*time.Second))
		}
		if err := s.deliverUnder(ctx, held); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sidecar) deliverUnder(ctx context.Context, held *jetstream.Lease) error {
	defer held.Release()
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	s.lease.held.Store(held)
	defer s.lease.held.Store(nil)
	s.log.Info("this relay delivers", "code", logs.LeaseTaken, "queue", s.started.Queue.NATS.Name)
	unserve, err := s.group.ServeDelivery(s.admin.Do)
	if err != nil {
		return err //nolint:wrapcheck // the error names the operation
	}
	defer s.group.Beat()
	defer unserve()
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		select {
		case <-held.Lost():
			cancel()
		case <-run.Done():
		}
	}()
	err = s.drain.Run(run)
	cancel()
	<-lost
	if ctx.Err() == nil {
		s.log.Warn("this relay stopped delivering: it lost the lease", "code", logs.LeaseLost, "queue", s.started.Queue.NATS.Name)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// delivers returns a function that returns which relay delivers; nil: the queue is not
// shared.
func (s *Sidecar) delivers() func() api.Delivers {
	if s.nats == nil {
		return nil
	}
	return func() api.Delivers {
		if s.lease.fresh() {
			return api.Delivers{Here: true}
		}
		name, known := s.nats.Holder()
		return api.Delivers{Relay: name, Silent: !known}
	}
}

// adminDrain returns the drain that the admin API controls.
func (s *Sidecar) adminDrain() admin.Drain {
	if s.nats == nil {
		return s.drain
	}
	return leasedDrain{s.drain, s}
}

// leasedDrain refuses commands unless this relay delivers. The admin API sends them to the
// relay that delivers, so they are refused only if the lease was lost meanwhile.
type leasedDrain struct {
	*drain.Supervisor
	s *Sidecar
}

func (d leasedDrain) mine() error {
	if d.s.lease.fresh() {
		return nil
	}
	return fmt.Errorf("%w: this relay has just lost the lease; run the command again", drain.ErrStandby)
}

// Status returns the lanes; while another relay delivers, every lane is in standby.
func (d leasedDrain) Status() []drain.LaneStatus {
	if d.s.lease.fresh() {
		return d.Supervisor.Status()
	}
	var out []drain.LaneStatus
	for _, l := range d.s.queue.Lanes() {
		out = append(out, drain.LaneStatus{Lane: l.Name, State: drain.Standby})
	}
	if m := d.s.mapping.Mapping(); m != nil {
		for _, set := range m.Sets() {
			out = append(out, drain.LaneStatus{Lane: set.ID, State: drain.Standby})
		}
	}
	return out
}

// Pause pauses a lane.
func (d leasedDrain) Pause(lane string) error {
	if err := d.mine(); err != nil {
		return err
	}
	return d.Supervisor.Pause(lane)
}

// Resume resumes a lane.
func (d leasedDrain) Resume(lane string) error {
	if err := d.mine(); err != nil {
		return err
	}
	return d.Supervisor.Resume(lane)
}

// Forget runs fn, which removes records from the queue.
func (d leasedDrain) Forget(fn func() error) error {
	if err := d.mine(); err != nil {
		return err
	}
	return d.Supervisor.Forget(fn)
}

// Exclusive runs fn while the lane is stopped.
func (d leasedDrain) Exclusive(lane string, fn func(inDoubt []queue.Seq) error) error {
	if err := d.mine(); err != nil {
		return err
	}
	return d.Supervisor.Exclusive(lane, fn)
}
