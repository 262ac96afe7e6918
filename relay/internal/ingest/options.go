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

// Appender is the part of the queue that intake needs. Append stores all entries durably, or
// returns an error. It must not keep entries or their bodies after it returns without an error.
type Appender interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
}

// Segment's own limits (https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/):
// relay's cannot be set lower.
const (
	minRequestBytes = 500 << 10
	minEventBytes   = 32 << 10
	minBatchEvents  = 2500
)

// Options configures a Handler. Only Queue is required.
type Options struct {
	Queue Appender
	// Route returns the lanes for an event name, each once; nil if no mapping has the event.
	// It must be safe for concurrent use, and its result is only read. Without a Route every
	// event is unmapped.
	Route func(event string) []string

	// Forward stores what another relay forwards with a store's key; nil: this relay accepts
	// no forwarded events. Its errors are those of forward.Hub.
	Forward func(ctx context.Context, store string, allows func(event []byte) bool, body, room []byte, most int) (forward.Answer, error)

	FingerprintKey track.FingerprintKey
	Keys           []Key    // none: every caller can send
	AllowedOrigins []string // web pages that can send: "https://till.example.com", "https://*.example.com", "*"
	AllowedHosts   []string // names of this machine besides loopback, for requests without keys

	MaxRequestBytes  int   // each of the compressed and the unpacked body; default 4 MiB
	MaxEventBytes    int   // default 256 KiB
	MaxBatchEvents   int   // default 2,500
	MaxInFlightBytes int64 // of all requests together; default 40 MiB, at least 6 requests of the largest size

	// MemoryShort reports that the process is near its memory limit: requests are then
	// refused. nil: never.
	MemoryShort func() bool

	RequestsPerSecond float64 // over all connections; 0: no limit
	Burst             int     // default: the requests of one second

	AppendTimeout time.Duration // how long an append can take before 503; default 10 s
	ReadTimeout   time.Duration // for a whole body; default 30 s
	StallTimeout  time.Duration // for the next bytes of a body; default 5 s

	Now     func() time.Time
	Metrics Metrics
	Logger  *slog.Logger
}

// Metrics receives an Observation of each request.
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
	Stored     int // messages newly stored, unusable ones included
	Duplicates int // messages that were already stored
	Conflicts  int // track calls newly stored as refused because their id belongs to another event
	Unmapped   int // track calls whose name no mapping has
	Ignored    int // messages other than track
	Rejected   int // unusable messages of a batch, stored as refused
	Retry      int // the value of X-Retry-Count
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
