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

// Log is what drain needs of a queue. *local.Queue is one.
type Log interface {
	Lanes() []queue.LaneStat
	Lane(name string) (queue.LaneStat, bool)
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	Settle(lane string, s queue.Settlement) (queue.Revision, error)
	Changed() <-chan struct{}
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error)
	Reroute(lane string, upTo queue.Seq, route func(queue.Record) []string) (int, error)
	CountDropped(reason string, n int) // what the hub has removed
}

// ByNumber is what a Log has that orders records otherwise than by number: the records
// of a lane that have these numbers and are not settled, or an error until it can say
// which they are. A batch of them ends behind everything.
type ByNumber interface {
	ReadSeqs(lane string, numbers []queue.Seq) (queue.Batch, error)
}

// Sender makes one upload and says what became of it. It must return when
// ctx ends. *graph.Client is one.
type Sender interface {
	Send(ctx context.Context, r graph.Request) graph.Result
}

// Settings are what may change while the lanes run; SetSettings swaps them.
type Settings struct {
	RequestsPerSecond float64 // per access token; 0: upload nothing
	Burst             int     // at least 1

	MaxEvents int           // records read, and conversions sent, at once
	MaxBytes  int64         // of a read, and of the data of a request
	MaxWait   time.Duration // how long a lane waits for a fuller batch

	MinInterval   time.Duration // first backoff
	MaxInterval   time.Duration // longest backoff
	ProbeInterval time.Duration // how often a paused lane is tried
	SplitAfter    int           // answers that settle nothing after which a request is taken apart
	BreakerAfter  int           // refusals in a row that pause a lane

	DryRun       bool          // map and count, send nothing, keep everything
	MaxAge       time.Duration // since receipt; then dead letter `expired`; 0: no limit
	KeepHanded   time.Duration // how long copies stay of what was handed to another relay
	KeepUnmapped time.Duration // since receipt; then settled as skip:unmapped; 0: not kept
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

// Options are what New needs. Log, Mapping and Sender must be set; nil for the
// rest means the default.
type Options struct {
	Log     Log
	Mapping func() batch.Mapping // the mapping in force; nil while there is none
	Sender  Sender

	// Forward hands events to another relay, which maps and uploads them; nil: this one does.
	Forward Forwarder

	// Token names the access token an event set is sent with: any text that
	// changes when the token does, never the token itself. Empty: no token.
	// Nil: there is one, and it never changes.
	Token func(eventSet string) string

	// Ask has Meta say anything at all, with the time in it, and sends nothing. Nil: the
	// time is asked with a single event.
	Ask func(ctx context.Context) graph.Result

	// MappingByDigest brings back the mapping a request in doubt was built
	// with by an earlier process; nil when it is not kept any more.
	MappingByDigest func(digest string) batch.Mapping

	// Mine says, right before a request leaves, whether it is still this process that
	// delivers; false: the lane ends. Nil: no other one may. Whoever gives it starts Run
	// again once this process may deliver again.
	Mine func() bool

	Settings Settings
	Grace    time.Duration // how long a request in flight may go on after ctx ends; default 5 s
	Logger   *slog.Logger
	Metrics  Metrics

	// Delivered is called after Meta accepted a request and before the lane
	// settles it; after a crash in between it is called again.
	Delivered func(Delivery)

	// ClockSynced says that the machine's clock is disciplined (NTP). Nil:
	// only the Date header of answers is believed.
	ClockSynced func() bool

	// First is the number before which nothing is that was received since this process
	// began, and Notes keep for the next what the clock showed; nil: nothing is kept.
	// Boot names the start of the machine and says how long it has run; nil: not known.
	Boot  func() (id string, up func() time.Duration)
	First queue.Seq
	Notes clock.Notes

	Wall func() time.Time // the wall clock; default time.Now
	Rand func() float64   // in [0,1); default math/rand/v2
}

// Delivery is one accepted request.
type Delivery struct {
	EventSet  string
	API       meta.API
	Request   string // names the request: the hash of its data
	FBTraceID string
	Mapping   string // digest
	At        time.Time
	Ambiguous bool // an earlier attempt with the same data had no answer
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
	People    []string // fingerprints of whom it is about (mapper.Outcome); not to be changed
	Body      []byte   // the event as it arrived; not to be changed or kept
}
