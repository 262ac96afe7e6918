package sidecar

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"relay/config"
	"relay/config/watch"
	"relay/internal/seal"
	"relay/mapper"
	"relay/mapper/event"
	"relay/mapper/zone"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/exit"
	"relay/relay/internal/person"
	"relay/relay/internal/spool"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/track"
)

// openSpool opens the spool directory, if one is configured.
func (s *Sidecar) openSpool(cfg *config.Config, prints track.FingerprintKey) error {
	if cfg.Spool.Dir == "" {
		return nil
	}
	s.dropped = make(chan struct{}, 1)
	o, err := spoolOptions(cfg, prints, s.keys, s.mapping.Mapping)
	if err != nil {
		return err
	}
	s.sealing = o.Seal
	o.Queue, o.Notify, o.Logger = countedAppends{s}, s.dropped, s.log
	s.spool, err = newSpool(o)
	return err
}

// spoolOptions returns how spool files are read and kept. The caller adds the queue.
func spoolOptions(cfg *config.Config, prints track.FingerprintKey, keys [][]byte, mapping func() *mapper.Mapping) (o spool.DirectoryOptions, err error) {
	o = spool.DirectoryOptions{
		Dir:     cfg.Spool.Dir,
		Mapping: mapping, Unsent: cfg.Spool.Unsent,
		FingerprintKey: prints, MaxEventBytes: int(cfg.Intake.MaxEventBytes),
		Keep: cfg.SpoolKeep,
	}
	if o.Layout, err = SpoolLayout(cfg); err != nil {
		return o, err
	}
	if o.Seal, err = RingOf(keys); err != nil {
		return o, exit.BadConfig(err)
	}
	return o, nil
}

func newSpool(o spool.DirectoryOptions) (*spool.Directory, error) {
	d, err := spool.NewDirectory(o)
	if err != nil {
		return nil, exit.BadConfig(fmt.Errorf("spool: %w", err))
	}
	return d, nil
}

// offlineSpool opens the spool directory for a forget while no relay is running; nil: there
// is none.
func offlineSpool(cfg *config.Config, q *local.Queue, prints track.FingerprintKey, mapping func() *mapper.Mapping) (*spool.Directory, error) {
	if cfg.Spool.Dir == "" {
		return nil, nil
	}
	if _, err := os.Stat(cfg.Spool.Dir); err != nil {
		return nil, nil //nolint:nilerr // the directory does not exist
	}
	keys, err := QueueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return nil, exit.BadConfig(err)
	}
	o, err := spoolOptions(cfg, prints, keys, mapping)
	if err != nil {
		return nil, err
	}
	o.Queue, o.Logger = q, slog.New(slog.DiscardHandler)
	return newSpool(o)
}

// SpoolLayout returns the layout of CSV files in the spool directory.
func SpoolLayout(cfg *config.Config) (rows.Layout, error) {
	l := rows.Layout{Event: cfg.Spool.Event, TimeFormat: cfg.Spool.TimeFormat, HeaderRow: cfg.Spool.HeaderRow, GroupBy: cfg.Spool.GroupBy, ID: cfg.Spool.ID}
	var err error
	if l.Comma, err = rows.ParseSeparator(cfg.Spool.Separator); err != nil {
		return l, cfg.Invalid("spool.separator", "%v", err)
	}
	if l.Encoding, err = rows.ParseEncoding(cfg.Spool.Encoding); err != nil {
		return l, cfg.Invalid("spool.encoding", "%v", err)
	}
	if l.TimeFormat != "" {
		if err := event.CheckTimeFormat(l.TimeFormat); err != nil {
			return l, cfg.Invalid("spool.time_format", "%v", err)
		}
	}
	if cfg.Spool.Timezone != "" {
		if l.Zone, err = zone.Parse(cfg.Spool.Timezone); err != nil {
			return l, cfg.Invalid("spool.timezone", "%q is not a time zone: %v", cfg.Spool.Timezone, err)
		}
	}
	for _, c := range cfg.Spool.Columns {
		l.Columns = append(l.Columns, rows.Column(c))
	}
	return l, nil
}

// RingOf returns a ring that encrypts with the first key. Without keys it does not encrypt.
func RingOf(keys [][]byte) (*seal.Ring, error) {
	var first []byte
	if len(keys) > 0 {
		first, keys = keys[0], keys[1:]
	}
	k, err := seal.NewKeys(first, keys...)
	if err != nil {
		return nil, err
	}
	return seal.NewRing(k), nil
}

func (s *Sidecar) watchSpool(ctx context.Context) error {
	return watch.Drops(ctx, s.started.Spool.Dir, s.started.Watch.Mode, s.dropped, s.log)
}

// spoolStatus returns the status of the spool directory; nil: there is none.
func (s *Sidecar) spoolStatus() *spool.DirectoryStatus {
	if s.spool == nil {
		return nil
	}
	st := s.spool.Status()
	return &st
}

// countedAppends is the queue of the spool, which counts the imported events in metrics.
type countedAppends struct{ s *Sidecar }

func (c countedAppends) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	a, err := c.s.appender().Append(ctx, entries)
	if err == nil {
		unmapped := 0
		for _, e := range entries {
			if track.IsUnmapped(e.Lanes) {
				unmapped++
			}
		}
		c.s.metrics.Imported(a, unmapped)
	}
	return a, err
}

// forgetSpool returns the function that removes a person from spool files; nil: there is no
// spool directory.
func forgetSpool(d *spool.Directory) func(context.Context, *person.Matcher, bool) (int, []string, error) {
	if d == nil {
		return nil
	}
	return func(ctx context.Context, look *person.Matcher, dry bool) (int, []string, error) {
		n, err := d.Forget(ctx, look, dry)
		return n.Rows, n.Unreached, err
	}
}
