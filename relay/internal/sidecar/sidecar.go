// Package sidecar is a running relay. Open opens and connects every part that relay.yaml
// configures, Run serves until its context ends, and Reload applies changed files.
// ServeQueue serves the admin API from the queue directory, for commands while no relay
// is running.
//
//	ingest ──Append──► queue ──Read──► drain ──► mapper ──► graph
//	   ▲ Route                            ▲
//	   └──────── liveMapping ─────────────┘ ◄── watcher, SIGHUP, POST /reload
//
// Guarantees: Open returns a relay with bound addresses, or an error with nothing open.
// A stop ends the parts in the order in which an event passes through them, so no accepted
// event is dropped. An invalid config or mapping changes nothing except what status and log
// report about it.
//
// Hazards: routes are fixed when an event is stored, so a partly saved mapping must not be
// used (quietPeriod). Two processes must not open the same queue: local.Open takes a lock,
// and checkRestored refuses an unfinished restore. Errors have exit codes (package exit).
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

// Sidecar is a running relay, with every part open and connected.
type Sidecar struct {
	log      *slog.Logger
	level    *slog.LevelVar
	logs     *logging.Ring
	alerts   *alert.Watch
	metrics  *metrics.Metrics
	queue    store
	receipts *receipts.Ledger // nil: no receipts are kept
	mapping  *liveMapping
	hub      *forward.Hub    // accepts forwarded events; nil: this relay forwards itself
	edge     *forward.Client // forwards to the hub; nil: this relay does not forward
	intake   *ingest.Handler
	server   *ingest.Server
	admin    *admin.Server
	audit    *logging.Rotating // log of changes made over the admin API

	configured
	delivery
	spooling
}

// configured is the state of the config.
type configured struct {
	settings  atomic.Pointer[config.Config] // in force: of keys that need a restart, the values of started
	started   *config.Config                // at the start
	path      string                        // of relay.yaml
	watcher   *watch.Watcher
	confState atomic.Pointer[api.FileState]

	reloading sync.Mutex     // protects the fields below once the relay is open
	read      *config.Config // last valid content of relay.yaml
	source    []byte         // relay.yaml as last read when unchanged for a while, or by Reload; nil: unknown
	keys      [][]byte       // encryption keys of the queue; the first one encrypts
}

// delivery sends events to Meta or to the hub.
type delivery struct {
	tokens *tokens
	graph  *graph.Client
	drain  *drain.Supervisor
	clock  atomic.Pointer[drain.Supervisor] // drain, for the clock of the queue, which is opened first

	nats  *jetstream.Queue // the queue, if it is on NATS servers; nil: it is not
	lease lease            // the right to deliver from it
	group *replicas.Group  // the relays that share it; nil: only this one
}

// spooling imports files from the spool directory.
type spooling struct {
	spool   *spool.Directory // nil: there is no spool directory
	dropped chan struct{}    // signals a new file
	sealing *seal.Ring       // encrypts the kept files
}

// Open opens and binds everything that cfg configures. Nothing runs yet. Connections made
// before Run wait, so a client is not refused during a restart.
func Open(cfg *config.Config, log *slog.Logger, level *slog.LevelVar) (_ *Sidecar, err error) {
	s := &Sidecar{
		logs: new(logging.Ring), level: level, metrics: metrics.New(Build()),
		configured: configured{path: cfg.File, source: cfg.Source(), started: cfg, read: cfg},
	}
	s.log = s.logs.Logger(log)
	log = s.log
	defer func() {
		if err != nil {
			_ = s.close()
			err = accessRefused(cfg, err)
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
	prints := track.NewFingerprintKey(s.queue.PrintSecret())
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
	s.mapping.changed = func() { s.drain.Wake(drain.NewMapping) }
	return s, nil
}

// Run serves until ctx ends. Then it refuses new events, stores those in progress, lets
// requests to Meta finish within their grace period, and closes the queue.
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
	// The admin listener stops last, so that health and status answer while relay stops.
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
		part("replicas", ctx, s.serveReplicas)
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
	err := s.close() //nolint:contextcheck // ctx has ended; closing has its own deadlines
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
		s.log.Info("listening", "code", logs.Listening, "addr", a.String(), "admin", s.admin.Addr(), "health", s.admin.HealthAddr(), "socket", s.admin.ControlAddr(), "queue", queueLocation(cfg),
			"mapping", s.mappingName(), "max_size", st.MaxSize, "version", Build().Version)
	}
	s.warnNoToken()
	if cfg.Graph.DryRun {
		s.log.Warn("dry run", "code", logs.DryRun, "advice", advice.DryRun().String())
	}
}

// mappingName identifies the mapping in log lines.
func (s *Sidecar) mappingName() string {
	if s.forwards() {
		return "at the hub"
	}
	return s.mapping.State().Digest
}

// close closes every open part, after Run or after a failed Open.
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

// Addr returns the first address of the intake.
func (s *Sidecar) Addr() string { return s.server.Addrs()[0].String() }

// AdminAddr returns the address of the status page.
func (s *Sidecar) AdminAddr() string { return s.admin.Addr() }

// Status returns the status that the page shows.
func (s *Sidecar) Status() api.Status { return s.admin.Status() }

// Mapping returns the mapping in use.
func (s *Sidecar) Mapping() *mapper.Mapping { return s.mapping.Mapping() }

// Lane returns the queue's statistics of a lane.
func (s *Sidecar) Lane(name string) (queue.LaneStat, bool) { return s.queue.Lane(name) }
