package sidecar

import (
	"bytes"
	"errors"
	"time"

	"relay/config"
	"relay/relay/internal/admin"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/backup"
	"relay/relay/internal/exit"
	"relay/relay/internal/privacy"
	"relay/relay/internal/track"
)

func (s *Sidecar) openAdmin(cfg *config.Config, prints track.PrintKey) error {
	control, err := openControl(cfg, s.log)
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
		Pprof:     cfg.Admin.Pprof,
		Queue:     backedUp{s.queue, s.receipts},
		Imports:   s.takes(),
		Secret:    s.mapping.secret,
		PrintKey:  prints,
		Drain:     s.delivers(),
		Delivers:  s.delivering(),
		Replicas:  s.others(),
		Mapping:   func() admin.Mapping { return s.mapping.Mapping() },
		Foresight: s.drain.Foresight,
		Files:     s.files,
		Spool:     s.spoolStatus,
		Reload:    s.Reload,
		TokenLack: s.tokens.lack,
		Forwards:  s.forwards(),
		Stores:    storesOf(s.hub, s.settings.Load),
		Tell:      s.tellStores(),
		Replay:    s.replay(),
		Receipts:  receiptsOf(s.receipts),
		Copies:    backup.CopiesDir(cfg.Dir()),

		People: privacy.Sources{
			Mappings:  s.mapping.all,
			Receipts:  forgetReceipts(s.receipts),
			Dropped:   forgetDropped(s.spool),
			Strangers: strangers(s.settings.Load),
		},
		Config:  func() []byte { return effective(s.settings.Load()) },
		Logs:    s.logs.Last,
		Metrics: s.metrics,
		Build:   Build(),
		Logger:  s.log,
		Now:     func() time.Time { t, _ := s.drain.Now(); return t }, // what lanes date by
		Limits: func() float64 {
			c := s.settings.Load()
			return c.Rate.RequestsPerSecond * float64(c.Batch.MaxEvents)
		},
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

// effective is a config for the support bundle, secrets hidden.
func effective(cfg *config.Config) []byte {
	var b bytes.Buffer
	if err := cfg.WriteYAML(&b); err != nil {
		return []byte(err.Error())
	}
	return b.Bytes()
}

func (s *Sidecar) files() api.Files {
	f := api.Files{Config: *s.confState.Load(), Mapping: s.mapping.State()}
	if s.watcher == nil { // not open yet
		return f
	}
	if at := s.watcher.Restless(s.mapping.path()); !at.IsZero() {
		f.Mapping.Restless = &api.Restless{File: s.mapping.path(), Since: at}
	}
	for _, file := range s.settings.Load().Files {
		if at := s.watcher.Restless(file); !at.IsZero() && file != s.mapping.path() {
			f.Config.Restless = &api.Restless{File: file, Since: at}
			break
		}
	}
	return f
}
