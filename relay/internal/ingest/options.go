package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"relay/queue"
	"relay/relay/internal/forward"
	"relay/relay/internal/track"
)

// Appender is what intake needs of the queue: all entries durable, or an
// error and none. It must not keep entries or their bodies after it returns
// without an error.
type Appender interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
}

// Segment's own limits (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/):
// nobody may set less.
const (
	minRequestBytes = 500 << 10
	minEventBytes   = 32 << 10
	minBatchEvents  = 2500
)

// Options say how a Handler works. Only Queue is required.
type Options struct {
	Queue Appender
	// Route names the lanes for an event name, each once; nil means that no
	// mapping knows it. It must be safe for concurrent use, and its result is
	// only read. Without a Route every event is unmapped.
	Route func(event string) []string

	// Forward takes what another relay hands over with the key of a store; nil: this
	// relay takes nothing of the kind. Its errors are those of forward.Hub.
	Forward func(ctx context.Context, store string, allows func(event []byte) bool, body, room []byte, most int) (forward.Answer, error)

	PrintKey       track.PrintKey
	Keys           []Key    // none: every caller may write
	AllowedOrigins []string // web pages that may send: "https://till.example.com", "https://*.example.com", "*"
	AllowedHosts   []string // names besides loopback that this machine answers to when there are no keys

	MaxRequestBytes  int   // compressed and decompressed, each; default 4 MiB
	MaxEventBytes    int   // default 256 KiB
	MaxBatchEvents   int   // default 2,500
	MaxInFlightBytes int64 // of all requests together; default 40 MiB, at least 6 requests of the largest size

	// Short says that the process is near the memory it may have: requests are
	// refused until it is not. nil: it never is.
	Short func() bool

	RequestsPerSecond float64 // over all connections; 0: no limit
	Burst             int     // default: one second's worth

	AppendTimeout time.Duration // how long the queue may take before 503; default 10 s
	ReadTimeout   time.Duration // for a whole body; default 30 s
	StallTimeout  time.Duration // for the next piece of a body; default 5 s

	Now     func() time.Time
	Metrics Metrics
	Logger  *slog.Logger
}

// Metrics is told what became of each request.
type Metrics interface {
	Request(o Observation)
}

// Observation is one answered request.
type Observation struct {
	Route      string // batch, track, identify, … or other
	Status     int
	Code       string // of an error answer, else empty
	Took       time.Duration
	Bytes      int // of the body, unpacked
	Stored     int // messages newly on disk, refused ones included
	Duplicates int // messages that were there already
	Conflicts  int // tracks newly kept as refused, as their id is another event's
	Unmapped   int // of the tracks: no mapping knew the name
	Ignored    int // messages other than track
	Rejected   int // unusable messages of a batch, kept as refused
	Retry      int // what X-Retry-Count said
}

func (o Options) withDefaults() (Options, error) {
	if o.Queue == nil {
		return o, errors.New("no queue")
	}
	def := func(v *int, d, least int, name string) error {
		if *v == 0 {
			*v = d
		}
		if *v < least {
			return fmt.Errorf("%s is %d: less than Segment's %d", name, *v, least)
		}
		return nil
	}
	if err := errors.Join(
		def(&o.MaxRequestBytes, 4<<20, minRequestBytes, "max request bytes"),
		def(&o.MaxEventBytes, 256<<10, minEventBytes, "max event bytes"),
		def(&o.MaxBatchEvents, 2500, minBatchEvents, "max batch events"),
	); err != nil {
		return o, err
	}
	if o.RequestsPerSecond < 0 || o.Burst < 0 {
		return o, errors.New("a request rate is negative")
	}
	if o.Burst == 0 {
		o.Burst = max(int(o.RequestsPerSecond), 1)
	}
	if o.MaxInFlightBytes == 0 {
		o.MaxInFlightBytes = 40 << 20
	}
	o.MaxInFlightBytes = max(o.MaxInFlightBytes, 6*int64(o.MaxRequestBytes))
	if o.AppendTimeout <= 0 {
		o.AppendTimeout = 10 * time.Second
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 30 * time.Second
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = min(5*time.Second, o.ReadTimeout)
	}
	if o.Route == nil {
		o.Route = func(string) []string { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

type noMetrics struct{}

func (noMetrics) Request(Observation) {}
