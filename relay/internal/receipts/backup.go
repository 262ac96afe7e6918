package receipts

import (
	"fmt"
	"os"

	"relay/internal/disk"
)

// Backup copies the ledger to dir, which it creates.
func (l *Ledger) Backup(dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("copy receipts: %w", err)
	}
	for _, f := range l.files {
		if err := disk.Copy(path(dir, f.n), l.path(f.n), f.size); err != nil {
			return fmt.Errorf("copy receipts: %w", err)
		}
	}
	return disk.SyncDir(dir)
}
