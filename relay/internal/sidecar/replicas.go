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

// relayName is what this relay is called among those that share its queue: its machine and
// the port it listens on, as one machine may have several.
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

// openReplicas begins to hear the other relays of the queue; there are none where it lies
// in a directory.
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
			case errors.Is(err, jetstream.ErrNobody):
				return replicas.FailedNobody
			case errors.Is(err, jetstream.ErrUnanswered):
				return replicas.FailedInDoubt
			}
			return replicas.FailedElse
		},
	})
	return err //nolint:wrapcheck // says what it was about
}

// others is the same for admin, which takes nil for none.
func (s *Sidecar) others() admin.Replicas {
	if s.group == nil {
		return nil
	}
	return s.group
}

// self is what this relay tells the others.
func (s *Sidecar) self() replicas.Beat {
	b := replicas.Beat{Version: Build().Version, Mapping: s.mapping.State().Digest, Stored: s.queue.Stats().Appended, Coming: s.admin.Coming()}
	if s.lease.fresh() {
		b.Lanes, b.Totals, b.Coverage, b.ClockSkew = s.drain.Status(), s.metrics.Totals(), s.metrics.Coverage(), s.metrics.ClockSkew()
	}
	return b
}

// tellOthers tells the other relays of this one, and does what they have it do.
func (s *Sidecar) tellOthers(ctx context.Context) error {
	if err := s.group.Serve(s.admin.Do); err != nil {
		return err //nolint:wrapcheck // says what it was about
	}
	return s.group.Run(ctx) //nolint:wrapcheck // only its end comes
}
