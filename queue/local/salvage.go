package local

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/internal/logs"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/chunk"
)

// salvage writes the chunks that are whole to a new file in the place of s.
// A damaged original is kept as .bad.
// What it saves is sealed: file, when given, gets the ids before that counts.
func (q *Queue) salvage(s *segment, isDamaged bool, cause error, file func([]knownID) error) ([]knownID, error) {
	q.shut(s)
	q.mu.Lock()
	voids := slices.Clone(q.voids)
	before := s.sum.clone()
	held, noted := q.sealed[s.num]
	q.mu.Unlock()
	var ids []knownID
	var sum summary
	err := withScan(s.path, func(p *boltscan.File) error {
		found, err := findChunks(p, s.num)
		if err == nil {
			err = q.patience(s, p.Unread())
		}
		if err != nil {
			return err
		}
		return q.writeSegment(s.num, func(put func(h *chunk.Header, data []byte) error) error {
			end := s.first()
			for _, c := range found.order() {
				data, h, more, ok := found.assemble(p, c)
				if !ok || h.First < end || isVoid(voids, &h) {
					continue
				}
				end = h.End()
				ids = appendIDs(ids, more)
				if err := put(&h, data); err != nil {
					return err
				}
			}
			return q.patience(s, p.Unread())
		}, &sum)
	})
	if errors.Is(err, os.ErrNotExist) { // removed by hand, while the queue was open
		q.missing(s.num, before.Records)
		return nil, q.discard(s)
	}
	if err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	lost, known := lostRecords(s.num, &before, &sum, held, noted, voids)
	if isDamaged {
		bad := badName(s.path)
		if err := keepCopy(s.path, bad); err != nil {
			return nil, fmt.Errorf("salvage segment: %w", err)
		}
		q.mu.Lock()
		q.count.BadSegments++
		q.count.LostRecords += lost
		if lost > 0 || !known {
			q.count.BadChunks++
		}
		q.mu.Unlock()
		q.lookBesides()
		q.o.Logger.Error("segment is damaged: what is readable was saved, the file is set aside", "code", logs.SegmentDamaged,
			"segment", filepath.Base(s.path), "saved", sum.Records, "lost", lost, "lost_known", known, "err", cause)
	}
	if isDamaged {
		if err := q.ids.salvaged(s.num, ids); err != nil {
			q.o.Logger.Warn("message ids of lost records stay known", "code", logs.IDsOfLostRecords, "err", err)
		}
	}
	tmp := s.path + tmpSuffix
	if sum.Chunks == 0 {
		return nil, errors.Join(removeFile(tmp), q.discard(s))
	}
	if file != nil {
		if err := file(ids); err != nil {
			q.o.Logger.Warn("cannot write message ids; they stay in memory", "code", logs.IDsNotWritten, "err", err)
		}
	}
	if err := replaceFile(tmp, s.path, q.o.NoSync); err != nil {
		return nil, fmt.Errorf("salvage segment: %w", err)
	}
	q.shut(s) // whoever opened the old file meanwhile
	q.cache.forget()
	s.checked.Store(true)
	q.install(s, sum, true)
	return ids, nil
}

// lostRecords says how many records of a segment are not in sum, what was saved
// of it: exactly, when it was read before or meta.db has noted how many it held,
// else as far as the gaps in what was saved tell.
func lostRecords(num uint64, before, sum *summary, held int64, noted bool, voids []voidRange) (lost int64, known bool) {
	switch {
	case before.Chunks > 0:
		return max(0, before.Records-sum.Records), true
	case noted:
		return max(0, held-sum.Records), true
	}
	lost = sum.Missing
	for _, v := range voids {
		if uint64(v.first>>32) == num && uint32(v.end) < sum.Next {
			lost -= int64(v.end - v.first)
		}
	}
	return max(0, lost), false
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

// writeSegment writes a sealed segment file under its temporary name.
func (q *Queue) writeSegment(num uint64, fill func(put func(h *chunk.Header, data []byte) error) error, sum *summary) error {
	path := segPath(q.dir, num)
	tmp := path + tmpSuffix
	if err := removeFile(tmp); err != nil {
		return err
	}
	if err := makeSegmentAt(tmp, num, q.now(), q.secretFor(num), true); err != nil {
		return err
	}
	db, err := openBolt(tmp, 0o600, tailOptions(q.o.SegmentSize))
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	defer func() { _ = db.Close() }()
	var waiting []packed
	size := 0
	flush := func() error {
		err := db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketLog)
			b.FillPercent = 1
			for _, c := range waiting {
				if err := putPieces(b, c.h.First, c.data); err != nil {
					return err
				}
			}
			return nil
		})
		waiting, size = waiting[:0], 0
		return err
	}
	err = fill(func(h *chunk.Header, data []byte) error {
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
		err = truncate(tmp, used)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

// chunkPieces is where the pieces of chunks were found.
type chunkPieces map[Seq]copies

// copies is where each copy of each piece of a chunk lies.
type copies map[int][]place

type place struct {
	off int64
	n   int
}

func findChunks(p *boltscan.File, num uint64) (chunkPieces, error) {
	found := make(chunkPieces)
	err := p.Scan(func(k, v []byte, off int64) error {
		seq, piece, ok := splitKey(k)
		if !ok || uint64(seq>>32) != num || len(v) > pieceSize || len(v) == 0 {
			return nil
		}
		ps := found[seq]
		if ps == nil {
			ps = make(copies)
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
// the checksums agree. ids lie in data.
func (c chunkPieces) assemble(p *boltscan.File, first Seq) (data []byte, h chunk.Header, ids []byte, ok bool) {
	pieces := c[first]
	if data, h, ids, ok = pieces.join(p, first, -1, 0); ok {
		return data, h, ids, true
	}
	for i, ps := range pieces {
		for n := 1; n < len(ps); n++ {
			if data, h, ids, ok = pieces.join(p, first, i, n); ok {
				return data, h, ids, true
			}
		}
	}
	return nil, chunk.Header{}, nil, false
}

// join puts a chunk together from the first copy of each piece but of the piece
// odd, of which it takes copy n.
func (c copies) join(p *boltscan.File, first Seq, odd, n int) (data []byte, h chunk.Header, ids []byte, ok bool) {
	for i := range math.MaxUint16 {
		ps := c[i]
		if len(ps) == 0 {
			break
		}
		at := ps[0]
		if i == odd {
			at = ps[n]
		}
		b := make([]byte, at.n)
		if _, err := p.ReadAt(b, at.off); err != nil {
			return nil, chunk.Header{}, nil, false
		}
		data = append(data, b...)
	}
	h, err := chunk.DecodeHeader(data)
	if err != nil || h.First != first || len(data) < h.Len() {
		return nil, chunk.Header{}, nil, false
	}
	data = data[:h.Len()]
	ids, _, err = h.Split(data)
	return data, h, ids, err == nil
}
