package sidecar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"relay/config"
	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/admin"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
	"relay/relay/internal/person"
	"relay/relay/internal/track"
)

// noMapping is the mapping of a relay that forwards, whose events are mapped at the hub.
const noMapping = "version: 1\nevents: {}\n"

// ReadMapping reads the mapping file of cfg. For a relay that forwards it returns an empty
// mapping.
func ReadMapping(cfg *config.Config) ([]byte, error) {
	if cfg.Forward.URL != "" {
		return []byte(noMapping), nil
	}
	src, err := config.ReadTrusted(cfg.Mapping)
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	return src, nil
}

// forwards reports whether this relay forwards everything to a hub.
func (s *Sidecar) forwards() bool { return s.started.Forward.URL != "" }

var (
	forwarded     = []string{queue.LaneForward}
	forwardedKept = []string{queue.LaneForward, queue.LaneKept}
	refusedKept   = []string{queue.LaneKept, queue.LaneRefused}
)

// HubOptions returns the options of the connection to the hub of cfg.
func HubOptions(cfg *config.Config) graph.Options {
	g := cfg.Graph
	return graph.Options{Endpoint: cfg.Forward.URL, Proxy: g.Proxy, CAFile: g.CAFile, Timeout: g.Timeout, UserAgent: "relay/" + Build().Version}
}

// openForward opens the client that forwards to the hub, or the hub that accepts what
// others forward.
func (s *Sidecar) openForward(cfg *config.Config, prints track.FingerprintKey) error {
	if !s.forwards() {
		s.hub = forward.NewHub(forward.HubOptions{
			Log: s.queue, Delivers: s.leased(), Route: s.route, FingerprintKey: prints, Event: int(cfg.Intake.MaxEventBytes), Now: s.now, Clock: s.trustedClock,
			Look: s.lookFor, Mappings: s.mapping.history.sources, Stores: func() []string { return storesIn(s.settings.Load()) }, Logger: s.log,
		})
		return nil
	}
	post, err := graph.New(HubOptions(cfg))
	if err != nil {
		return exit.BadConfig(err)
	}
	epochs, err := forward.OpenEpochs(s.queue, s.queue.Began())
	if err != nil {
		return err
	}
	s.edge = forward.NewClient(forward.ClientOptions{
		Post: post, Key: func() string { return s.settings.Load().Forward.Key.Reveal() }, Epochs: epochs, Version: Build().Version,
		State: s.edgeState, Forget: s.forgetAsHub, Received: func(r *queue.Record) time.Time { return s.drain.Received(r) }, Logger: s.log,
	})
	return nil
}

// leased returns a function that reports whether this relay delivers; nil if no other
// relay shares the queue.
func (s *Sidecar) leased() func() bool {
	if s.nats == nil {
		return nil
	}
	return s.lease.fresh
}

// lookFor returns the matcher that finds the people of a forget in forwarded events.
func (s *Sidecar) lookFor(lines []string) forward.Look {
	names, err := person.Parse(lines)
	if err != nil { // a bug: admin has validated the lines
		s.log.Error("a forget request cannot be read", "code", logs.ForgetNotDone, "err", err)
	}
	return person.NewMatcher(names, s.mapping.all()...)
}

// edgeState returns the state that this relay reports to its hub.
func (s *Sidecar) edgeState() (st forward.State) {
	for _, name := range []string{queue.LaneForward, queue.LaneRefused, queue.LaneConflict} {
		l, _ := s.queue.Lane(name)
		st.Waiting += l.Pending
		if l.Pending > 0 && (st.Oldest.IsZero() || l.Oldest.Before(st.Oldest)) {
			st.Oldest = l.Oldest
		}
	}
	return st
}

// forgetAsHub carries out a forget of the hub, with the hub's mappings.
func (s *Sidecar) forgetAsHub(ctx context.Context, f *forward.Forget) error {
	var mappings []*mapper.Mapping
	for _, src := range f.Mappings {
		m, _, err := mapper.Parse("the hub's mapping", []byte(src))
		if err != nil {
			return fmt.Errorf("read the hub's mapping (update the older of the two relays): %w", err)
		}
		mappings = append(mappings, m)
	}
	out, err := s.admin.ForgetAs(ctx, f.Lines, mappings)
	if err == nil && len(out.Unreached) > 0 {
		err = errors.New(strings.Join(out.Unreached, "; "))
	}
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}

// keepingQueue also keeps a copy of every event to forward (forward.keep).
type keepingQueue struct {
	store
	keeps func() bool
}

// Append appends the entries, with the lane of kept copies added.
func (k keepingQueue) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	for i := range entries {
		if e := &entries[i]; len(e.Lanes) == 1 && k.keeps() {
			switch e.Lanes[0] {
			case queue.LaneForward:
				e.Lanes = forwardedKept
			case queue.LaneRefused:
				e.Lanes = refusedKept
			}
		}
	}
	return k.store.Append(ctx, entries) //nolint:wrapcheck // callers decide by the error
}

// appender returns the queue for everything that stores events.
func (s *Sidecar) appender() admin.Imports {
	if !s.forwards() {
		return stampingQueue{s.queue, s}
	}
	return keepingQueue{stampingQueue{s.queue, s}, func() bool { return s.settings.Load().Forward.Keep > 0 }}
}

// stampingQueue marks events that are received by a clock that is not trusted.
type stampingQueue struct {
	store
	s *Sidecar
}

// Append marks entries and appends them to the queue.
func (q stampingQueue) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	q.s.drain.Stamp(entries)
	return q.store.Append(ctx, entries) //nolint:wrapcheck // callers decide by the error
}

// forwarder returns the client to which drain gives records; nil: drain maps and uploads
// them.
func (s *Sidecar) forwarder() drain.Forwarder {
	if s.edge == nil {
		return nil
	}
	return s.edge
}

// storesOf returns a function that lists the stores in the keys of a config, with what the
// hub knows about them. A nil hub knows only their names.
func storesOf(hub *forward.Hub, cfg func() *config.Config) func() []forward.Seen {
	if hub == nil {
		hub = forward.NewHub(forward.HubOptions{})
	}
	return func() []forward.Seen {
		return hub.Stores(storesIn(cfg()))
	}
}

// storesIn returns the stores that have a key.
func storesIn(cfg *config.Config) (names []string) {
	for _, k := range cfg.Auth.Keys {
		if k.Store != "" {
			names = append(names, k.Store)
		}
	}
	return names
}

// replay returns the function that runs a step of `relay forward replay`; nil: this relay
// does not forward.
func (s *Sidecar) replay() func(ctx context.Context, from queue.Seq, since time.Time, dry bool) (forward.Replayed, error) {
	if s.edge == nil {
		return nil
	}
	return func(ctx context.Context, from queue.Seq, since time.Time, dry bool) (forward.Replayed, error) {
		return s.edge.Replay(ctx, s.queue, from, drain.Handed(s.queue), since, dry)
	}
}

// tellStores returns the function that passes a forget to the stores' relays; nil: this
// relay is not a hub.
func (s *Sidecar) tellStores() func(ctx context.Context, lines []string, dry bool) ([]string, error) {
	if s.hub == nil {
		return nil
	}
	return func(ctx context.Context, lines []string, dry bool) ([]string, error) {
		stores := storesIn(s.settings.Load())
		if dry {
			lines = nil
		}
		return s.hub.Forget(ctx, lines, stores)
	}
}
