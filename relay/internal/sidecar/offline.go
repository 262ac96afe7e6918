package sidecar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"relay/config"
	"relay/internal/seal"
	"relay/internal/socket"
	"relay/mapper"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/admin"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/backup"
	"relay/relay/internal/control"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/exit"
	"relay/relay/internal/privacy"
	"relay/relay/internal/spool"
	"relay/relay/internal/track"
)

// ServeQueue opens the queue and serves the admin API on l until end is called. It closes l.
func ServeQueue(ctx context.Context, cfg *config.Config, write bool, l net.Listener) (end func(), err error) {
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	o, err := queueOptions(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	var q *local.Queue
	if write {
		q, err = openDir(cfg.Dir(), o)
	} else {
		q, err = openDirReadOnly(cfg.Dir(), o)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		if uid, ok := socket.Owner(cfg.Dir()); ok && uid == os.Geteuid() { // the directory, but not the files in it
			return nil, accessRefused(cfg, err)
		}
		return nil, exit.NotAllowed(fmt.Errorf("no relay is running, and this user is not allowed to open the queue in %s: run the command %s", cfg.Dir(), socket.As(cfg.Dir())))
	case errors.Is(err, fs.ErrNotExist) && !write:
		return nil, exit.TryLater(fmt.Errorf("no relay is running, and there is no queue in %s, which is empty or on a volume that is not mounted: %s", cfg.Dir(), control.StartRelay))
	case err != nil:
		return nil, openError(cfg, err)
	}
	ledger, err := offlineReceipts(cfg, write)
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	var prints track.FingerprintKey // only needed to append
	if write {
		prints = track.NewFingerprintKey(q.PrintSecret())
	}
	var audit io.Writer // nil if it cannot be written, such as on a read-only mount
	auditFile, err := openAudit(cfg)
	if err == nil {
		audit = auditFile
	}
	WaitOpened(ctx, q)
	history := mappingHistory{notes: q}
	m := offlineMapping(cfg, history)
	var dropped *spool.Directory // for a forget
	if write {
		err := backup.CleanCopies(cfg.Dir())
		if err == nil {
			dropped, err = offlineSpool(cfg, q, prints, func() *mapper.Mapping { return m })
		}
		if err != nil {
			return nil, errors.Join(err, ledger.close(), q.Close())
		}
	}
	secret, _ := seal.ReadSecret(cfg.Queue.Path) // without it a forget reports that import reports cannot be found
	s, err := admin.New(admin.Options{           //nolint:contextcheck // binding an address does not block
		Access:         access.Options{Control: l, Audit: audit},
		Queue:          backedUp{store: q, receipts: ledger.open},
		Hub:            admin.Hub{Forwards: cfg.Forward.URL, Stores: storesOf(nil, func() *config.Config { return cfg })},
		Imports:        q,
		Secret:         secret,
		FingerprintKey: prints,
		Receipts:       ledger.find,
		Copies:         backup.CopiesDir(cfg.Dir()),

		People: privacy.Sources{
			Mappings:  func() []*mapper.Mapping { return append([]*mapper.Mapping{m}, history.mappings()...) },
			Receipts:  forgetReceipts(ledger.open),
			Dropped:   forgetSpool(dropped),
			Strangers: strangers(func() *config.Config { return cfg }),
		},
		Delivery: admin.Delivery{
			Mapping: func() admin.Mapping { return m },
			Foresight: func() batch.Foresight {
				return batch.Foresight{
					Mapping: batch.Live(m), MaxAge: cfg.Queue.MaxAge, Now: time.Now(), Ages: true,
					By: func(digest string) batch.Mapping {
						if m != nil && m.Digest() == digest {
							return batch.Live(m)
						}
						return batch.Live(history.mapping(digest))
					},
				}
			},
		},
		Support: admin.Support{Config: func() []byte { return effective(cfg) }},
		Build:   Build(),
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, errors.Join(err, ledger.close(), q.Close())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	return func() {
		stop()
		wg.Wait()
		_ = ledger.close()
		_ = q.Close()
		if auditFile != nil {
			_ = auditFile.Close()
		}
	}, nil
}

// openDirReadOnly opens the queue in dir for reading, unless a restore into it has not finished.
func openDirReadOnly(dir string, o local.Options) (*local.Queue, error) {
	if err := checkRestored(dir); err != nil {
		return nil, err
	}
	keys := o.OldKeys
	if o.Key != nil {
		keys = append([][]byte{o.Key}, keys...)
	}
	return local.OpenReadOnly(dir, keys...)
}

// WaitOpened waits until a queue has read its old files, so that its numbers are complete.
// It gives up after 10 s.
func WaitOpened(ctx context.Context, q *local.Queue) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_ = q.DeadLetters("", func(queue.DeadLetter) bool { return false }) // the first read counts them
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for q.Stats().Opening {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// offlineMapping returns the mapping of the file, else the last valid one, else nil.
func offlineMapping(cfg *config.Config, h mappingHistory) *mapper.Mapping {
	if src, err := ReadMapping(cfg); err == nil {
		if m, _, err := h.parse(cfg.Mapping, src); err == nil {
			return m
		}
	}
	if src, ok := h.newest(); ok {
		if m, _, err := h.parse(cfg.Mapping, src); err == nil {
			return m
		}
	}
	return nil
}
