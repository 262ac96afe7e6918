package sidecar

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"relay/config"
	"relay/mapper"
	"relay/relay/internal/exit"
	"relay/relay/internal/ingest"
	"relay/relay/internal/memory"
	"relay/relay/internal/track"
)

// route returns the lanes of an event under the current mapping. It counts names that
// nearly match one in the mapping, because nothing else checks unmapped events.
func (s *Sidecar) route(event string) []string {
	if s.edge != nil {
		return forwarded
	}
	m := s.mapping.Mapping()
	to := m.Routes(event)
	if len(to) == 0 && m.NearMiss(event) != "" {
		s.metrics.Note(mapper.NoteNearMiss, 1)
	}
	return to
}

func (s *Sidecar) openIntake(cfg *config.Config, prints track.FingerprintKey) error {
	o := ingest.Options{
		Queue:             s.appender(),
		Now:               s.now,
		Route:             s.route,
		FingerprintKey:    prints,
		Keys:              writeKeys(cfg.Auth),
		AllowedOrigins:    cfg.Intake.AllowedOrigins,
		AllowedHosts:      cfg.Intake.AllowedHosts,
		MaxRequestBytes:   int(cfg.Intake.MaxRequestBytes),
		MaxEventBytes:     int(cfg.Intake.MaxEventBytes),
		MaxBatchEvents:    cfg.Intake.MaxBatchEvents,
		MemoryShort:       memory.NewRoof().Short,
		RequestsPerSecond: cfg.Intake.RequestsPerSecond,
		Burst:             cfg.Intake.Burst,
		AppendTimeout:     cfg.Intake.AppendTimeout,
		ReadTimeout:       cfg.Intake.ReadTimeout,
		Metrics:           loggedIntake{s.metrics.Intake(), s.log},
		Logger:            s.log,
	}
	if s.hub != nil {
		o.Forward = s.hub.Forward
	}
	var err error
	s.intake, err = ingest.New(o)
	if err != nil {
		return exit.BadConfig(fmt.Errorf("set up intake: %w", err))
	}
	s.server, err = ingest.Listen(ingest.ServerOptions{
		Handler:        s.intake,
		Listen:         []string{cfg.Listen},
		Cert:           cfg.TLS.Cert,
		Key:            cfg.TLS.Key,
		SocketMode:     fileMode(cfg.Intake.UnixSocketMode),
		MaxConnections: cfg.Intake.MaxConnections,
		Grace:          cfg.Intake.ShutdownGracePeriod,
		Logger:         s.log,
	})
	if err != nil && cfg.TLS.Cert != "" && !errors.As(err, new(syscall.Errno)) && !addressInUse(err) {
		return cfg.Invalid("tls.cert", "%v", err)
	}
	if err == nil {
		s.metrics.CertificateExpiry(s.server.CertificateExpiry)
	}
	return listenError("listen", cfg.Listen, err)
}

// listenError returns an error that names the config key of the address. An address in use
// might be free later (exit.TryLater). Config has already refused malformed addresses.
func listenError(key, addr string, err error) error {
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case addressInUse(err):
		return exit.TryLater(fmt.Errorf("%s: another program is already using %s", key, addr))
	case errors.As(err, &errno):
		return fmt.Errorf("%s: cannot listen on %s: %w", key, addr, errno)
	}
	return fmt.Errorf("%s: %w", key, err)
}

func addressInUse(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048) // WSAEADDRINUSE
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) || strings.Contains(err.Error(), "in use")
}
