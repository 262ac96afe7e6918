package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/seal"
)

func (q *Queue) removeBad() error {
	es, err := os.ReadDir(q.dir)
	if err != nil {
		return fmt.Errorf("list files set aside: %w", err)
	}
	for _, e := range es {
		if strings.HasSuffix(e.Name(), badSuffix) {
			if err := removeFile(filepath.Join(q.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	q.lookBesides()
	return nil
}

// Backup writes a copy to dir, which must not exist or be empty, while the
// queue goes on. The copy holds everything that was appended when Backup was
// called; its cursors are of that moment or before, so opening it repeats
// work but loses none. The secret of the installation (package seal) is in it,
// the encryption key is not.
func (q *Queue) Backup(ctx context.Context, dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if es, err := os.ReadDir(dir); err != nil || len(es) > 0 {
		return fmt.Errorf("backup: %w", errors.Join(err, fmt.Errorf("%s: %w", dir, os.ErrExist)))
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
			err = fmt.Errorf("backup: %w", err)
		}
	}()
	q.mu.Lock()
	q.hold++ // nothing is unlinked or rewritten meanwhile
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.hold--
		q.mu.Unlock()
		q.keep(task{tidy: true})
	}()
	// meta.db first: cursors older than the segments repeat, never skip.
	if err := q.meta.copy(filepath.Join(dir, metaName)); err != nil {
		return err
	}
	letters, err := q.dead.get()
	if err == nil {
		err = letters.Copy(filepath.Join(dir, deadName))
	}
	if err != nil {
		return err
	}
	if !q.readOnly {
		if err := q.onTail(func(w *writer) error {
			if w.q.tail == nil || w.q.tail.end.Load() == 0 {
				return nil
			}
			return w.rotate()
		}); err != nil {
			return err
		}
	}
	q.mu.Lock()
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	for _, s := range segs {
		q.mu.Lock()
		ready, tail := s.ready, s.tail
		q.mu.Unlock()
		if tail {
			continue
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		case <-q.stop:
			return ErrClosed
		}
		// Sealing, repairing and rewriting wait for the copy.
		if err := q.copySegment(s, dir); err != nil {
			return err
		}
	}
	q.ids.work.Lock() // none is merged meanwhile
	defer q.ids.work.Unlock()
	for _, f := range q.ids.list() {
		if err := disk.Copy(filepath.Join(dir, filepath.Base(f.path)), f.path, -1); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	err = disk.Copy(filepath.Join(dir, seal.SecretName), filepath.Join(q.dir, seal.SecretName), -1)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := disk.WriteFile(filepath.Join(dir, lockName), 0o600); err != nil {
		return err
	}
	return disk.SyncDir(dir)
}

func (q *Queue) copySegment(s *segment, dir string) error {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	gone := s.gone
	sealed := s.sealed
	q.mu.Unlock()
	if gone {
		return nil
	}
	if !sealed && !q.readOnly {
		q.mu.Lock()
		sum := s.sum.clone()
		q.mu.Unlock()
		if err := q.sealInPlace(s, sum); err != nil {
			return err
		}
		q.install(s, sum, true)
	}
	return disk.Copy(filepath.Join(dir, filepath.Base(s.path)), s.path, -1)
}

// copyBolt copies a bbolt file as it is at this moment.
func copyBolt(db *boltFile, path string) error {
	return db.View(func(tx *bolt.Tx) error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = tx.WriteTo(f)
		return errors.Join(err, f.Sync(), f.Close())
	})
}
