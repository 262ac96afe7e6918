package sidecar

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relay/config"
	"relay/mapper/personal"
	"relay/queue/local/directory"
	"relay/relay/internal/admin"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/backup"
	"relay/relay/internal/control"
	"relay/relay/internal/exit"
	"relay/relay/internal/logging"
	"relay/relay/internal/privacy"
	"relay/relay/internal/track"
)

func (s *Sidecar) openAdmin(cfg *config.Config, prints track.FingerprintKey) error {
	control, err := control.Listen(cfg, s.log)
	if err != nil {
		return err
	}
	if s.audit, err = openAudit(cfg); err != nil {
		return errors.Join(err, control.Close())
	}
	s.admin, err = admin.New(admin.Options{
		Access: access.Options{
			Listen:  cfg.Admin.Listen,
			Token:   cfg.Admin.Token.Reveal(),
			Cert:    cfg.Admin.TLS.Cert,
			Key:     cfg.Admin.TLS.Key,
			Health:  cfg.Health.Listen,
			Control: control,
			Audit:   s.audit,
		},
		Pprof:          cfg.Admin.Pprof,
		Queue:          backedUp{s.queue, s.receipts},
		Imports:        s.appender(),
		Secret:         s.mapping.history.secret,
		FingerprintKey: prints,
		Delivery: admin.Delivery{
			Drain:     s.adminDrain(),
			Delivers:  s.delivers(),
			Replicas:  s.replicas(),
			Mapping:   func() admin.Mapping { return s.mapping.Mapping() },
			TokenLack: s.tokens.lack,
			Foresight: s.drain.Foresight,
			Limits: func() float64 {
				c := s.settings.Load()
				return c.Rate.RequestsPerSecond * float64(c.Batch.MaxEvents)
			},
		},
		Hub: admin.Hub{
			Forwards: s.started.Forward.URL,
			Stores:   storesOf(s.hub, s.settings.Load),
			Tell:     s.tellStores(),
			Replay:   s.replay(),
		},
		Files:    s.files,
		Spool:    s.spoolStatus,
		Reload:   s.Reload,
		Receipts: receiptsOf(s.receipts),
		Copies:   backup.CopiesDir(cfg.Dir()),
		People: privacy.Sources{
			Mappings:  s.mapping.all,
			Receipts:  forgetReceipts(s.receipts),
			Dropped:   forgetSpool(s.spool),
			Strangers: strangers(s.settings.Load),
		},
		Support: admin.Support{Config: func() []byte { return effective(s.settings.Load()) }, Logs: s.logs.Last},
		Metrics: s.metrics,
		Build:   Build(),
		Logger:  s.log,
		Now:     func() time.Time { t, _ := s.drain.Now(); return t }, // the clock of the lanes
	})
	switch {
	case errors.Is(err, access.ErrTokenNeeded), errors.Is(err, access.ErrTLSNeeded):
		return exit.BadConfig(err)
	case errors.Is(err, access.ErrCertificate):
		return cfg.Invalid("admin.tls.cert", "%v", err)
	case errors.Is(err, access.ErrHealth):
		return listenError("health.listen", cfg.Health.Listen, err)
	}
	return listenError("admin.listen", cfg.Admin.Listen, err)
}

// effective returns the config for the support bundle, with secrets hidden.
func effective(cfg *config.Config) []byte {
	var b bytes.Buffer
	if err := cfg.WriteYAML(&b); err != nil {
		return []byte(err.Error())
	}
	return b.Bytes()
}

func (s *Sidecar) files() api.Files {
	f := api.Files{Config: *s.confState.Load(), Mapping: s.mapping.State()}
	if s.watcher == nil { // Open has not finished
		return f
	}
	if at := s.watcher.ChangingSince(s.mapping.path()); !at.IsZero() {
		f.Mapping.Restless = &api.Restless{File: s.mapping.path(), Since: at}
	}
	for _, file := range s.settings.Load().Files {
		if at := s.watcher.ChangingSince(file); !at.IsZero() && file != s.mapping.path() {
			f.Config.Restless = &api.Restless{File: file, Since: at}
			break
		}
	}
	return f
}

// audit.log, in the queue directory, records what was shown and changed over the admin
// API. With its rotated files it is at most 4 MiB.
const (
	auditName = "audit.log"
	auditSize = 1 << 20
	auditKeep = 3
)

// openAudit opens audit.log.
func openAudit(cfg *config.Config) (*logging.Rotating, error) {
	f, err := logging.OpenRotating(filepath.Join(cfg.Dir(), auditName), auditSize, auditKeep, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	return f, nil
}

// strangers returns a function that lists what is below the queue directory and is not
// relay's: a copy that somebody made, a file of an editor. It does not list the files that
// relay.yaml names and the spool directory.
func strangers(settings func() *config.Config) func() ([]string, error) {
	return func() ([]string, error) {
		cfg := settings()
		dir, err := filepath.Abs(cfg.Dir())
		if err != nil {
			return nil, fmt.Errorf("list queue directory: %w", err)
		}
		named := make(map[string]bool)
		for _, file := range append([]string{cfg.File, cfg.Spool.Dir}, cfg.Files...) {
			if abs, err := filepath.Abs(file); err == nil && file != "" {
				named[abs] = true
			}
		}
		all, err := directory.Strangers(dir, func(name string) bool { return named[filepath.Join(dir, filepath.FromSlash(name))] })
		if err != nil || len(all) == 0 {
			return nil, err
		}
		const most = 10
		shown := make([]string, 0, most)
		for _, name := range all[:min(len(all), most)] {
			shown = append(shown, showPath(dir, name))
		}
		if len(all) > most {
			shown = append(shown, "…")
		}
		return []string{fmt.Sprintf("%d files, links and directories below %s that are not relay's; search or delete them yourself: %s", len(all), dir, strings.Join(shown, ", "))}, nil
	}
}

// showPath returns a path whose parts are masked where they might be a person's name, with
// size and time, so that the file can be found.
func showPath(dir, name string) string {
	fi, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		fi = nil // removed meanwhile
	}
	return personal.ShowPath(name, func(part string) bool {
		_, own := directory.Own(part)
		return own
	}, fi)
}
