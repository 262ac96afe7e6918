package admin

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/admin/records"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/forward"
	"relay/relay/internal/metrics"
	"relay/relay/internal/privacy"
	"relay/relay/internal/receipts"
	"relay/relay/internal/spool"
	"relay/relay/internal/track"
)

// Options say where the admin side listens, what it shows and steers. Queue is
// required; everything else may be left out and is then shown as absent.
type Options struct {
	Access access.Options // where it listens and who may do what; Lane and Logger are the server's
	Pprof  bool           // serve /debug/pprof/

	Queue   Queue
	Imports Imports // nil: no imports
	Secret  []byte  // of the installation, which seals where reports of imports lie; nil: nothing does
	// PrintKey is that of intake, so that an import of what came over HTTP is no other event.
	PrintKey track.PrintKey
	Delivery
	Hub
	Files   func() api.Files              // config and mapping files and their last reload
	Spool   func() *spool.DirectoryStatus // the directory of dropped files; nil, or one that gives nil: there is none
	Reload  func(context.Context) api.ReloadResult
	Support Support

	// Receipts finds the receipts of an order id or a messageId, newest first.
	// nil: none are kept.
	Receipts func(id string) ([]receipts.Receipt, error)

	People privacy.Sources // what beside the queue holds people: for forget
	// Copies is the directory of the temporary copies that backups are made of
	// (CopiesDir); "": the system's.
	Copies string

	Metrics *metrics.Metrics // nil: own ones, without hooks called
	Build   api.Build
	Logger  *slog.Logger
	Now     func() time.Time

	Interval time.Duration // between samples for rates and charts; 0: 2 s
}

// Delivery is what maps and sends.
type Delivery struct {
	Drain     Drain               // nil: nothing uploads (no token, tests)
	Delivers  func() api.Delivers // which relay delivers, of several; nil: this one
	Replicas  Replicas            // the relays that share the queue; nil: this is the only one
	Mapping   func() Mapping      // the mapping in force; nil, or a nil Mapping: none yet
	TokenLack func() string       // why there is no access token, as advice.NoToken takes it; nil: none is configured
	// Foresight tells the fate of dead letters that are sent again; nil, or one
	// without a mapping: none can be.
	Foresight func() batch.Foresight
	// Limits is what can be uploaded at best: conversions a second over all
	// lanes, for the estimate of when a backlog is gone. nil or 0: unknown.
	Limits func() (conversionsPerSecond float64)
}

// Hub is about relays that forward to another one.
type Hub struct {
	Forwards string // the address of the relay to which this one hands everything; empty: it maps and uploads
	// Stores are those whose relays forward to this one, by name; nil: this one takes
	// nothing of the kind.
	Stores func() []forward.Seen
	// Tell has the relays of stores forget whom lines name, each at its next call, and
	// says which stores that are. With dry nobody is told. nil: there are none.
	Tell func(lines []string, dry bool) (stores []string, err error)
	// Replay is a step of handing over anew what the hub lacks of what is kept. nil: this
	// relay does not run, or hands nothing over.
	Replay func(ctx context.Context, from queue.Seq, since time.Time, dry bool) (forward.Replayed, error)
}

// Support is what only the support bundle has; nil: left out.
type Support struct {
	Config func() []byte // the effective config, secrets hidden
	Logs   func() []byte // the last log lines
}

// Queue is what admin needs of *local.Queue.
type Queue interface {
	CanAppend() error
	Stats() queue.Stats
	Lane(name string) (queue.LaneStat, bool)
	records.Log
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	DeadLetter(id string) (queue.DeadLetter, error)
	DropDead(ids ...string) (int, error)
	Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error)
	DropLane(name string) error
	MoveLane(from, to string, stay ...queue.Seq) (moved int, err error)
	Forget(f queue.Forget) (queue.Forgotten, error)
	Backup(ctx context.Context, dir string) error
}

// Drain is what admin needs of *drain.Supervisor.
type Drain interface {
	Status() []drain.LaneStatus
	Pause(lane string) error
	Resume(lane string) error
	Wake(r drain.Reason)
	// Forget has fn take records out of the queue while lanes keep nothing of them.
	Forget(fn func() error) error
	// Exclusive holds a lane still while fn settles its records behind its back; it says
	// of which Meta may have stored something.
	Exclusive(lane string, fn func(inDoubt []queue.Seq) error) error
}

// Mapping is what admin needs of *mapper.Mapping.
type Mapping interface {
	Digest() string
	Routes(event string) []string
	Sets() []rules.Set
}

func (o Options) withDefaults() Options {
	if o.Build.GoVersion == "" {
		o.Build.GoVersion = runtime.Version()
	}
	if o.Build.Version == "" {
		o.Build.Version = "devel"
	}
	if o.Metrics == nil {
		o.Metrics = metrics.New(o.Build)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Interval <= 0 {
		o.Interval = 2 * time.Second
	}
	return o
}

// foresight returns what tells the fate of dead letters.
func (o *Options) foresight() batch.Foresight {
	if o.Foresight == nil {
		return batch.Foresight{}
	}
	return o.Foresight()
}

// mapping returns the mapping in force, or nil.
func (o *Options) mapping() Mapping {
	if o.Mapping == nil {
		return nil
	}
	m := o.Mapping()
	if p, ok := m.(*mapper.Mapping); ok && p == nil {
		return nil // a nil pointer in an interface is still none
	}
	return m
}
