package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"relay/config"
	"relay/internal/seal"
	"relay/relay/internal/drain"
	"relay/relay/internal/exit"
	"relay/relay/internal/person"
	"relay/relay/internal/receipts"
)

// ReceiptsDir is in the queue directory, so that one lock, one key and one backup cover both.
const ReceiptsDir = "receipts"

// openReceipts opens the ledger for writing. It returns nil if none is configured and a
// previous run left none. The caller holds the queue's lock.
func openReceipts(cfg *config.Config, secret []byte, log *slog.Logger) (*receipts.Ledger, error) {
	dir := filepath.Join(cfg.Dir(), ReceiptsDir)
	if _, err := os.Stat(dir); cfg.Queue.NATS.On() || err != nil && cfg.Queue.ReceiptsMaxSize == 0 {
		return nil, nil
	}
	keys, err := QueueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return nil, exit.BadConfig(err)
	}
	o := receipts.Options{MaxSize: max(cfg.Queue.ReceiptsMaxSize, 1), Secret: secret, Tokens: person.NewTokenizer().Of, Logger: log}
	if len(keys) > 0 {
		o.Key, o.OldKeys = keys[0], keys[1:]
	}
	l, err := receipts.Open(dir, o)
	if errors.Is(err, seal.ErrKey) {
		return nil, exit.BadConfig(err)
	}
	return l, err
}

// delivered records an accepted request, before the lane settles it.
func (s *Sidecar) delivered(d drain.Delivery) {
	if s.started.Queue.ReceiptsMaxSize > 0 { // 0: earlier receipts are only read and forgotten
		s.receipts.Record(d)
	}
	s.metrics.Tail().Delivery(d)
}

// receiptsOf returns the function that finds receipts; nil if none are kept.
func receiptsOf(l *receipts.Ledger) func(string) ([]receipts.Receipt, error) {
	if l == nil {
		return nil
	}
	return l.Find
}

// backedUp is a queue whose backup includes the receipts.
type backedUp struct {
	store
	receipts *receipts.Ledger
}

// Backup copies the queue to dir, then the receipts. Events in the copied queue can
// therefore have receipts; they will be sent again.
func (b backedUp) Backup(ctx context.Context, dir string) error {
	if err := b.store.Backup(ctx, dir); err != nil || b.receipts == nil {
		return err
	}
	return b.receipts.Backup(filepath.Join(dir, ReceiptsDir))
}

// offlineLedger is the receipts for a command that opens the queue directory: open for
// changes, or only for searching.
type offlineLedger struct {
	open *receipts.Ledger
	find func(string) ([]receipts.Receipt, error)
}

func (d offlineLedger) close() error {
	if d.open == nil {
		return nil
	}
	return d.open.Close()
}

func offlineReceipts(cfg *config.Config, write bool) (d offlineLedger, err error) {
	dir := filepath.Join(cfg.Dir(), ReceiptsDir)
	if _, err := os.Stat(dir); err != nil {
		return d, nil // there are no receipts
	}
	if write {
		secret, _, err := installationSecret(cfg)
		if err != nil {
			return d, err
		}
		d.open, err = openReceipts(cfg, secret, slog.New(slog.DiscardHandler))
		d.find = receiptsOf(d.open)
		return d, err
	}
	secret, _ := seal.ReadSecret(cfg.Dir()) // without it, order ids that were sent hashed are not found
	keys, err := QueueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return d, exit.BadConfig(fmt.Errorf("open receipts: %w", err))
	}
	d.find = func(id string) ([]receipts.Receipt, error) { return receipts.Find(dir, id, secret, keys...) }
	return d, nil
}

// forgetReceipts returns the function that removes a person from the receipts; nil: there
// are none.
func forgetReceipts(l *receipts.Ledger) func(*person.Matcher, bool) (int, []string, error) {
	if l == nil {
		return nil
	}
	return func(look *person.Matcher, dry bool) (int, []string, error) {
		n, err := l.Forget(receipts.Person{Fingerprints: look.Fingerprints, Tokens: look.Tokens, ID: look.ID, Dry: dry})
		return n.Removed, receiptsUnreached(n), err
	}
}

// receiptsUnreached returns which receipts could not be searched, with the fix.
func receiptsUnreached(n receipts.Forgotten) (out []string) {
	if n.Unsearched > 0 {
		out = append(out, fmt.Sprintf("%d receipts could not be searched, because the secret they were made with is missing: "+
			"restore the file `secret` from a backup and run this again, or delete the receipts", n.Unsearched))
	}
	if n.Keyless > 0 {
		out = append(out, fmt.Sprintf("the receipts of %d requests are encrypted with a missing key: "+
			"add the key as another line to the file of queue.encryption_key and run this again, or delete the receipts", n.Keyless))
	}
	return out
}
