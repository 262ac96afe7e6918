package local

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"relay/queue"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"relay/internal/disk"
	"relay/internal/logs"
)

// The dead letters are a log of bbolt files under dead/, one row per letter so
// that single ones can go; a file without rows is unlinked. Their ids are
// sequence numbers like those of the log, in hex.
const (
	deadDir     = "dead"
	deadSuffix  = ".dead"
	deadSegment = 8 << 20
)

var (
	bucketDead    = []byte("dead")    // index u64, big-endian: row
	bucketPending = []byte("pending") // lane: settlement u64 · first index u64 · index behind the last u64
)

type deadLog struct {
	q     *Queue
	dir   string
	ready chan struct{} // closed once load has run

	mu   sync.Mutex // held while the disk is written: never with Queue.mu
	segs []*deadSeg // ascending
	last uint64

	st    sync.Mutex
	count int64
	bytes int64
	err   error // what load met
}

type deadSeg struct {
	num   uint64
	path  string
	db    *boltFile
	next  uint64
	rows  int64
	bytes int64 // of rows
	disk  int64
	// unsure: a write failed. It may be in the file all the same (its last sync
	// failed), so the numbers above are taken from the file before they are used.
	unsure bool
}

func newDeadLog(q *Queue) *deadLog {
	return &deadLog{q: q, dir: filepath.Join(q.dir, deadDir), ready: make(chan struct{})}
}

// wait returns once the log may be used.
func (d *deadLog) wait() error {
	select {
	case <-d.ready:
		return d.err
	case <-d.q.stop:
		if isClosed(d.ready) {
			return d.err
		}
		return ErrClosed
	}
}

// load opens the files of before, and takes back the letters of settlements
// that were not completed: their lanes will make them again.
func (d *deadLog) load() {
	defer close(d.ready)
	d.mu.Lock()
	defer d.mu.Unlock()
	es, err := os.ReadDir(d.dir)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		d.err = fmt.Errorf("open dead letters: %w", err)
		return
	}
	for _, e := range es {
		num, ok := segNum(e.Name())
		if strings.HasSuffix(e.Name(), tmpSuffix) {
			if !d.q.readOnly {
				os.Remove(filepath.Join(d.dir, e.Name()))
			}
			continue
		}
		if !ok {
			continue
		}
		d.last = max(d.last, num)
		if !strings.HasSuffix(e.Name(), deadSuffix) {
			continue
		}
		s := &deadSeg{num: num, path: filepath.Join(d.dir, e.Name())}
		if err := d.open(s); err != nil {
			d.q.o.Logger.Error("cannot open dead letters", "code", logs.DeadNotOpened, "file", e.Name(), "err", err)
			d.err = fmt.Errorf("open dead letters: %w", err)
			continue
		}
		if s.db != nil {
			d.segs = append(d.segs, s)
		}
	}
	slices.SortFunc(d.segs, func(a, b *deadSeg) int { return int(int64(a.num) - int64(b.num)) })
	if !d.q.readOnly {
		for _, s := range d.segs {
			settle := d.takeBack
			if d.q.cursorsLost {
				settle = d.forgetPending // nobody knows any more which settlement was the last
			}
			if err := settle(s); err != nil {
				d.q.o.Logger.Warn("cannot take back dead letters of an unfinished settlement; they may appear twice", "code", logs.DeadNotTakenBack, "err", err)
			}
		}
	}
	d.tally()
}

// forgetPending lets every letter stand: the settlements of lanes that start
// over are counted from the first again and must not be taken for old ones.
func (d *deadLog) forgetPending(s *deadSeg) error {
	return d.update(s, func(tx *bolt.Tx) error {
		if err := tx.DeleteBucket(bucketPending); err != nil && !errors.Is(err, bolterrors.ErrBucketNotFound) {
			return err
		}
		_, err := tx.CreateBucket(bucketPending)
		return err
	})
}

// takeBack removes the letters of the last settlement of each lane when its
// cursor did not follow.
func (d *deadLog) takeBack(s *deadSeg) error {
	type part struct{ lo, hi uint64 }
	var parts []part
	err := s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketPending)
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			if len(v) != 24 {
				return nil
			}
			d.q.mu.Lock()
			settled := uint64(0)
			if l := d.q.lanes[string(k)]; l != nil {
				settled = l.gen
			}
			d.q.mu.Unlock()
			if binary.BigEndian.Uint64(v) == settled+1 {
				parts = append(parts, part{binary.BigEndian.Uint64(v[8:]), binary.BigEndian.Uint64(v[16:])})
			}
			return nil
		})
	})
	if err != nil || len(parts) == 0 {
		return err
	}
	var idx []uint64
	for _, p := range parts {
		for i := p.lo; i < p.hi; i++ {
			idx = append(idx, i)
		}
	}
	_, err = d.remove(s, idx, true)
	return err
}

// append stores letters of one settlement of a lane, synced.
func (d *deadLog) append(lane string, gen uint64, dls []DeadLetter) error {
	if err := d.wait(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tally()
	size := int64(0)
	for i := range dls {
		size += int64(len(dls[i].Body)) + 512
	}
	if err := d.makeRoom(size); err != nil {
		return err
	}
	s := d.lastSeg()
	if s == nil || s.disk >= min(deadSegment, max(64<<10, d.q.o.DeadMaxSize/4)) {
		if err := d.begin(); err != nil {
			return err
		}
		s = d.lastSeg()
	}
	if err := d.sure(s); err != nil {
		return err
	}
	rows := make([][]byte, len(dls))
	added := int64(0)
	for i := range dls {
		dl := dls[i]
		if dl.DeadAt.IsZero() {
			dl.DeadAt = d.q.now().UTC()
		}
		b, err := d.encode(s.num, s.next+uint64(i), lane, dl)
		if err != nil {
			return err
		}
		rows[i] = b
		added += int64(len(b))
	}
	var gone, goneBytes int64
	err := d.update(s, func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketDead)
		b.FillPercent = 0.9
		gone, goneBytes = 0, 0
		// The same settlement again: the first try wrote its letters but not
		// its cursor.
		if p := tx.Bucket(bucketPending).Get([]byte(lane)); len(p) == 24 && binary.BigEndian.Uint64(p) == gen {
			for i := binary.BigEndian.Uint64(p[8:]); i < binary.BigEndian.Uint64(p[16:]); i++ {
				k := binary.BigEndian.AppendUint64(nil, i)
				if v := b.Get(k); v != nil {
					gone++
					goneBytes += int64(len(v))
					if err := b.Delete(k); err != nil {
						return err
					}
				}
			}
		}
		for i, r := range rows {
			if err := b.Put(binary.BigEndian.AppendUint64(nil, s.next+uint64(i)), r); err != nil {
				return err
			}
		}
		if err := b.SetSequence(s.next + uint64(len(rows))); err != nil {
			return err
		}
		p := binary.BigEndian.AppendUint64(nil, gen)
		p = binary.BigEndian.AppendUint64(p, s.next)
		p = binary.BigEndian.AppendUint64(p, s.next+uint64(len(rows)))
		return tx.Bucket(bucketPending).Put([]byte(lane), p)
	})
	if err != nil {
		return err
	}
	s.next += uint64(len(rows))
	s.rows += int64(len(rows)) - gone
	s.bytes += added - goneBytes
	if fi, err := os.Stat(s.path); err == nil {
		s.disk = disk.Used(fi)
	}
	return nil
}

func (d *deadLog) lastSeg() *deadSeg {
	if len(d.segs) == 0 {
		return nil
	}
	return d.segs[len(d.segs)-1]
}

// makeRoom keeps the log within its bound.
func (d *deadLog) makeRoom(size int64) error {
	for {
		total := size
		for _, s := range d.segs {
			total += s.bytes
		}
		if total <= d.q.o.DeadMaxSize {
			return nil
		}
		if !d.q.o.DeadDropOldest || len(d.segs) == 0 {
			return ErrDeadFull
		}
		s := d.segs[0]
		if err := d.unlink(s); err != nil {
			return err
		}
		d.q.drop(queue.DropDeadMaxSize, s.rows)
		d.q.o.Logger.Warn("dropped the oldest dead letters to make room", "code", logs.DeadDroppedOldest, "letters", s.rows)
	}
}

// page reads up to n letters behind (seg, idx).
func (d *deadLog) page(seg, idx uint64, n int) (out []DeadLetter, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.segs {
		if s.num < seg || len(out) >= n {
			continue
		}
		from := uint64(0)
		if s.num == seg {
			from = idx
		}
		err := s.db.View(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketDead).Cursor()
			for k, v := c.Seek(binary.BigEndian.AppendUint64(nil, from)); k != nil && len(out) < n; k, v = c.Next() {
				dl, err := d.decode(s.num, k, v)
				if errors.Is(err, errDamaged) {
					continue // met again, and salvaged, at the next open
				}
				if err != nil {
					return err
				}
				out = append(out, dl)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
	}
	return out, nil
}

// tally refreshes what Stats shows.
func (d *deadLog) tally() {
	n, b := int64(0), int64(0)
	for _, s := range d.segs {
		n += s.rows
		b += s.bytes
	}
	d.st.Lock()
	d.count, d.bytes = n, b
	d.st.Unlock()
}

// expire removes letters older than the time.
func (d *deadLog) expire(before time.Time) error {
	if d.wait() != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.tally()
	for _, s := range slices.Clone(d.segs) {
		var idx []uint64
		err := s.db.View(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketDead).Cursor()
			for k, v := c.First(); k != nil; k, v = c.Next() {
				dl, err := d.decode(s.num, k, v)
				if err != nil {
					continue
				}
				if !dl.DeadAt.Before(before) {
					return nil // they lie in order of time
				}
				idx = append(idx, binary.BigEndian.Uint64(k))
			}
			return nil
		})
		if err != nil || len(idx) == 0 {
			return err
		}
		n, err := d.remove(s, idx, true)
		if err != nil {
			return err
		}
		d.q.drop(queue.DropDeadMaxAge, int64(n))
	}
	return nil
}

func (d *deadLog) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.segs {
		closeDB(&s.db)
	}
	d.segs = nil
}
