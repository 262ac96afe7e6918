package drain

import (
	"context"
	"log/slog"
	"time"

	"relay/internal/meta"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/clock"
	"relay/relay/internal/graph"
)

// Log is the part of a queue that drain uses. *local.Queue implements it.
type Log interface {
	Lanes() []queue.LaneStat
	Lane(name string) (queue.LaneStat, bool)
	Stats() queue.Stats
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	Settle(lane string, s queue.Settlement) (queue.Revision, error)
	Changed() <-chan struct{}
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error)
	Reroute(lane string, upTo queue.Seq, route func(queue.Record) []string) (int, error)
	CountDropped(reason string, n int) // counts events that the hub removed
}

// ByNumber is implemented by a Log that does not order records by number. ReadSeqs
// returns the unsettled records of a lane with these numbers, or an error while it does
// not know them yet. The batch's Next is behind every record.
type ByNumber interface {
	ReadSeqs(lane string, numbers []queue.Seq) (queue.Batch, error)
}

// Sender makes one upload and returns its outcome. It must return when ctx ends.
// *graph.Client implements it.
type Sender interface {
	Send(ctx context.Context, r graph.Request) graph.Result
}

// Settings can change while the lanes run (SetSettings).
type Settings struct {
	RequestsPerSecond float64 // per access token; 0: upload nothing
	Burst             int     // at least 1

	MaxEvents int           // most records in a read, and conversions in a request
	MaxBytes  int64         // most bytes of a read, and of a request's data
	MaxWait   time.Duration // how long a lane waits for a fuller batch

	MinInterval   time.Duration // first backoff
	MaxInterval   time.Duration // longest backoff
	ProbeInterval time.Duration // how often a paused lane tries one request
	SplitAfter    int           // answers without an outcome after which a request is split
	BreakerAfter  int           // refusals in a row that open the breaker

	DryRun       bool          // map and count, send nothing, keep everything
	MaxAge       time.Duration // since receipt, then dead letter `expired`; 0: no limit
	KeepHanded   time.Duration // how long copies of forwarded events are kept
	KeepUnmapped time.Duration // since receipt, then settled as skip:unmapped; 0: not kept
}

func (s Settings) withDefaults() Settings {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	s.Burst = max(s.Burst, 1)
	if s.MaxEvents <= 0 {
		s.MaxEvents = 1000
	}
	s.MaxEvents = min(s.MaxEvents, meta.MaxOffline)
	if s.MaxBytes <= 0 {
		s.MaxBytes = 4 << 20
	}
	if s.SplitAfter <= 0 {
		s.SplitAfter = 3
	}
	if s.BreakerAfter <= 0 {
		s.BreakerAfter = 20
	}
	s.MaxWait = max(s.MaxWait, 0)
	def(&s.MinInterval, time.Second)
	def(&s.MaxInterval, 30*time.Second)
	s.MaxInterval = max(s.MaxInterval, s.MinInterval)
	def(&s.ProbeInterval, 10*time.Minute)
	return s
}

// Options configures a Supervisor. Log, Mapping and Sender must be set; a nil value for
// anything else means the default.
type Options struct {
	Log     Log
	Mapping func() batch.Mapping // the current mapping; nil while there is none
	Sender  Sender

	// Forward sends events to a hub, which maps and uploads them. Nil: this relay uploads.
	Forward Forwarder

	// Token returns a name for the access token of an event set: any text that changes
	// when the token does, never the token itself. Empty: no token. A nil function: there
	// is one token, and it never changes.
	Token func(eventSet string) string

	// Ask gets an answer from Meta without sending an event, for the time in it. Nil: the
	// first request has a single event instead.
	Ask func(ctx context.Context) graph.Result

	// KeepTime says that other relays take the time from this one: it asks for the time even
	// if no event waits.
	KeepTime bool

	// MappingByDigest returns the mapping that an earlier process used for a request in
	// doubt; nil if it is no longer kept.
	MappingByDigest func(digest string) batch.Mapping

	// Mine reports, right before a request is sent, whether this process still delivers;
	// if not, the lane ends. The caller then starts Run again once this process delivers
	// again. Nil: no other process delivers.
	Mine func() bool

	Settings Settings
	Grace    time.Duration // how long a request in flight can continue after ctx ends; default 5 s
	Logger   *slog.Logger
	Metrics  Metrics

	// Delivered is called after Meta accepted a request and before the lane settles it.
	// After a crash in between it is called again.
	Delivered func(Delivery)

	// ClockSynced reports whether NTP keeps the machine's clock. Nil: only the Date header
	// of answers is trusted.
	ClockSynced func() bool

	// Boot identifies the boot of the machine and measures the time since it; nil: unknown.
	// Notes store when the clock was not trusted (clock.Clock.Stamp); nil: nothing is stored.
	Boot  func() (id string, up func() time.Duration)
	Notes clock.Notes

	Wall func() time.Time // the wall clock; default time.Now
	Rand func() float64   // in [0,1); default math/rand/v2
}

// Delivery is one accepted request.
type Delivery struct {
	EventSet  string
	API       meta.API
	Request   string // identifies the request: the hash of its data
	FBTraceID string
	Mapping   string // digest
	At        time.Time
	Ambiguous bool // an earlier attempt with the same data got no readable answer
	Items     []Delivered
}

// Delivered is one conversion of a Delivery.
type Delivered struct {
	MessageID string
	OrderID   string
	Event     string // the track call's name
	Name      string // the conversion's name
	List      string
	EventTime time.Time
	Received  time.Time
	People    []string // fingerprints of the person (mapper.Outcome); must not be changed
	Body      []byte   // the event as it arrived; must not be changed or kept
}
