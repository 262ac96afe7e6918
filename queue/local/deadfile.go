package local

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/logs"
)

func (d *deadLog) open(s *deadSeg) error {
	q := d.q
	rows, bytes, next := int64(0), int64(0), uint64(0)
	known := false
	err := readAgain(s.path, func(p *pageFile) error {
		rows, bytes, next, known = 0, 0, 0, false
		return p.walkExactly(p.metas[0], [][]byte{bucketInfo, bucketDead, bucketPending}, func(bucket string, k, v []byte) error {
			if bucket == string(bucketInfo) {
				var info segInfo
				if json.Unmarshal(v, &info) == nil {
					if err := knownFormat(info.Format, info.Sum); err != nil {
						return err
					}
				}
				known = true
			}
			if bucket == string(bucketDead) {
				if len(k) != 8 || !rowOK(s.num, k, v) {
					return damaged("dead letter checksum")
				}
				rows++
				bytes += int64(len(v))
				next = binary.BigEndian.Uint64(k) + 1
			}
			return nil
		})
	})
	if err == nil && !known {
		err = damaged("no header")
	}
	if unreadable(err) {
		err = damaged("cannot be read: %v", err)
	}
	if err == nil {
		o := metaOptions(q.o.NoSync)
		o.ReadOnly = q.readOnly
		s.db, err = openBolt(s.path, 0o600, o)
	}
	if err == nil {
		s.rows, s.bytes = rows, bytes
		err = s.db.View(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketDead)
			if b == nil || tx.Bucket(bucketPending) == nil {
				return damaged("no letters")
			}
			// Numbers are not used again even when the last rows were removed.
			s.next = max(next, b.Sequence())
			return nil
		})
	}
	if errors.Is(err, errDamaged) && !q.readOnly {
		closeDB(&s.db)
		s.rows, s.bytes, s.next = 0, 0, 0
		if err = d.salvage(s, err); err == nil && s.db == nil {
			return nil
		}
	}
	if err != nil {
		closeDB(&s.db)
		return err
	}
	if fi, err := os.Stat(s.path); err == nil {
		s.disk = disk.Used(fi)
	}
	return nil
}

// salvage picks the rows that are whole from the pages of a damaged file.
// Letters that had been removed may come back: better than one that is lost.
func (d *deadLog) salvage(s *deadSeg, cause error) error {
	type row struct{ k, v []byte }
	seen := make(map[uint64]row)
	if err := withScan(s.path, func(p *pageFile) error {
		return p.scan(func(k, v []byte, _ int64) error {
			if len(k) == 8 && rowOK(s.num, k, v) {
				seen[binary.BigEndian.Uint64(k)] = row{slices.Clone(k), slices.Clone(v)}
			}
			return nil
		})
	}); err != nil {
		return err
	}
	if err := keepCopy(s.path, badName(s.path)); err != nil {
		return err
	}
	d.q.mu.Lock()
	d.q.count.BadSegments++
	d.q.mu.Unlock()
	d.q.lookBesides()
	d.q.o.Logger.Error("dead letters are damaged: what is readable was saved, the file is set aside", "code", logs.DeadDamaged,
		"file", filepath.Base(s.path), "saved", len(seen), "err", cause)
	if len(seen) == 0 {
		return removeFile(s.path)
	}
	if err := d.makeFile(s, func(tx *bolt.Tx) error {
		for _, r := range seen {
			if err := tx.Bucket(bucketDead).Put(r.k, r.v); err != nil {
				return err
			}
			s.rows++
			s.bytes += int64(len(r.v))
			s.next = max(s.next, binary.BigEndian.Uint64(r.k)+1)
		}
		return nil
	}); err != nil {
		return err
	}
	return nil
}

// makeFile makes and opens the file of s.
func (d *deadLog) makeFile(s *deadSeg, fill func(tx *bolt.Tx) error) error {
	info, err := json.Marshal(segInfo{Format: formatVersion, Sum: formatSum(formatVersion), Segment: s.num, Created: d.q.now().UTC()})
	if err != nil {
		return fmt.Errorf("encode segment header: %w", err)
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("make dead letters: %w", err)
	}
	if !d.q.o.NoSync {
		if err := disk.SyncDir(d.q.dir); err != nil {
			return err
		}
	}
	if err := placeFile(s.path, d.q.o.NoSync, func(tmp string) error {
		return fillBolt(tmp, d.q.o.NoSync, func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(bucketInfo)
			if err != nil {
				return err
			}
			if err := b.Put(keySegment, info); err != nil {
				return err
			}
			for _, name := range [][]byte{bucketDead, bucketPending} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return fill(tx)
		})
	}); err != nil {
		return err
	}
	s.db, err = openBolt(s.path, 0o600, metaOptions(d.q.o.NoSync))
	return err
}

// update runs fn in a synced transaction on the file of s, with the reserve
// given up when the volume is full.
func (d *deadLog) update(s *deadSeg, fn func(tx *bolt.Tx) error) error {
	run := func() error { return s.db.Update(fn) }
	err := run()
	if err != nil && disk.NoSpace(err) && d.q.useReserve() {
		err = run()
	}
	if err != nil {
		s.unsure = true
		return fmt.Errorf("write dead letters: %w", err)
	}
	return nil
}

// sure puts the file of s on a firm footing after a write that failed: what it
// holds is written to a new file and counted. The old one is not written on:
// what the disk did not confirm it may have dropped, though it still reads well.
func (d *deadLog) sure(s *deadSeg) error {
	if !s.unsure {
		return nil
	}
	type row struct{ k, v []byte }
	var rows, pending []row
	seq := uint64(0)
	all := func(into *[]row) func(k, v []byte) error {
		return func(k, v []byte) error {
			*into = append(*into, row{slices.Clone(k), slices.Clone(v)})
			return nil
		}
	}
	if err := s.db.View(func(tx *bolt.Tx) error {
		seq = tx.Bucket(bucketDead).Sequence()
		return errors.Join(tx.Bucket(bucketDead).ForEach(all(&rows)), tx.Bucket(bucketPending).ForEach(all(&pending)))
	}); err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	fresh := deadSeg{num: s.num, path: s.path, next: max(s.next, seq), rows: int64(len(rows)), disk: s.disk}
	for _, r := range rows {
		fresh.bytes += int64(len(r.v))
		fresh.next = max(fresh.next, binary.BigEndian.Uint64(r.k)+1)
	}
	err := d.makeFile(&fresh, func(tx *bolt.Tx) error {
		for name, rs := range map[string][]row{string(bucketDead): rows, string(bucketPending): pending} {
			for _, r := range rs {
				if err := tx.Bucket([]byte(name)).Put(r.k, r.v); err != nil {
					return err
				}
			}
		}
		return tx.Bucket(bucketDead).SetSequence(fresh.next)
	})
	switch {
	case err == nil:
		closeDB(&s.db)
		*s = fresh
	case disk.NoSpace(err): // the next letter may still fit into the old file; later, then
		s.rows, s.bytes, s.next = fresh.rows, fresh.bytes, fresh.next
	default:
		return fmt.Errorf("write dead letters anew: %w", err)
	}
	return nil
}

// begin starts the next file.
func (d *deadLog) begin() error {
	s := &deadSeg{num: d.last + 1}
	s.path = filepath.Join(d.dir, fmt.Sprintf("%016x%s", s.num, deadSuffix))
	err := d.makeFile(s, func(*bolt.Tx) error { return nil })
	if err != nil && disk.NoSpace(err) && d.q.useReserve() {
		err = d.makeFile(s, func(*bolt.Tx) error { return nil })
	}
	if err != nil {
		return err
	}
	if fi, err := os.Stat(s.path); err == nil {
		s.disk = disk.Used(fi)
	}
	d.last = s.num
	d.segs = append(d.segs, s)
	return nil
}

// unlink removes the file of s. The newest leaves an empty successor, for the
// ids of letters are never used again, and the names of the files are what says so.
func (d *deadLog) unlink(s *deadSeg) error {
	if s == d.lastSeg() {
		if err := d.begin(); err != nil {
			return err
		}
	}
	closeDB(&s.db)
	d.segs = slices.DeleteFunc(d.segs, func(o *deadSeg) bool { return o == s })
	return removeFile(s.path)
}

// remove deletes rows of one file.
func (d *deadLog) remove(s *deadSeg, idx []uint64, all bool) (int, error) {
	if err := d.sure(s); err != nil {
		return 0, err
	}
	n, bytes := 0, int64(0)
	err := d.update(s, func(tx *bolt.Tx) error {
		n, bytes = 0, 0
		b := tx.Bucket(bucketDead)
		for _, i := range idx {
			k := binary.BigEndian.AppendUint64(nil, i)
			if v := b.Get(k); v != nil {
				n++
				bytes += int64(len(v))
				if err := b.Delete(k); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	s.rows -= int64(n)
	s.bytes -= bytes
	if s.rows == 0 && (all || s != d.lastSeg() || s.disk > 1<<20) {
		return n, d.unlink(s)
	}
	return n, nil
}
