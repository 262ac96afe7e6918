package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/local/directory"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/step"
)

// manifest is the contents of a backup, as of one moment between two commits. Invariant:
// everything confirmed by then, and nothing later, is in its segments or settled in its
// meta.db. The backup contains the ids of segments up to last.
type manifest struct {
	meta *meta.Snapshot // meta.db as of that moment
	segs []*seg
	last uint64
}

// Backup writes a copy of the open queue to dir, which must be empty or not exist. The copy
// contains everything that was appended when Backup was called, with settlements as of one
// moment after that. Opening it repeats work but loses none. It contains the ids of its
// records but of no later ones, so what senders repeat after a restore is stored. It
// contains the secret of the installation (package seal), but not the encryption key. dir is
// complete or absent, also after a crash, which can leave a partial copy beside it under a
// temporary name.
func (q *Queue) Backup(ctx context.Context, dir string) error {
	dir = filepath.Clean(dir)
	if es, err := os.ReadDir(dir); err == nil && len(es) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("backup: %w", errors.Join(err, fmt.Errorf("%s: %w", dir, os.ErrExist)))
	}
	tmp := disk.TempName(dir)
	err := os.MkdirAll(tmp, 0o700)
	if err == nil {
		err = q.copyTo(ctx, tmp)
	}
	if err == nil {
		err = placeDir(tmp, dir)
	}
	if err != nil {
		os.RemoveAll(tmp)
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// placeDir moves a complete and synced directory to dir, which is empty or absent.
func placeDir(tmp, dir string) error {
	defer step.Begin(step.Place, dir)()
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(dir))
}

// copyTo writes a backup to an empty directory.
func (q *Queue) copyTo(ctx context.Context, dir string) error {
	q.mu.Lock()
	q.backups++ // no file is unlinked, rewritten or merged meanwhile
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.backups--
		q.mu.Unlock()
		q.schedule(task{unlink: true})
	}()
	m, err := q.manifest()
	if err != nil {
		return err
	}
	if err := m.meta.Write(filepath.Join(dir, meta.Name)); err != nil {
		return err
	}
	// Copied after meta.db, so that it contains the letter of every record settled there.
	letters, err := q.dead.opened()
	if err == nil {
		err = letters.Copy(filepath.Join(dir, directory.Dead))
	}
	if err != nil {
		return err
	}
	if err := q.ids.Copy(dir, m.last); err != nil {
		return err
	}
	for _, s := range m.segs {
		q.mu.Lock()
		ready := s.ready
		q.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		case <-q.stop:
			return ErrClosed
		}
		if err := ctx.Err(); err != nil { // the select above can choose either case
			return err
		}
		// Sealing, repairing and rewriting wait until the segment is copied.
		if err := q.copySegment(s, dir); err != nil {
			return err
		}
	}
	err = disk.Copy(filepath.Join(dir, seal.SecretName), filepath.Join(q.dir, seal.SecretName), -1)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := disk.WriteFile(filepath.Join(dir, directory.Lock), 0o600); err != nil {
		return err
	}
	return disk.SyncDir(dir)
}

// manifest returns the contents of a backup. The caller has raised q.backups, and writes
// m.meta to end its transaction.
func (q *Queue) manifest() (m manifest, err error) {
	fix := func() (err error) {
		q.mu.Lock()
		for _, s := range q.segs {
			if !s.tail {
				m.segs, m.last = append(m.segs, s), s.Num
			}
		}
		q.mu.Unlock()
		m.meta, err = q.meta.Begin()
		return err
	}
	if q.readOnly {
		return m, fix()
	}
	return m, q.onTail(func(w *writer) error {
		if q.writer.tail != nil && q.writer.tail.end.Load() > 0 {
			if err := w.rotate(); err != nil {
				return err
			}
		}
		return fix()
	})
}

// copySegment copies a segment. If it was not sealed yet it is copied unsealed: a sealed
// segment implies that its ids are in a file.
func (q *Queue) copySegment(s *seg, dir string) error {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	gone := s.gone
	q.mu.Unlock()
	if gone { // it was empty, or nothing could be saved of it
		return nil
	}
	return disk.Copy(filepath.Join(dir, filepath.Base(s.Path)), s.Path, -1)
}
