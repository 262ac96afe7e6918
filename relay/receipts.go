package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"relay/config"
	"relay/internal/seal"
	"relay/queue/local"
	"relay/relay/internal/doctor"
	"relay/relay/internal/drain"
	"relay/relay/internal/receipts"
)

// receiptsDir lies in the queue's directory: one lock, one key, one backup.
const receiptsDir = "receipts"

// openReceipts opens the ledger for writing; nil when none is kept and none was
// left by a previous run. The caller holds the queue's lock.
func openReceipts(cfg *config.Config, secret []byte, log *slog.Logger) (*receipts.Ledger, error) {
	dir := filepath.Join(cfg.Queue.Path, receiptsDir)
	if _, err := os.Stat(dir); err != nil && cfg.Queue.ReceiptsMaxSize == 0 {
		return nil, nil
	}
	keys, err := queueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return nil, badConfig(err)
	}
	o := receipts.Options{MaxSize: max(cfg.Queue.ReceiptsMaxSize, 1), Secret: secret, Logger: log}
	if len(keys) > 0 {
		o.Key, o.OldKeys = keys[0], keys[1:]
	}
	l, err := receipts.Open(dir, o)
	if errors.Is(err, seal.ErrKey) {
		return nil, badConfig(err)
	}
	return l, err
}

// registerReceipts adds what the ledger is like to the metrics.
func (s *sidecar) registerReceipts() error {
	if s.receipts == nil {
		return nil
	}
	err := s.metrics.Registry().Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "relay_receipts_bytes", Help: "Size of the receipts of what was delivered."},
		func() float64 { return float64(s.receipts.Stats().Bytes) }))
	return errors.Join(err, s.metrics.Registry().Register(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "relay_receipts_failed_total", Help: "Accepted requests whose receipts could not be written."},
		func() float64 { return float64(s.receipts.Stats().Failures) })))
}

// delivered is told of each accepted request before the lane settles it.
func (s *sidecar) delivered(d drain.Delivery) {
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
	*local.Queue
	receipts *receipts.Ledger
}

// Backup copies queue and receipts to dir. Receipts come last: what the copied
// queue still holds may be in them already, and is sent again.
func (b backedUp) Backup(ctx context.Context, dir string) error {
	if err := b.Queue.Backup(ctx, dir); err != nil || b.receipts == nil {
		return err
	}
	return b.receipts.Backup(filepath.Join(dir, receiptsDir))
}

// receiptsKept describes for doctor the receipts and the secret they are
// fingerprinted with.
func receiptsKept(cfg *config.Config) (k doctor.Receipts) {
	dir := filepath.Join(cfg.Queue.Path, receiptsDir)
	files, _ := filepath.Glob(filepath.Join(dir, "*.log")) // the pattern is well formed
	k.Kept = len(files) > 0
	secret, err := seal.ReadSecret(cfg.Queue.Path)
	if _, absent := os.Stat(cfg.Queue.Path); errors.Is(err, fs.ErrNotExist) && (absent != nil || !k.Kept) {
		return k // not made yet
	}
	if k.Secret = err; err != nil || !k.Kept {
		return k
	}
	keys, err := queueKeys(cfg.Queue.EncryptionKey)
	if err == nil {
		k.Unsearched, _ = receipts.Unsearched(dir, secret, keys...) // what cannot be read, the check of keys says
	}
	return k
}

// deskReceipts are those of a command that no relay answers: open for a change,
// or only looked at.
type deskReceipts struct {
	open *receipts.Ledger
	find func(string) ([]receipts.Receipt, error)
}

func (d deskReceipts) close() error {
	if d.open == nil {
		return nil
	}
	return d.open.Close()
}

func offlineReceipts(cfg *config.Config, write bool) (d deskReceipts, err error) {
	dir := filepath.Join(cfg.Queue.Path, receiptsDir)
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
	secret, _ := seal.ReadSecret(cfg.Queue.Path) // without it an order id that was sent hashed is not found
	keys, err := queueKeys(cfg.Queue.EncryptionKey)
	if err != nil {
		return d, badConfig(fmt.Errorf("open receipts: %w", err))
	}
	d.find = func(id string) ([]receipts.Receipt, error) { return receipts.Find(dir, id, secret, keys...) }
	return d, nil
}
