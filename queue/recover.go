package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// How a segment that another process, or a failing disk, left behind is made
// fit to be read:
//
//	sealed            its summary is in it: nothing more is read
//	not sealed        read as a whole: structure and every checksum. Good: sealed in place
//	torn              the newest commit did not reach the disk whole (one sync
//	                  confirms data and meta page together): bbolt's older meta
//	                  page still leads to everything that was ever confirmed
//	damaged           whatever chunks are whole are picked from its pages, by
//	                  whichever page holds them; the file itself is kept as .bad
//
// The last two give a new file. Ranges in doubt are left out of it.

// readSegInfo reads the header of a segment file.
func readSegInfo(path string) (segInfo, error) {
	var info segInfo
	err := withPages(path, func(p *pageFile) error {
		var last error
		for _, m := range p.metas {
			last = p.walkBucket(m, string(bucketInfo), func(_ string, k, v []byte) error {
				if string(k) == string(keySegment) {
					if err := json.Unmarshal(v, &info); err != nil {
						return damaged("segment header: %v", err)
					}
				}
				return nil
			})
			if last == nil {
				break
			}
		}
		return last
	})
	if err == nil && info.Format == 0 {
		err = damaged("no segment header")
	}
	if err == nil {
		err = newerFormat(info.Format, info.Sum)
	}
	return info, err
}

// readSummary gives the summary a sealed segment carries.
func readSummary(path string) (summary, error) {
	var sum summary
	found := false
	err := withPages(path, func(p *pageFile) error {
		return p.walkBucket(p.metas[0], string(bucketInfo), func(_ string, k, v []byte) (err error) {
			if string(k) == string(keySummary) {
				found = true
				sum, err = decodeSummary(v)
			}
			return err
		})
	})
	if err == nil && !found {
		err = damaged("not sealed")
	}
	return sum, err
}

// verify reads all of a segment under one meta page and calls fn for each chunk.
func verify(p *pageFile, m boltMeta, num uint64, fn func(h *chunkHeader, data []byte) error) error {
	var data []byte
	var first Seq
	next := 0
	end := Seq(num) << 32
	flush := func() error {
		if next == 0 {
			return nil
		}
		h, err := decodeHeader(data)
		if err != nil {
			return err
		}
		if h.first != first || h.first < end {
			return damaged("chunk %x is out of place", uint64(first))
		}
		if _, _, err := splitBody(&h, data); err != nil {
			return err
		}
		end = h.end()
		return fn(&h, data)
	}
	// All of it, though only the log counts: bbolt reads all when it opens a
	// file to write, and cannot be stopped from falling over what is damaged.
	err := p.walkExactly(m, [][]byte{bucketInfo, bucketLog}, func(bucket string, k, v []byte) error {
		if bucket != string(bucketLog) {
			return nil
		}
		seq, piece, ok := splitKey(k)
		if !ok || uint64(seq>>32) != num {
			return damaged("strange key")
		}
		if piece == 0 {
			if err := flush(); err != nil {
				return err
			}
			first, next, data = seq, 0, data[:0]
		}
		if seq != first || piece != next {
			return damaged("chunk %x: piece %d is missing", uint64(first), next)
		}
		data = append(data, v...)
		next++
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// examined is what was found in a segment file.
type examined struct {
	sum    summary
	ids    []idHash
	all    int  // chunks in the tree
	torn   bool // the newest meta page does not lead to everything
	voided bool // a range in doubt lies in it
}

// examine verifies the segment; errDamaged: not even the older meta page will do.
func (q *Queue) examine(s *segment, wantIDs bool) (examined, error) {
	var best examined
	q.mu.Lock()
	voids := slices.Clone(q.voids)
	q.mu.Unlock()
	err := withPages(s.path, func(p *pageFile) error {
		p.f = &readAhead{f: p.f}
		var first error
		for i, m := range p.metas {
			var x examined
			err := verify(p, m, s.num, func(h *chunkHeader, data []byte) error {
				x.all++
				if isVoid(voids, h) {
					x.voided = true
					return nil
				}
				x.sum.add(h)
				if wantIDs {
					for ids := data[h.size : h.size+h.idsLen]; len(ids) > 0; ids = ids[16:] {
						x.ids = append(x.ids, idHash(ids[:16]))
					}
				}
				return nil
			})
			switch {
			case err == nil:
				best = x
				// A page that did not reach the disk may be an older version of
				// itself, with which the tree is whole and lacks the latest
				// chunks. The older meta page knows better: chunks only come to
				// a tree, none leaves it.
				best.torn = i > 0 || len(p.metas) > 1 && countChunks(p, p.metas[1]) > x.all
				return nil
			case errors.Is(err, ErrNewerFormat):
				return err
			case first == nil:
				first = err
			}
		}
		return first
	})
	if unreadable(err) {
		err = damaged("cannot be read: %v", err)
	}
	return best, err
}

// countChunks counts the chunks under one meta page; 0 when that is not whole.
func countChunks(p *pageFile, m boltMeta) (n int) {
	if err := p.walkBucket(m, string(bucketLog), func(_ string, k, _ []byte) error {
		if _, piece, ok := splitKey(k); ok && piece == 0 {
			n++
		}
		return nil
	}); err != nil {
		return 0
	}
	return n
}

// unreadable says that the disk does not give a file's bytes.
func unreadable(err error) bool {
	var pe *os.PathError
	return errors.Is(err, io.EOF) || errors.As(err, &pe) && pe.Op == "read"
}

func isVoid(voids []voidRange, h *chunkHeader) bool {
	return slices.ContainsFunc(voids, func(v voidRange) bool { return h.first < v.end && v.first < h.end() })
}

// prepare makes a segment from before fit to be read whose ids are known.
func (q *Queue) prepare(s *segment) error {
	if sum, err := readSummary(s.path); err == nil {
		q.install(s, sum, true)
		return nil
	}
	x, err := q.examine(s, false)
	return q.putInOrder(s, x, err, func([]idHash) error { return nil })
}

// putInOrder makes a segment readable in which x was found. It calls file with
// the ids in it before it seals the segment.
func (q *Queue) putInOrder(s *segment, x examined, err error, file func([]idHash) error) error {
	switch {
	case err == nil && !x.torn && !x.voided:
		s.checked.Store(true)
		if q.readOnly {
			q.install(s, x.sum, false)
			return nil
		}
		if x.sum.Chunks == 0 {
			return q.discard(s)
		}
		if err := file(x.ids); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", slog.Any("error", err))
			q.install(s, x.sum, false)
			return nil
		}
		err := q.sealInPlace(s, x.sum)
		if err != nil {
			q.o.Logger.Warn("cannot seal an old segment; it is read as it is", slog.String("segment", filepath.Base(s.path)), slog.Any("error", err))
		}
		q.install(s, x.sum, err == nil)
		return nil
	case err == nil && q.readOnly:
		return damaged("segment %016x was not closed: start relay once", s.num)
	case err == nil:
		_, err := q.salvage(s, false, nil, file)
		return err
	case errors.Is(err, errDamaged) && !q.readOnly:
		_, err := q.salvage(s, true, err, file)
		return err
	}
	return err
}

// install makes a segment readable.
func (q *Queue) install(s *segment, sum summary, sealed bool) {
	disk := int64(0)
	if fi, err := os.Stat(s.path); err == nil {
		disk = diskSize(fi)
	}
	q.mu.Lock()
	s.sum, s.sealed, s.disk, s.failed, s.unread = sum, sealed, disk, nil, time.Time{}
	s.end.Store(sum.Next)
	q.version++
	for i := range sum.lanes {
		q.lane(sum.lanes[i].name)
	}
	if !isClosed(s.ready) {
		close(s.ready)
	}
	q.mu.Unlock()
}

// discard removes a segment in which nothing lies.
func (q *Queue) discard(s *segment) error {
	q.mu.Lock()
	s.gone = true
	if !isClosed(s.ready) {
		close(s.ready)
	}
	q.segs = slices.DeleteFunc(q.segs, func(o *segment) bool { return o == s })
	q.version++
	q.mu.Unlock()
	q.shut(s)
	return removeFile(s.path)
}

// sealInPlace stores the summary in a segment that was verified.
func (q *Queue) sealInPlace(s *segment, sum summary) error {
	b, err := sum.encode()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	used := int64(0)
	err = guard(func() error {
		if s.db == nil {
			db, err := bolt.Open(s.path, 0o600, tailOptions(0))
			if err != nil {
				return err
			}
			s.db = db
		}
		if err := s.db.Update(func(tx *bolt.Tx) error {
			used = tx.Size()
			return tx.Bucket(bucketInfo).Put(keySummary, b)
		}); err != nil {
			return err
		}
		used, err = boltSize(s.db)
		if err != nil || q.o.NoSync {
			return err
		}
		return s.db.Sync()
	})
	closeDB(&s.db)
	if err != nil {
		return fmt.Errorf("seal segment: %w", err)
	}
	// Behind the last page lies only what was reserved.
	if fi, err := os.Stat(s.path); err == nil && fi.Size() > used {
		if err := os.Truncate(s.path, used); err != nil {
			return fmt.Errorf("seal segment: %w", err)
		}
	}
	return nil
}

func boltSize(db *bolt.DB) (n int64, err error) {
	err = db.View(func(tx *bolt.Tx) error { n = tx.Size(); return nil })
	return n, err
}

// salvage writes the chunks that are whole to a new file in the place of s.
// A damaged original is kept as .bad.
// What it saves is sealed: file, when given, gets the ids before that counts.
func (q *Queue) salvage(s *segment, isDamaged bool, cause error, file func([]idHash) error) ([]idHash, error) {
	q.shut(s)
	q.mu.Lock()
	voids := slices.Clone(q.voids)
	before := s.sum.clone()
	q.mu.Unlock()
	var ids []idHash
	var sum summary
	err := withScan(s.path, func(p *pageFile) error {
		found, err := findChunks(p, s.num)
		if err == nil {
			err = q.patience(s, p.unread())
		}
		if err != nil {
			return err
		}
		return q.writeSegment(s.num, func(put func(h *chunkHeader, data []byte) error) error {
			end := s.first()
			for _, c := range found.order() {
				data, h, ok := found.assemble(p, c)
				if !ok || h.first < end || isVoid(voids, &h) {
					continue
				}
				end = h.end()
				for b := data[h.size : h.size+h.idsLen]; len(b) > 0; b = b[16:] {
					ids = append(ids, idHash(b[:16]))
				}
				if err := put(&h, data); err != nil {
					return err
				}
			}
			return q.patience(s, p.unread())
		}, &sum)
	})
	if err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	lost := sum.Missing
	if before.Next > sum.Next {
		lost += int64(before.Next - sum.Next)
	}
	for _, v := range voids {
		if uint64(v.first>>32) == s.num && uint32(v.end) < sum.Next {
			lost -= int64(v.end - v.first)
		}
	}
	if isDamaged {
		bad := badName(s.path)
		if err := keepCopy(s.path, bad); err != nil {
			return nil, fmt.Errorf("salvage segment: %w", err)
		}
		q.mu.Lock()
		q.count.BadSegments++
		q.count.LostRecords += max(0, lost)
		if lost > 0 {
			q.count.BadChunks++
		}
		q.count.BadFiles++
		q.mu.Unlock()
		q.o.Logger.Error("segment is damaged: what is readable was saved, the file is set aside",
			slog.String("segment", filepath.Base(s.path)), slog.Int64("saved", sum.Records), slog.Int64("lost", max(0, lost)), slog.Any("error", cause))
	}
	tmp := s.path + tmpSuffix
	if sum.Chunks == 0 {
		return nil, errors.Join(removeFile(tmp), q.discard(s))
	}
	if file != nil {
		if err := file(ids); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", slog.Any("error", err))
		}
	}
	if err := os.Rename(tmp, s.path); err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	if !q.o.NoSync {
		if err := syncDir(q.dir); err != nil {
			return nil, err
		}
	}
	q.shut(s) // whoever opened the old file meanwhile
	q.cache.forget()
	s.checked.Store(true)
	q.install(s, sum, true)
	return ids, nil
}

// unreadFor is how long a segment is tried again that the disk does not give
// whole, before what it does not give counts as lost: a cable, a volume behind a
// network and a controller that starts over come back; a bad sector does not.
const unreadFor = time.Minute

// patience says that s is not to be given up yet when some of it was not read.
func (q *Queue) patience(s *segment, unread error) error {
	if unread == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.unread.IsZero() {
		s.unread = time.Now()
	}
	if time.Since(s.unread) < unreadFor {
		return fmt.Errorf("it is tried again before anything counts as lost: %w", unread)
	}
	return nil
}

// keepCopy gives path a second name, or copies it where that is impossible.
func keepCopy(path, name string) error {
	if os.Link(path, name) == nil {
		return nil
	}
	return copyFile(path, name)
}

// withScan is withPages for files whose meta pages may be gone, or that cannot
// be read whole: p.unread says so.
func withScan(path string, fn func(p *pageFile) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r := &watchedReader{f: f}
	p, _ := openPageFile(r, st.Size())
	p.watched = r
	return fn(p)
}

// writeSegment writes a sealed segment file under its temporary name.
func (q *Queue) writeSegment(num uint64, fill func(put func(h *chunkHeader, data []byte) error) error, sum *summary) error {
	path := segPath(q.dir, num)
	tmp := path + tmpSuffix
	if err := removeFile(tmp); err != nil {
		return err
	}
	if err := makeSegmentAt(tmp, num, q.now(), q.secretFor(num), true); err != nil {
		return err
	}
	db, err := bolt.Open(tmp, 0o600, tailOptions(q.o.SegmentSize))
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	defer func() { db.Close() }()
	var waiting []packed
	size := 0
	flush := func() error {
		err := db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketLog)
			b.FillPercent = 1
			for _, c := range waiting {
				if err := putPieces(b, c.h.first, c.data); err != nil {
					return err
				}
			}
			return nil
		})
		waiting, size = waiting[:0], 0
		return err
	}
	err = fill(func(h *chunkHeader, data []byte) error {
		sum.add(h)
		waiting = append(waiting, packed{h: *h, data: slices.Clone(data)})
		if size += len(data); size > 1<<20 {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	var b []byte
	if err == nil {
		b, err = sum.encode()
	}
	if err == nil {
		err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketInfo).Put(keySummary, b) })
	}
	var used int64
	if err == nil {
		used, err = boltSize(db)
	}
	if err == nil && !q.o.NoSync {
		err = db.Sync()
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Truncate(tmp, used)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

// chunkPieces is where the pieces of chunks were found.
type chunkPieces map[Seq]map[int][]place

type place struct {
	off int64
	n   int
}

func findChunks(p *pageFile, num uint64) (chunkPieces, error) {
	found := make(chunkPieces)
	err := p.scan(func(k, v []byte, off int64) error {
		seq, piece, ok := splitKey(k)
		if !ok || uint64(seq>>32) != num || len(v) > pieceSize || len(v) == 0 {
			return nil
		}
		ps := found[seq]
		if ps == nil {
			ps = make(map[int][]place)
			found[seq] = ps
		}
		if len(ps[piece]) < 8 {
			ps[piece] = append(ps[piece], place{off, len(v)})
		}
		return nil
	})
	return found, err
}

func (c chunkPieces) order() []Seq {
	out := make([]Seq, 0, len(c))
	for seq := range c {
		out = append(out, seq)
	}
	slices.Sort(out)
	return out
}

// assemble puts a chunk together, trying every copy of a piece in turn until
// the checksums agree.
func (c chunkPieces) assemble(p *pageFile, first Seq) ([]byte, chunkHeader, bool) {
	pieces := c[first]
	try := func(odd, copyN int) ([]byte, chunkHeader, bool) {
		var data []byte
		for i := 0; i < math.MaxUint16; i++ {
			ps := pieces[i]
			if len(ps) == 0 {
				break
			}
			at := ps[0]
			if i == odd {
				at = ps[copyN]
			}
			b := make([]byte, at.n)
			if _, err := p.f.ReadAt(b, at.off); err != nil {
				return nil, chunkHeader{}, false
			}
			data = append(data, b...)
		}
		h, err := decodeHeader(data)
		if err != nil || h.first != first || len(data) < h.total() {
			return nil, h, false
		}
		data = data[:h.total()]
		_, _, err = splitBody(&h, data)
		return data, h, err == nil
	}
	if data, h, ok := try(-1, 0); ok {
		return data, h, true
	}
	for i, ps := range pieces {
		for n := 1; n < len(ps); n++ {
			if data, h, ok := try(i, n); ok {
				return data, h, true
			}
		}
	}
	return nil, chunkHeader{}, false
}

// repair deals with damage a reader met in s. When it returns nil the reader
// tries again; what could not be saved is gone then, and counted.
func (q *Queue) repair(s *segment, cause error) error {
	if q.readOnly {
		return cause
	}
	q.repairing.Lock()
	defer q.repairing.Unlock()
	q.mu.Lock()
	tail, gone := s.tail, s.gone
	s.repairs++
	n := s.repairs
	q.mu.Unlock()
	switch {
	case gone:
		return nil
	case n > 4:
		return cause
	case tail:
		if err := q.onTail(func(w *writer) error {
			if q.tail != s {
				return nil
			}
			return w.rotate()
		}); err != nil {
			return err
		}
	}
	q.mu.Lock()
	if isClosed(s.ready) {
		s.ready = make(chan struct{})
	}
	q.mu.Unlock()
	if _, err := q.salvage(s, true, cause, nil); err != nil {
		q.mu.Lock()
		s.failed = err // the keeper tries again
		s.repairs--    // nothing was
		close(s.ready)
		q.mu.Unlock()
		return err
	}
	q.recount()
	return nil
}
