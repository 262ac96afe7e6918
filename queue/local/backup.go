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

// forgetDead rewrites the files of dead letters that match.
func (q *Queue) forgetDead(match func(Record) bool) (int, error) {
	if err := q.dead.wait(); err != nil {
		return 0, err
	}
	d := q.dead
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tally()
	total := 0
	for _, s := range slices.Clone(d.segs) {
		n, err := d.forget(s, match)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// recordOf shows a letter to who decides on records.
func recordOf(dl DeadLetter) Record {
	return Record{ID: dl.MessageID, Lanes: []string{dl.EventSet}, Received: dl.ReceivedAt, Flags: dl.Flags, Body: dl.Body}
}

// lingers says whether a letter that matches and was removed before is still
// found in a page nobody uses any more.
func (d *deadLog) lingers(s *deadSeg, match func(Record) bool) (found bool, err error) {
	err = withScan(s.path, func(p *pageFile) error {
		return p.scan(func(k, v []byte, _ int64) error {
			if !found && len(k) == 8 && rowOK(s.num, k, v) {
				dl, err := d.decode(s.num, k, v)
				found = err != nil || match(recordOf(dl)) // what does not open may be anybody's
			}
			return nil
		})
	})
	return found, err
}

// forget writes the file of s anew without what matches: a removed row would
// linger in a free page.
func (d *deadLog) forget(s *deadSeg, match func(Record) bool) (int, error) {
	n := 0
	matches := func(k, v []byte) (bool, error) {
		dl, err := d.decode(s.num, k, v)
		if errors.Is(err, errDamaged) {
			return true, nil // nobody can say whose it is
		}
		return err == nil && match(recordOf(dl)), err
	}
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketDead).ForEach(func(k, v []byte) error {
			ok, err := matches(k, v)
			if ok {
				n++
			}
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	if n == 0 {
		if lingers, err := d.lingers(s, match); err != nil || !lingers {
			return 0, err
		}
	}
	return n, d.rewrite(s, func(k, v []byte) ([]byte, error) {
		if ok, err := matches(k, v); err != nil || ok {
			return nil, err
		}
		return v, nil
	})
}

// rewrite writes the file of s anew with what change makes of each row; one it
// makes nothing of goes, and a file without rows with it.
func (d *deadLog) rewrite(s *deadSeg, change func(k, v []byte) ([]byte, error)) error {
	type row struct{ k, v []byte }
	var keep, pend []row
	err := s.db.View(func(tx *bolt.Tx) error {
		if err := tx.Bucket(bucketPending).ForEach(func(k, v []byte) error {
			pend = append(pend, row{slices.Clone(k), slices.Clone(v)})
			return nil
		}); err != nil {
			return err
		}
		return tx.Bucket(bucketDead).ForEach(func(k, v []byte) error {
			v, err := change(k, v)
			if err == nil && v != nil {
				keep = append(keep, row{slices.Clone(k), slices.Clone(v)})
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	if len(keep) == 0 {
		return d.unlink(s)
	}
	closeDB(&s.db)
	bytes := int64(0)
	if err := d.makeFile(s, func(tx *bolt.Tx) error {
		bytes = 0
		b := tx.Bucket(bucketDead)
		for _, r := range keep {
			if err := b.Put(r.k, r.v); err != nil {
				return err
			}
			bytes += int64(len(r.v))
		}
		for _, r := range pend {
			if err := tx.Bucket(bucketPending).Put(r.k, r.v); err != nil {
				return err
			}
		}
		return b.SetSequence(s.next)
	}); err != nil {
		return err
	}
	s.rows, s.bytes = int64(len(keep)), bytes
	return nil
}

func (q *Queue) removeBad() error {
	for _, dir := range []string{q.dir, q.dead.dir} {
		es, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("list files set aside: %w", err)
		}
		for _, e := range es {
			if strings.HasSuffix(e.Name(), badSuffix) {
				if err := removeFile(filepath.Join(dir, e.Name())); err != nil {
					return err
				}
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
	if err := q.backupDead(ctx, filepath.Join(dir, deadDir)); err != nil {
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

func (q *Queue) backupDead(ctx context.Context, dir string) error {
	if err := q.dead.wait(); err != nil {
		return err
	}
	d := q.dead
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.segs) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, s := range d.segs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyBolt(s.db, filepath.Join(dir, filepath.Base(s.path))); err != nil {
			return err
		}
	}
	return disk.SyncDir(dir)
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
