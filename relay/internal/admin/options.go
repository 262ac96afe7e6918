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

// Options say where the admin side listens and what it shows and controls. Only Queue is
// required; a missing part is shown as absent.
type Options struct {
	Access access.Options // addresses and permissions; New sets Lane and Logger
	Pprof  bool           // serve /debug/pprof/

	Queue   Queue
	Imports Imports // nil: imports are refused
	Secret  []byte  // of the installation; encrypts the paths of import reports. nil: they are not encrypted
	// FingerprintKey is the key of the intake, so that an imported event has the same
	// fingerprint as one received over HTTP.
	FingerprintKey track.FingerprintKey
	Delivery
	Hub
	Files   func() api.Files              // state of the config and mapping files
	Spool   func() *spool.DirectoryStatus // status of the spool directory; nil, or a nil result: there is none
	Reload  func(context.Context) api.ReloadResult
	Support Support

	// Receipts finds the receipts of an order id or a messageId, newest first; nil: no
	// receipts are kept.
	Receipts func(id string) ([]receipts.Receipt, error)

	People privacy.Sources // where a forget searches besides the queue
	// Copies is the directory for the temporary copies of backups (backup.CopiesDir); "":
	// the system's directory.
	Copies string

	Metrics *metrics.Metrics // nil: empty ones
	Build   api.Build
	Logger  *slog.Logger
	Now     func() time.Time

	Interval time.Duration // between samples for rates and charts; 0: 2 s
}

// Delivery is the part of relay that maps and sends.
type Delivery struct {
	Drain     Drain               // nil: nothing is sent (offline, tests)
	Delivers  func() api.Delivers // which of several relays delivers; nil: this is the only one
	Replicas  Replicas            // the relays that share the queue; nil: this is the only one
	Mapping   func() Mapping      // the mapping in use; nil, or a nil Mapping: none yet
	TokenLack func() string       // why there is no access token, for advice.NoToken; nil: none is configured
	// Foresight predicts the outcome of retried dead letters; nil, or without a mapping:
	// they cannot be retried.
	Foresight func() batch.Foresight
	// Limits returns the highest possible upload rate of all lanes in conversions per
	// second, for the estimate of when a backlog is delivered; nil or 0: unknown.
	Limits func() (conversionsPerSecond float64)
}

// Hub is the part of relay that forwards, or that other relays forward to.
type Hub struct {
	Forwards string // address of the hub that this relay forwards to; "": it maps and uploads
	// Stores lists the stores whose relays forward to this one, by name; nil: this relay
	// is not a hub.
	Stores func() []forward.Seen
	// Tell passes a forget to the relays of the stores, each at its next call, and returns
	// the stores. With dry it only returns them. nil: this relay is not a hub.
	Tell func(ctx context.Context, lines []string, dry bool) (stores []string, err error)
	// Replay runs a step of sending kept events that the hub lacks; nil: relay is not
	// running, or it does not forward.
	Replay func(ctx context.Context, from queue.Seq, since time.Time, dry bool) (forward.Replayed, error)
}

// Support is the content that only the support bundle shows; nil: omitted.
type Support struct {
	Config func() []byte // the effective config, with secrets hidden
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
	// Forget runs fn, which removes records from the queue, while no lane holds any.
	Forget(fn func() error) error
	// Exclusive runs fn, which settles records of a lane, while the lane is stopped. fn
	// gets the records that Meta might have stored already.
	Exclusive(lane string, fn func(inDoubt []queue.Seq) error) error
	// Received returns when a record was received, corrected if the clock was wrong then.
	Received(rec *queue.Record) time.Time
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

// foresight returns the current Foresight, or an empty one.
func (o *Options) foresight() batch.Foresight {
	if o.Foresight == nil {
		return batch.Foresight{}
	}
	return o.Foresight()
}

// mapping returns the mapping in use, or nil.
func (o *Options) mapping() Mapping {
	if o.Mapping == nil {
		return nil
	}
	m := o.Mapping()
	if p, ok := m.(*mapper.Mapping); ok && p == nil {
		return nil // an interface that holds a nil pointer is not nil
	}
	return m
}
