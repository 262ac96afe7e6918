package receipts

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Backup copies the ledger to dir, which it makes.
func (l *Ledger) Backup(dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("copy receipts: %w", err)
	}
	for _, f := range l.files {
		if err := copyTo(path(dir, f.n), l.path(f.n), f.size); err != nil {
			return fmt.Errorf("copy receipts: %w", err)
		}
	}
	return nil
}

func copyTo(to, from string, size int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(out, in, size)
	return errors.Join(err, out.Sync(), out.Close())
}
