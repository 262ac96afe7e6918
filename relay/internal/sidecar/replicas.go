package sidecar

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"relay/config"
	"relay/queue/jetstream"
	"relay/relay/internal/admin"
	"relay/relay/internal/replicas"
)

// relayName returns the name of this relay among those that share its queue: its host and
// port, because one machine can run several.
func relayName(cfg *config.Config) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "relay"
	}
	for at := range strings.SplitSeq(cfg.Listen, ",") {
		if _, port, err := net.SplitHostPort(strings.TrimSpace(at)); err == nil {
			return host + ":" + port
		}
	}
	return host
}

// openReplicas joins the relays that share the queue. A local queue has none.
func (s *Sidecar) openReplicas(cfg *config.Config) error {
	if s.nats == nil {
		return nil
	}
	var err error
	s.group, err = replicas.New(replicas.Options{
		Bus: s.nats, Name: relayName(cfg), Logger: s.log, Tail: s.metrics.Tail(), Self: s.self,
		Delivers: func() bool { return s.lease.fresh() && len(s.drain.Status()) > 0 },
		Errors: func(err error) replicas.Failed {
			switch {
			case errors.Is(err, jetstream.ErrNotTaken):
				return replicas.FailedNobody
			case errors.Is(err, jetstream.ErrUnanswered):
				return replicas.FailedInDoubt
			}
			return replicas.FailedElse
		},
	})
	return err //nolint:wrapcheck // the error names the operation
}

// replicas returns the group as admin.Replicas; nil if the queue is not shared.
func (s *Sidecar) replicas() admin.Replicas {
	if s.group == nil {
		return nil
	}
	return s.group
}

// self returns the state that this relay sends to the others.
func (s *Sidecar) self() replicas.Beat {
	b := replicas.Beat{Version: Build().Version, Mapping: s.mapping.State().Digest, Stored: s.queue.Stats().Appended, Coming: s.admin.Coming()}
	if s.lease.fresh() {
		b.Lanes, b.Totals, b.Coverage, b.ClockSkew = s.drain.Status(), s.metrics.Totals(), s.metrics.Coverage(), s.metrics.ClockSkew()
	}
	return b
}

// serveReplicas sends this relay's state to the others and carries out their requests,
// until ctx ends.
func (s *Sidecar) serveReplicas(ctx context.Context) error {
	if err := s.group.Serve(s.admin.Do); err != nil {
		return err //nolint:wrapcheck // the error names the operation
	}
	return s.group.Run(ctx) //nolint:wrapcheck // only the end of ctx
}
