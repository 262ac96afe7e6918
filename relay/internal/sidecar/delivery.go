package sidecar

import (
	"fmt"
	"time"

	"relay/config"
	"relay/relay/internal/drain"
)

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
