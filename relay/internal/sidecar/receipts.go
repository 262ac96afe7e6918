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

// ReceiptsDir lies in the queue's directory: one lock, one key, one backup.
const ReceiptsDir = "receipts"

// openReceipts opens the ledger for writing; nil when none is kept and none was
// left by a previous run. The caller holds the queue's lock.
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

// delivered is told of each accepted request before the lane settles it.
func (s *Sidecar) delivered(d drain.Delivery) {
	if s.started.Queue.ReceiptsMaxSize > 0 { // 0: those of before are only read and forgotten
		s.receipts.Record(d)
	}
	s.metrics.Tail().Delivery(d)
}

// receiptsOf is admin's way to look receipts up; nil when none are kept.
func receiptsOf(l *receipts.Ledger) func(string) ([]receipts.Receipt, error) {
	if l == nil {
		return nil
	}
	return l.Find
}

// backedUp is a queue whose backup has the receipts in it.
type backedUp struct {
	store
	receipts *receipts.Ledger
}

// Backup copies queue and receipts to dir. Receipts come last: what the copied
// queue still holds may be in them already, and is sent again.
func (b backedUp) Backup(ctx context.Context, dir string) error {
	if err := b.store.Backup(ctx, dir); err != nil || b.receipts == nil {
		return err
	}
	return b.receipts.Backup(filepath.Join(dir, ReceiptsDir))
}

// offlineLedger is the receipts of a command that opens the queue itself: open for a
// change, or only to be searched.
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
		return d, nil // none were ever kept
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
	secret, _ := seal.ReadSecret(cfg.Dir()) // without it an order id that was sent hashed is not found
	keys, err := QueueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return d, exit.BadConfig(fmt.Errorf("open receipts: %w", err))
	}
	d.find = func(id string) ([]receipts.Receipt, error) { return receipts.Find(dir, id, secret, keys...) }
	return d, nil
}

// forgetReceipts is admin's way to remove a person from the receipts; nil: there are none.
func forgetReceipts(l *receipts.Ledger) func(*person.Matcher, bool) (int, []string, error) {
	if l == nil {
		return nil
	}
	return func(look *person.Matcher, dry bool) (int, []string, error) {
		n, err := l.Forget(receipts.Person{Fingerprints: look.Fingerprints, Tokens: look.Tokens, ID: look.ID, Dry: dry})
		return n.Removed, receiptsUnreached(n), err
	}
}

// receiptsUnreached says which receipts could not be searched, and what helps.
func receiptsUnreached(n receipts.Forgotten) (out []string) {
	if n.Unsearched > 0 {
		out = append(out, fmt.Sprintf("%d receipts could not be searched for people, because they were fingerprinted with a secret that is not there any more: "+
			"put the file `secret` of a backup back and do this again, or remove the receipts", n.Unsearched))
	}
	if n.Keyless > 0 {
		out = append(out, fmt.Sprintf("the receipts of %d requests are encrypted with a key that is not there any more: "+
			"put it back as a further line of queue.encryption_key and do this again, or remove the receipts", n.Keyless))
	}
	return out
}
