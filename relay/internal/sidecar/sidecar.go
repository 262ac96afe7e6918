// Package sidecar is a running relay: Open binds every part that relay.yaml names
// and wires them together, Run serves until its context ends, Reload takes over
// what has changed. ServeQueue is the part of it that a command needs while no
// relay runs: the admin API over the queue directory.
//
//	ingest ──Append──► queue ──Read──► drain ──► mapper ──► graph
//
// Promises: Open returns a relay whose addresses are bound, or an error and
// nothing open. A stop takes the parts down in the order in which an event passes
// them, so that no accepted event is dropped. A config or mapping that does not
// check out changes nothing but what status and log say of it.
//
// Hazards: routes are fixed when an event is stored, so a half-saved mapping must
// not come into force (still). Two processes must not open one queue: local.Open
// takes the lock, and what a restore has begun is refused (checkRestored).
// Errors carry their exit codes (package exit).
package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"relay/config"
	"relay/config/watch"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/mapper"
	"relay/queue"
	"relay/queue/jetstream"
	"relay/relay/internal/admin"
	"relay/relay/internal/advice"
	"relay/relay/internal/alert"
	"relay/relay/internal/api"
	"relay/relay/internal/control"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
	"relay/relay/internal/logging"
	"relay/relay/internal/metrics"
	"relay/relay/internal/receipts"
	"relay/relay/internal/replicas"
	"relay/relay/internal/spool"
	"relay/relay/internal/systemd"
	"relay/relay/internal/track"
)

// Sidecar is a running relay: every part open and bound, wired together.
//
//	ingest ──Append──► queue ──Read──► drain ──► mapper ──► graph
//	   ▲ Route                            ▲
//	   └──────── liveMapping ─────────────┘ ◄── watcher, SIGHUP, POST /reload
type Sidecar struct {
	log      *slog.Logger
	level    *slog.LevelVar
	logs     *logging.Ring
	alerts   *alert.Watch
	metrics  *metrics.Metrics
	queue    store
	receipts *receipts.Ledger // nil: none are kept
	mapping  *liveMapping
	hub      *forward.Hub    // takes what others forward; nil: this relay forwards itself
	edge     *forward.Client // what it forwards with
	intake   *ingest.Handler
	server   *ingest.Server
	admin    *admin.Server
	audit    *logging.Rotating // of what is done at admin

	configured
	delivery
	dropping
}

// configured is what relay.yaml says.
type configured struct {
	settings  atomic.Pointer[config.Config] // as last accepted; keys that need a restart count as started says
	started   *config.Config
	path      string // of relay.yaml
	watcher   *watch.Watcher
	confState atomic.Pointer[api.FileState]

	reloading sync.Mutex
	source    []byte   // of relay.yaml when it was last still, or read by hand; nil: not known; under reloading once open
	keys      [][]byte // of the queue's encryption, the first one seals; under reloading once open
}

// delivery is what sends.
type delivery struct {
	tokens *tokens
	graph  *graph.Client
	drain  *drain.Supervisor
	clock  atomic.Pointer[drain.Supervisor] // drain, for the queue, which is open before it

	nats  *jetstream.Queue // queue, where it lies on NATS servers; nil: it does not
	lease lease            // of delivering from it
	group *replicas.Group  // the relays that share it; nil: this is the only one
}

// dropping takes files that were dropped.
type dropping struct {
	spool   *spool.Directory // nil: no directory of dropped files
	dropped chan struct{}    // hints to look into it
	sealing *seal.Ring       // what stays of dropped files
}

// Open opens and binds everything that cfg names; nothing runs yet.
// The intake listener is bound first, so that clients of a restart wait
// instead of being refused.
func Open(cfg *config.Config, log *slog.Logger, level *slog.LevelVar) (_ *Sidecar, err error) {
	s := &Sidecar{
		logs: new(logging.Ring), level: level, metrics: metrics.New(Build()),
		configured: configured{path: cfg.File, source: cfg.Source(), started: cfg},
	}
	s.log = s.logs.Logger(log)
	log = s.log
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	s.settings.Store(cfg)
	s.noteConfig(cfg, nil, nil, true)
	if s.keys, err = QueueKeys(cfg.Queue.EncryptionKey); err != nil {
		return nil, exit.BadConfig(err)
	}
	secret, made, err := s.openStore(cfg)
	if err != nil {
		return nil, err
	}
	prints := track.NewPrintKey(s.queue.PrintSecret())
	if s.mapping, err = openMapping(cfg.Mapping, s.queue, secret, log, s.metrics); err != nil {
		return nil, err
	}
	if s.receipts, err = openReceipts(cfg, secret, log); err != nil {
		return nil, err
	}
	if s.receipts != nil {
		s.metrics.Receipts(s.receipts.Stats)
	}
	if made && s.receipts != nil && s.receipts.Stats().Files > 0 {
		log.Warn("the installation's secret was missing and has been replaced: receipts written before cannot be searched for a person", "code", logs.SecretReplaced,
			"file", filepath.Join(cfg.Dir(), seal.SecretName))
	}
	s.tokens = NewTokens(cfg.Graph)
	if s.graph, err = graph.New(GraphOptions(cfg, s.tokens)); err != nil {
		return nil, exit.BadConfig(err)
	}
	if err = s.openForward(cfg, prints); err != nil {
		return nil, err
	}
	if err = s.openIntake(cfg, prints); err != nil {
		return nil, err
	}
	if err = s.openDrain(cfg); err != nil {
		return nil, err
	}
	if err = s.openSpool(cfg, prints); err != nil {
		return nil, err
	}
	if err = s.openReplicas(cfg); err != nil {
		return nil, err
	}
	if err = s.openAdmin(cfg, prints); err != nil {
		return nil, err
	}
	s.openAlerts()
	s.openWatcher(cfg)
	s.mapping.changed = func(*mapper.Mapping) { s.drain.Wake(drain.NewMapping) }
	return s, nil
}

// Run serves until ctx ends, then stops in the order in which an event goes
// its way: no new ones, those under way into the queue, requests in flight
// within their grace time, the queue closed.
func (s *Sidecar) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	var wg sync.WaitGroup
	part := func(name string, ctx context.Context, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	// The admin listener outlives the others: health and status answer while
	// relay stops.
	last, stopLast := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLast()
	var adminDone sync.WaitGroup
	adminDone.Go(func() {
		if err := s.admin.Run(last); err != nil {
			stop(fmt.Errorf("admin: %w", err))
		}
	})
	part("intake", ctx, s.server.Run)
	if s.hub != nil {
		part("hub", ctx, s.hub.Run)
	}
	if s.edge != nil {
		part("edge", ctx, s.edge.Run)
	}
	part("delivery", ctx, s.deliver)
	if s.group != nil {
		part("others", ctx, s.tellOthers)
	}
	part("watch", ctx, s.watcher.Run)
	part("alerts", ctx, s.alerts.Run)
	if s.spool != nil {
		part("spool", ctx, s.spool.Run)
		part("spool watch", ctx, s.watchSpool)
	}
	wg.Go(func() { <-ctx.Done(); systemd.Stopping() })
	adminDone.Go(func() {
		self := control.Client(s.started)
		defer self.Close()
		systemd.KeepWatchdog(last, self.Alive)
	})
	s.announce()
	systemd.Ready("Running")
	wg.Wait()
	stopLast()
	adminDone.Wait()
	err := s.close() //nolint:contextcheck // the context has ended; closing has deadlines of its own
	if cause := context.Cause(ctx); cause != nil && !errors.As(cause, new(exit.Interrupted)) && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	s.log.Info("stopped", "code", logs.Stopped)
	return err
}

func (s *Sidecar) announce() {
	cfg := s.settings.Load()
	st := s.queue.Stats()
	for _, a := range s.server.Addrs() {
		s.log.Info("listening", "code", logs.Listening, "addr", a.String(), "admin", s.admin.Addr(), "health", s.admin.HealthAddr(), "socket", s.admin.ControlAddr(), "queue", placeOf(cfg),
			"mapping", s.mapping.State().Digest, "max_size", st.MaxSize, "version", Build().Version)
	}
	s.sayNoToken()
	if cfg.Graph.DryRun {
		s.log.Warn("dry run", "code", logs.DryRun, "advice", advice.DryRun().String())
	}
}

// close is for Run's end and for an open that failed half way.
func (s *Sidecar) close() error {
	var errs []error
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.Close())
	}
	if s.spool != nil {
		errs = append(errs, s.spool.Close())
	}
	if s.graph != nil {
		errs = append(errs, s.graph.Close())
	}
	if s.receipts != nil {
		errs = append(errs, s.receipts.Close())
	}
	if s.queue != nil {
		errs = append(errs, s.queue.Close())
	}
	return errors.Join(errs...)
}

// Addr is the first address that takes events.
func (s *Sidecar) Addr() string { return s.server.Addrs()[0].String() }

// AdminAddr is the address of the status page.
func (s *Sidecar) AdminAddr() string { return s.admin.Addr() }

// Status is what the status page shows.
func (s *Sidecar) Status() api.Status { return s.admin.Status() }

// Mapping is the mapping in force.
func (s *Sidecar) Mapping() *mapper.Mapping { return s.mapping.Mapping() }

// Lane is what the queue knows of a lane.
func (s *Sidecar) Lane(name string) (queue.LaneStat, bool) { return s.queue.Lane(name) }
