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

// manifest is what a backup consists of, fixed at one moment between two
// commits. Invariant: everything that was confirmed by then, and nothing of what
// came later, is in its segments or was settled by its meta.db; the ids that go
// with it are those of segments up to last.
type manifest struct {
	meta *meta.Snapshot // meta.db as it was
	segs []*seg
	last uint64
}

// Backup writes a copy to dir, which must not exist or be empty, while the
// queue goes on. The copy holds everything that was appended when Backup was
// called, as far as it was settled at one moment behind that, so opening it
// repeats work but loses none. It knows the ids of what it holds, and of nothing
// that came later: what a sender repeats after a restore is stored. The secret of
// the installation (package seal) is in it, the encryption key is not. Under its name
// it is whole or absent, also after a crash, which may leave a part of it beside it
// under a temporary one.
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

// placeDir moves a directory that is whole and synced to dir, in the place of an
// empty one.
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

// copyTo is Backup to an empty directory.
func (q *Queue) copyTo(ctx context.Context, dir string) error {
	q.mu.Lock()
	q.hold++ // nothing is unlinked, rewritten or merged meanwhile
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.hold--
		q.mu.Unlock()
		q.keep(task{tidy: true})
	}()
	m, err := q.manifest()
	if err != nil {
		return err
	}
	if err := m.meta.Write(filepath.Join(dir, meta.Name)); err != nil {
		return err
	}
	// Behind meta.db: a letter stands in the copy if its record is settled there.
	letters, err := q.dead.get()
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
		if err := ctx.Err(); err != nil { // the select above takes either
			return err
		}
		// Sealing, repairing and rewriting wait for the copy.
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

// manifest fixes what a backup consists of. The caller has q.hold raised, and
// ends the transaction.
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

// copySegment copies a segment as it stands. One that nobody has sealed yet is
// not sealed here: that says that its ids are in a file, which the keeper sees to.
func (q *Queue) copySegment(s *seg, dir string) error {
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	gone := s.gone
	q.mu.Unlock()
	if gone { // nothing was in it, or nothing could be saved of it
		return nil
	}
	return disk.Copy(filepath.Join(dir, filepath.Base(s.Path)), s.Path, -1)
}
