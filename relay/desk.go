package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/mapper"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/admin"
	"relay/relay/internal/drain"
	"relay/relay/internal/track"
)

// desk is where a command asks and acts: at the running relay or, when none
// runs, at the queue directory, opened by this process for as long as the
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
	client, err := admin.NewClient(cfg.Admin.Listen, cfg.Admin.Token.Reveal())
	if err != nil {
		return nil, badConfig(err)
	}
	_, err = client.Ping(c.Context())
	if err == nil {
		return &desk{Client: client, close: client.Close}, nil
	}
	if !errors.Is(err, admin.ErrUnreachable) {
		return nil, tryLater(err)
	}
	d, lerr := openLocalDesk(c.Context(), cfg, write)
	if lerr != nil {
		return nil, lerr
	}
	return d, nil
}

// openLocalDesk serves the admin API from the queue directory, on a loopback
// port that only this process knows the token of.
func openLocalDesk(ctx context.Context, cfg *config.Config, write bool) (*desk, error) {
	if _, err := os.Stat(cfg.Queue.Path); err != nil {
		return nil, tryLater(fmt.Errorf("no relay answers at %s, and there is no queue in %s", cfg.Admin.Listen, cfg.Queue.Path))
	}
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
	settle(ctx, q)
	token := rand.Text()
	m := offlineMapping(cfg.Mapping, q)
	s, err := admin.New(admin.Options{ //nolint:contextcheck // binding does not wait
		Listen:   "127.0.0.1:0",
		Token:    token,
		Queue:    backedUp{q, ledger.open},
		Imports:  q,
		PrintKey: prints,
		Receipts: ledger.find,
		Forget:   forgetIn(ledger.open),
		Mapping:  func() admin.Mapping { return m },
		Foresight: func() drain.Foresight {
			return drain.Foresight{Mapping: drain.Live(m), MaxAge: cfg.Queue.MaxAge, Now: time.Now(), Ages: true}
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
	end := func() {
		stop()
		wg.Wait()
		_ = ledger.close()
		_ = q.Close()
	}
	client, err := admin.NewClient(s.Addr(), token)
	if err != nil {
		end()
		return nil, err
	}
	return &desk{Client: client, offline: true, close: func() { client.Close(); end() }}, nil
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
func offlineMapping(file string, n interface{ Note(string) []byte }) *mapper.Mapping {
	src, err := os.ReadFile(file)
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

// withDesk runs a command at a desk.
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
	client, err := admin.NewClient(cfg.Admin.Listen, cfg.Admin.Token.Reveal())
	if err != nil {
		return badConfig(err)
	}
	defer client.Close()
	return deskError(do(c.Context(), client))
}
