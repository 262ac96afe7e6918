package queue

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
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
	db    *bolt.DB
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
			d.q.o.Logger.Error("cannot open dead letters", slog.String("file", e.Name()), slog.Any("error", err))
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
				d.q.o.Logger.Warn("cannot take back dead letters of an unfinished settlement; they may appear twice", slog.Any("error", err))
			}
		}
	}
	d.tally()
}

func (d *deadLog) open(s *deadSeg) error {
	q := d.q
	rows, bytes, next := int64(0), int64(0), uint64(0)
	known := false
	err := withPages(s.path, func(p *pageFile) error {
		return p.walkExactly(p.metas[0], [][]byte{bucketInfo, bucketDead, bucketPending}, func(bucket string, k, v []byte) error {
			if bucket == string(bucketInfo) {
				var info segInfo
				if json.Unmarshal(v, &info) == nil {
					if err := newerFormat(info.Format, info.Sum); err != nil {
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
		err = guard(func() (err error) { s.db, err = bolt.Open(s.path, 0o600, o); return err })
	}
	if err == nil {
		s.rows, s.bytes = rows, bytes
		err = guard(func() error {
			return s.db.View(func(tx *bolt.Tx) error {
				b := tx.Bucket(bucketDead)
				if b == nil || tx.Bucket(bucketPending) == nil {
					return damaged("no letters")
				}
				// Numbers are not used again even when the last rows were removed.
				s.next = max(next, b.Sequence())
				return nil
			})
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
		s.disk = diskSize(fi)
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
	d.q.count.BadFiles++
	d.q.mu.Unlock()
	d.q.o.Logger.Error("dead letters are damaged: what is readable was saved, the file is set aside",
		slog.String("file", filepath.Base(s.path)), slog.Int("saved", len(seen)), slog.Any("error", cause))
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
		if err := syncDir(d.q.dir); err != nil {
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
	return guard(func() (err error) { s.db, err = bolt.Open(s.path, 0o600, metaOptions(d.q.o.NoSync)); return err })
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

// update runs fn in a synced transaction on the file of s, with the reserve
// given up when the volume is full.
func (d *deadLog) update(s *deadSeg, fn func(tx *bolt.Tx) error) error {
	run := func() error { return guard(func() error { return s.db.Update(fn) }) }
	err := run()
	if err != nil && noSpace(err) && d.q.useReserve() {
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
	if err := guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			seq = tx.Bucket(bucketDead).Sequence()
			return errors.Join(tx.Bucket(bucketDead).ForEach(all(&rows)), tx.Bucket(bucketPending).ForEach(all(&pending)))
		})
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
	case noSpace(err): // the next letter may still fit into the old file; later, then
		s.rows, s.bytes, s.next = fresh.rows, fresh.bytes, fresh.next
	default:
		return fmt.Errorf("write dead letters anew: %w", err)
	}
	return nil
}

// deadRow is a letter as it is stored.
type deadRow struct {
	DeadLetter
	Lane string `json:"lane"`
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
		s.disk = diskSize(fi)
	}
	return nil
}

// begin starts the next file.
func (d *deadLog) begin() error {
	s := &deadSeg{num: d.last + 1}
	s.path = filepath.Join(d.dir, fmt.Sprintf("%016x%s", s.num, deadSuffix))
	err := d.makeFile(s, func(*bolt.Tx) error { return nil })
	if err != nil && noSpace(err) && d.q.useReserve() {
		err = d.makeFile(s, func(*bolt.Tx) error { return nil })
	}
	if err != nil {
		return err
	}
	if fi, err := os.Stat(s.path); err == nil {
		s.disk = diskSize(fi)
	}
	d.last = s.num
	d.segs = append(d.segs, s)
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
		d.q.drop("dead_max_size", s.rows)
		d.q.o.Logger.Warn("dropped the oldest dead letters to make room", slog.Int64("letters", s.rows))
	}
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

// A row is: checksum u32 · what vault.seal made of: codec u8 · raw length u32 ·
// compressed (length of the JSON u32 · JSON · body).
func (d *deadLog) encode(seg, idx uint64, lane string, dl DeadLetter) ([]byte, error) {
	dl.ID = ""
	js, err := json.Marshal(deadRow{dl, lane})
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	raw := binary.LittleEndian.AppendUint32(nil, uint32(len(js)))
	raw = append(append(raw, js...), dl.Body...)
	b := binary.LittleEndian.AppendUint32([]byte{0}, uint32(len(raw)))
	b, codec := d.q.zstd.compress(b, raw)
	b[0] = codec
	key := binary.BigEndian.AppendUint64(nil, idx)
	sealed, err := d.q.vault.seal("dead", seg, key, b)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, deadCRC(seg, key, sealed)), sealed...), nil
}

func deadCRC(seg uint64, key, sealed []byte) uint32 {
	return crc(slices.Concat(binary.BigEndian.AppendUint64(nil, seg), key, sealed))
}

func rowOK(seg uint64, k, v []byte) bool {
	return len(v) > 4 && binary.LittleEndian.Uint32(v) == deadCRC(seg, k, v[4:])
}

func (d *deadLog) decode(seg uint64, k, v []byte) (DeadLetter, error) {
	if !rowOK(seg, k, v) {
		return DeadLetter{}, damaged("dead letter checksum")
	}
	b, err := d.q.vault.open("dead", seg, k, v[4:])
	if err != nil {
		return DeadLetter{}, err
	}
	if len(b) < 5 {
		return DeadLetter{}, damaged("dead letter")
	}
	raw, err := d.q.zstd.decompress(b[0], b[5:], int(binary.LittleEndian.Uint32(b[1:])))
	if err != nil {
		return DeadLetter{}, err
	}
	if len(raw) < 4 || uint64(binary.LittleEndian.Uint32(raw)) > uint64(len(raw)-4) {
		return DeadLetter{}, damaged("dead letter")
	}
	n := 4 + int(binary.LittleEndian.Uint32(raw))
	var row deadRow
	if err := json.Unmarshal(raw[4:n], &row); err != nil {
		return DeadLetter{}, damaged("dead letter: %v", err)
	}
	row.ID = deadID(seg, binary.BigEndian.Uint64(k))
	row.Body = slices.Clone(raw[n:])
	return row.DeadLetter, nil
}

func deadID(seg, idx uint64) string { return fmt.Sprintf("%016x", seg<<32|idx) }

func parseDeadID(id string) (seg, idx uint64, ok bool) {
	n, err := strconv.ParseUint(id, 16, 64)
	return n >> 32, n & (1<<32 - 1), err == nil && len(id) == 16
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
		err := guard(func() error {
			return s.db.View(func(tx *bolt.Tx) error {
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
		})
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
	}
	return out, nil
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
		err := guard(func() error {
			return s.db.View(func(tx *bolt.Tx) error {
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
		})
		if err != nil || len(idx) == 0 {
			return err
		}
		n, err := d.remove(s, idx, true)
		if err != nil {
			return err
		}
		d.q.drop("dead_max_age", int64(n))
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
