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
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/mapper"
	"relay/queue/local"
	"relay/relay/internal/admin"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/advice"
	"relay/relay/internal/alert"
	"relay/relay/internal/api"
	"relay/relay/internal/backup"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
	"relay/relay/internal/metrics"
	"relay/relay/internal/receipts"
	"relay/relay/internal/spool"
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
	logs     *logRing
	alerts   *alert.Watch
	metrics  *metrics.Metrics
	queue    *local.Queue
	receipts *receipts.Ledger // nil: none are kept
	mapping  *liveMapping
	tokens   *tokens
	graph    *graph.Client
	hub      *forward.Hub    // takes what others forward; nil: this relay forwards itself
	edge     *forward.Client // what it forwards with
	intake   *ingest.Handler
	server   *ingest.Server
	admin    *admin.Server
	audit    *rotatingFile // of what is done at admin
	drain    *drain.Supervisor
	clock    atomic.Pointer[drain.Supervisor] // drain, for the queue, which is open before it
	watcher  *config.Watcher
	settings atomic.Pointer[config.Config] // as last accepted; keys that need a restart count as started says
	started  *config.Config
	spool    *spool.Directory // nil: no directory of dropped files
	dropped  chan struct{}    // hints to look into it
	sealing  *seal.Ring       // what stays of dropped files
	keys     [][]byte         // of the queue's encryption, the first one seals; under reloading once open
	path     string           // of relay.yaml

	reloading sync.Mutex
	source    []byte // of relay.yaml when it was last still, or read by hand; nil: not known; under reloading once open
	confState atomic.Pointer[api.FileState]
}

// Open opens and binds everything that cfg names; nothing runs yet.
// The intake listener is bound first, so that clients of a restart wait
// instead of being refused.
func Open(cfg *config.Config, log *slog.Logger, level *slog.LevelVar) (_ *Sidecar, err error) {
	s := &Sidecar{logs: new(logRing), level: level, path: cfg.File, source: cfg.Source(), started: cfg, metrics: metrics.New(Build())}
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
	if err = checkRestored(cfg.Queue.Path); err != nil {
		return nil, err
	}
	if s.queue, err = openQueue(cfg, s.believed, log); err != nil {
		return nil, err
	}
	if err = backup.CleanCopies(cfg.Queue.Path); err != nil {
		return nil, err
	}
	if err = sayRestored(cfg.Queue.Path, log); err != nil {
		return nil, err
	}
	secret, made, err := installationSecret(cfg)
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
		log.Warn("the secret of the installation is gone and was made anew; a person's receipts of before are not found", "code", logs.SecretReplaced,
			"file", filepath.Join(cfg.Queue.Path, seal.SecretName))
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
	if err = s.openAdmin(cfg, prints); err != nil {
		return nil, err
	}
	s.openAlerts()
	s.openWatcher(cfg)
	s.mapping.changed = func(*mapper.Mapping) { s.drain.Wake(drain.NewMapping) }
	return s, nil
}

func openQueue(cfg *config.Config, clock func() (time.Time, bool), log *slog.Logger) (*local.Queue, error) {
	o, err := queueOptions(cfg, clock, log)
	if err != nil {
		return nil, err
	}
	q, err := local.Open(cfg.Queue.Path, o)
	if errors.Is(err, local.ErrTooSmall) {
		return nil, cfg.Invalid("queue.max_size", "%s is more than the volume of %s has; leave it out for the smaller of 4 GiB and 80 %% of it",
			advice.Size(cfg.Queue.MaxSize), cfg.Queue.Path)
	}
	return q, QueueError(err)
}

// installationSecret is the secret that fingerprints are made with, and whether
// it was made just now. The caller holds the queue's lock.
func installationSecret(cfg *config.Config) (secret []byte, made bool, err error) {
	_, err = seal.ReadSecret(cfg.Queue.Path)
	made = errors.Is(err, fs.ErrNotExist)
	secret, err = seal.Secret(cfg.Queue.Path)
	if errors.Is(err, seal.ErrDamaged) || errors.Is(err, fs.ErrPermission) {
		err = exit.BadConfig(err) // until somebody puts it right
	}
	return secret, made, err
}

// QueueError gives an error of opening a queue its exit code.
func QueueError(err error) error {
	var locked *local.LockedError
	var planted *disk.PlantedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &planted):
		return exit.BadConfig(err) // until somebody puts it right
	case errors.As(err, &locked):
		return exit.TryLater(err)
	case errors.Is(err, local.ErrTooSmall), errors.Is(err, local.ErrKey), errors.Is(err, local.ErrNewerFormat), errors.Is(err, local.ErrOlderFormat):
		return exit.BadConfig(err)
	}
	return fmt.Errorf("open queue: %w", err)
}

// route asks the mapping in force where an event goes. Names that are nearly
// those of the mapping are counted: unmapped events meet no other check.
func (s *Sidecar) route(event string) []string {
	if s.edge != nil {
		return forwarded
	}
	m := s.mapping.Mapping()
	to := m.Routes(event)
	if len(to) == 0 && m.NearMiss(event) != "" {
		s.metrics.Note(mapper.NoteNearMiss, 1)
	}
	return to
}

func (s *Sidecar) openIntake(cfg *config.Config, prints track.PrintKey) error {
	o := ingest.Options{
		Queue:             s.queue,
		Now:               s.now,
		Route:             s.route,
		PrintKey:          prints,
		Keys:              writeKeys(cfg.Auth),
		AllowedOrigins:    cfg.Intake.AllowedOrigins,
		AllowedHosts:      cfg.Intake.AllowedHosts,
		MaxRequestBytes:   int(cfg.Intake.MaxRequestBytes),
		MaxEventBytes:     int(cfg.Intake.MaxEventBytes),
		MaxBatchEvents:    cfg.Intake.MaxBatchEvents,
		Short:             newRoof().short,
		RequestsPerSecond: cfg.Intake.RequestsPerSecond,
		Burst:             cfg.Intake.Burst,
		AppendTimeout:     cfg.Intake.AppendTimeout,
		ReadTimeout:       cfg.Intake.ReadTimeout,
		Metrics:           loggedIntake{s.metrics.Intake(), s.log},
		Logger:            s.log,
	}
	if s.hub != nil {
		o.Forward = s.hub.Forward
	}
	var err error
	s.intake, err = ingest.New(o)
	if err != nil {
		return exit.BadConfig(fmt.Errorf("set up intake: %w", err))
	}
	s.server, err = ingest.Listen(ingest.ServerOptions{
		Handler:        s.intake,
		Listen:         []string{cfg.Listen},
		Cert:           cfg.TLS.Cert,
		Key:            cfg.TLS.Key,
		SocketMode:     fileMode(cfg.Intake.UnixSocketMode),
		MaxConnections: cfg.Intake.MaxConnections,
		Grace:          cfg.Intake.ShutdownGracePeriod,
		Logger:         s.log,
	})
	if err != nil && cfg.TLS.Cert != "" && !errors.As(err, new(syscall.Errno)) && !addressInUse(err) {
		return cfg.Invalid("tls.cert", "%v", err)
	}
	if err == nil {
		s.metrics.CertificateExpiry(s.server.CertificateExpiry)
	}
	return listenError("listen", cfg.Listen, err)
}

func (s *Sidecar) openDrain(cfg *config.Config) error {
	var err error
	s.drain, err = drain.New(drain.Options{
		Log:             s.queue,
		Mapping:         func() drain.Mapping { return drain.Live(s.mapping.Mapping()) },
		MappingByDigest: func(digest string) drain.Mapping { return drain.Live(s.mapping.ByDigest(digest)) },
		Sender:          s.graph,
		Forward:         s.forwarder(),
		Ask:             s.graph.Reach,
		Token:           s.account,
		Settings:        drainSettings(cfg),
		Grace:           min(cfg.Intake.ShutdownGracePeriod, 10*time.Second),
		Logger:          s.log,
		Metrics:         loggedDrain{s.metrics.Drain(), s.log},
		Delivered:       s.delivered,
		ClockSynced:     drain.NTPSynced,
		Boot:            drain.Boot,
		First:           s.queue.Began(),
		Notes:           s.queue,
	})
	if err != nil {
		return fmt.Errorf("set up delivery: %w", err)
	}
	s.clock.Store(s.drain)
	return nil
}

func (s *Sidecar) openAdmin(cfg *config.Config, prints track.PrintKey) error {
	control, err := openControl(cfg, s.log)
	if err != nil {
		return err
	}
	if s.audit, err = openAudit(cfg); err != nil {
		return errors.Join(err, control.Close())
	}
	s.admin, err = admin.New(admin.Options{
		Access: access.Options{
			Listen:  cfg.Admin.Listen,
			Token:   cfg.Admin.Token.Reveal(),
			Cert:    cfg.Admin.TLS.Cert,
			Key:     cfg.Admin.TLS.Key,
			Health:  cfg.Health.Listen,
			Control: control,
			Audit:   s.audit,
		},
		Pprof:     cfg.Admin.Pprof,
		Queue:     backedUp{s.queue, s.receipts},
		Imports:   s.queue,
		PrintKey:  prints,
		Drain:     s.drain,
		Mapping:   func() admin.Mapping { return s.mapping.Mapping() },
		Foresight: s.drain.Foresight,
		Files:     s.files,
		Spool:     s.spoolStatus,
		Reload:    s.Reload,
		TokenLack: s.tokens.lack,
		Forwards:  s.forwards(),
		Stores:    storesOf(s.hub, s.settings.Load),
		Receipts:  receiptsOf(s.receipts),
		Mappings:  s.mapping.all,
		Copies:    backup.CopiesDir(cfg.Queue.Path),

		ForgetReceipts: forgetReceipts(s.receipts),
		ForgetDropped:  forgetDropped(s.spool),
		Strangers:      strangers(s.settings.Load),
		Config:         func() []byte { return effective(s.settings.Load()) },
		Logs:           s.logs.Last,
		Metrics:        s.metrics,
		Build:          Build(),
		Logger:         s.log,
		Now:            func() time.Time { t, _ := s.drain.Now(); return t }, // what lanes date by
		Limits: func() float64 {
			c := s.settings.Load()
			return c.Rate.RequestsPerSecond * float64(c.Batch.MaxEvents)
		},
	})
	switch {
	case errors.Is(err, access.ErrTokenNeeded), errors.Is(err, access.ErrTLSNeeded):
		return exit.BadConfig(err)
	case errors.Is(err, access.ErrCertificate):
		return cfg.Invalid("admin.tls.cert", "%v", err)
	case errors.Is(err, access.ErrHealth):
		return listenError("health.listen", cfg.Health.Listen, err)
	}
	return listenError("admin.listen", cfg.Admin.Listen, err)
}

// effective is a config for the support bundle, secrets hidden.
func effective(cfg *config.Config) []byte {
	var b bytes.Buffer
	if err := cfg.WriteYAML(&b); err != nil {
		return []byte(err.Error())
	}
	return b.Bytes()
}

func (s *Sidecar) files() api.Files {
	f := api.Files{Config: *s.confState.Load(), Mapping: s.mapping.State()}
	if s.watcher == nil { // not open yet
		return f
	}
	if at := s.watcher.Restless(s.mapping.path()); !at.IsZero() {
		f.Mapping.Restless = &api.Restless{File: s.mapping.path(), Since: at}
	}
	for _, file := range s.settings.Load().Files {
		if at := s.watcher.Restless(file); !at.IsZero() && file != s.mapping.path() {
			f.Config.Restless = &api.Restless{File: file, Since: at}
			break
		}
	}
	return f
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
	part("delivery", ctx, s.drain.Run)
	part("watch", ctx, s.watcher.Run)
	part("alerts", ctx, s.alerts.Run)
	if s.spool != nil {
		part("spool", ctx, s.spool.Run)
		part("spool watch", ctx, s.watchSpool)
	}
	wg.Go(func() { <-ctx.Done(); notifyStopping() })
	adminDone.Go(func() {
		self := ControlClient(s.started)
		defer self.Close()
		keepWatchdog(last, self.Alive)
	})
	s.announce()
	notifyReady("Running")
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
		s.log.Info("listening", "code", logs.Listening, "addr", a.String(), "admin", s.admin.Addr(), "health", s.admin.HealthAddr(), "socket", s.admin.ControlAddr(), "queue", cfg.Queue.Path,
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
