package sidecar

import (
	"context"
	"fmt"
	"time"

	"relay/config"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/clock"
	"relay/relay/internal/graph"
)

func (s *Sidecar) openDrain(cfg *config.Config) error {
	var err error
	o := drain.Options{
		Log:             s.queue,
		Mapping:         func() batch.Mapping { return batch.Live(s.mapping.Mapping()) },
		MappingByDigest: func(digest string) batch.Mapping { return batch.Live(s.mapping.ByDigest(digest)) },
		Sender:          s.graph,
		Forward:         s.forwarder(),
		Ask:             s.timeSource(),
		KeepTime:        s.hub != nil && len(storesIn(cfg)) > 0,
		Token:           s.account,
		Settings:        drainSettings(cfg),
		Grace:           min(cfg.Intake.ShutdownGracePeriod, 10*time.Second),
		Logger:          s.log,
		Metrics:         loggedDrain{s.metrics.Drain(), s.log},
		Delivered:       s.delivered,
		ClockSynced:     clock.NTPSynced,
		Boot:            clock.Boot,
		Notes:           s.queue,
	}
	if s.nats != nil {
		o.Mine, o.Notes = s.lease.fresh, nil           // the clock of one machine says nothing about the others'
		o.Grace = min(o.Grace, cfg.Queue.NATS.Lease/4) // another relay takes over a third of the lease later
	}
	s.drain, err = drain.New(o)
	if err != nil {
		return fmt.Errorf("set up delivery: %w", err)
	}
	s.clock.Store(s.drain)
	return nil
}

// timeSource returns the request that learns the time, from the hub or from Meta.
func (s *Sidecar) timeSource() func(context.Context) graph.Result {
	if s.edge != nil {
		return s.edge.Ask
	}
	return s.graph.Reach
}

// now returns the time of receipt: this machine's clock, unless it is known to be far off.
func (s *Sidecar) now() time.Time { return s.drain.TimeOfReceipt() } // drain is set before anything is served

// trustedClock returns the time by which dead letters age, and whether it is trusted.
func (s *Sidecar) trustedClock() (time.Time, bool) {
	if d := s.clock.Load(); d != nil {
		return d.Now()
	}
	return time.Now(), false
}
