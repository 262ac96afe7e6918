package main

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

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/socket"
	"relay/mapper"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/admin"
	"relay/relay/internal/drain"
	"relay/relay/internal/spool"
	"relay/relay/internal/track"
)

// desk is a command's session: with the running relay or, when none runs, with
// the queue directory, opened by this process for as long as the
// command takes. Either way it is the same API.
type desk struct {
	*admin.Client
	offline bool
	close   func()
}

// openDesk connects to the relay that the config describes. When none answers
// it opens the queue itself: for reading, or with write for changes too.
func openDesk(c *cobra.Command, write bool) (*desk, error) {
	cfg, _, err := config.Load(configPath(c), config.Options{})
	if err != nil {
		return nil, err
	}
	client := controlClient(cfg)
	_, err = client.Ping(c.Context())
	if err == nil {
		return &desk{Client: client, close: client.Close}, nil
	}
	if !errors.Is(err, admin.ErrUnreachable) {
		return nil, notReached(err)
	}
	d, lerr := openLocalDesk(c.Context(), cfg, write)
	if lerr != nil {
		return nil, lerr
	}
	return d, nil
}

// notReached gives its exit code to an answer that is no relay's, or to none.
func notReached(err error) error {
	if errors.Is(err, socket.ErrNotAllowed) {
		return err
	}
	return tryLater(err)
}

// openLocalDesk serves the admin API from the queue directory, within this
// process or, for root, within one of the queue's owner.
func openLocalDesk(ctx context.Context, cfg *config.Config, write bool) (*desk, error) {
	switch _, err := os.Stat(cfg.Queue.Path); {
	case errors.Is(err, fs.ErrPermission):
		return nil, notAllowed(fmt.Errorf("no relay answers at %s, and this user may not open the queue in %s; run the command as its owner or as root (sudo)", controlPaths(cfg)[0], cfg.Queue.Path))
	case err != nil:
		return nil, tryLater(fmt.Errorf("no relay answers at %s, and there is no queue in %s", controlPaths(cfg)[0], cfg.Queue.Path))
	}
	if uid, _, ok := foreignOwner(cfg.Queue.Path); ok {
		return openOwnersDesk(cfg, write, uid)
	}
	l, dial := admin.Pipe()
	end, err := serveQueue(ctx, cfg, write, l)
	if err != nil {
		return nil, err
	}
	client := admin.NewClient(cfg.Queue.Path, dial)
	return &desk{Client: client, offline: true, close: func() { client.Close(); end() }}, nil
}

// serveQueue opens the queue and serves the admin API at l, until the function it
// returns is called. It owns l.
func serveQueue(ctx context.Context, cfg *config.Config, write bool, l net.Listener) (end func(), err error) {
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if err := checkRestored(cfg.Queue.Path); err != nil {
		return nil, err
	}
	o, err := queueOptions(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	var q *local.Queue
	if write {
		q, err = local.Open(cfg.Queue.Path, o)
	} else {
		keys := o.OldKeys
		if o.Key != nil {
			keys = append([][]byte{o.Key}, keys...)
		}
		q, err = local.OpenReadOnly(cfg.Queue.Path, keys...)
	}
	if err != nil {
		return nil, queueError(err)
	}
	ledger, err := offlineReceipts(cfg, write)
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	var prints track.PrintKey // nothing is appended without it
	if write {
		prints = track.NewPrintKey(q.PrintSecret())
	}
	var audit io.Writer // none where nothing can be written, as on a copy that is mounted read-only
	auditFile, err := openAudit(cfg)
	if err == nil {
		audit = auditFile
	}
	settle(ctx, q)
	m := offlineMapping(cfg, q)
	kept := &liveMapping{notes: noteReader{q}, file: cfg.Mapping}
	if m != nil {
		kept.current.Store(m)
	}
	var dropped *spool.Directory // for a change: a person is removed from there too
	if write {
		err := admin.CleanCopies(cfg.Queue.Path)
		if err == nil {
			dropped, err = offlineSpool(cfg, q, prints, func() *mapper.Mapping { return m })
		}
		if err != nil {
			return nil, errors.Join(err, ledger.close(), q.Close())
		}
	}
	s, err := admin.New(admin.Options{ //nolint:contextcheck // binding does not wait
		Control:  l,
		Audit:    audit,
		Queue:    backedUp{q, ledger.open},
		Forwards: cfg.Forward.URL != "",
		Stores:   storesOf(nil, func() *config.Config { return cfg }),
		Imports:  q,
		PrintKey: prints,
		Receipts: ledger.find,
		Mappings: func() []*mapper.Mapping { return append([]*mapper.Mapping{m}, kept.all()...) },
		Copies:   admin.CopiesDir(cfg.Queue.Path),

		ForgetReceipts: forgetReceipts(ledger.open),
		ForgetDropped:  forgetDropped(dropped),
		Mapping:        func() admin.Mapping { return m },
		Foresight: func() drain.Foresight {
			return drain.Foresight{
				Mapping: drain.Live(m), MaxAge: cfg.Queue.MaxAge, Now: time.Now(), Ages: true,
				By: func(digest string) drain.Mapping { return drain.Live(kept.ByDigest(digest)) },
			}
		},
		Config: func() []byte { return effective(cfg) },
		Build:  build(),
		Logger: slog.New(slog.DiscardHandler),
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

// settle waits until a queue just opened has looked at its old files, so that
// its numbers are whole; a very large one is shown as far as it is known.
func settle(ctx context.Context, q *local.Queue) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_ = q.DeadLetters("", func(queue.DeadLetter) bool { return false }) // they are counted when first read
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

// offlineMapping is the mapping of the file, or the last good one, or none.
func offlineMapping(cfg *config.Config, n interface{ Note(string) []byte }) *mapper.Mapping {
	file := cfg.Mapping
	src, err := readMapping(cfg)
	if err == nil {
		if m, _, err := mapper.Parse(file, src); err == nil {
			return m
		}
	}
	l := &liveMapping{notes: noteReader{n}}
	if ds := l.digests(); len(ds) > 0 {
		if m, _, err := mapper.Parse(file, n.Note(noteMapping+ds[0])); err == nil {
			return m
		}
	}
	return nil
}

type noteReader struct {
	n interface{ Note(string) []byte }
}

func (r noteReader) Note(key string) []byte       { return r.n.Note(key) }
func (r noteReader) SetNote(string, []byte) error { return errors.New("read only") }

// withDesk runs a command in a session.
func withDesk(c *cobra.Command, write bool, do func(context.Context, *desk) error) error {
	d, err := openDesk(c, write)
	if err != nil {
		return err
	}
	defer d.close()
	return deskError(do(c.Context(), d))
}

// deskError gives an answer its exit code.
func deskError(err error) error {
	if errors.Is(err, admin.ErrUnreachable) {
		return tryLater(err)
	}
	return err
}

// online is withDesk for what only a running relay can do.
func online(c *cobra.Command, do func(context.Context, *admin.Client) error) error {
	cfg, _, err := config.Load(configPath(c), config.Options{})
	if err != nil {
		return err
	}
	client := controlClient(cfg)
	defer client.Close()
	return deskError(do(c.Context(), client))
}
