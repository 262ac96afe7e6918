package segment

import (
	bolt "go.etcd.io/bbolt"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
)

// chunkCursor reads chunks piece by piece, in order.
type chunkCursor struct {
	c     *bolt.Cursor
	k, v  []byte // at the position of c; k is nil before the first seek and at the end
	first queue.Seq
	next  int // piece to read next
	buf   []byte
	whole int // length of the complete chunk
}

// holding reads the header of the chunk that contains the record at.
func (r *chunkCursor) holding(at queue.Seq) (chunk.Header, error) {
	// Its last piece is the last one before the first piece with a number > at.
	if k, _ := r.c.Seek(pieceKey(at+1, 0)); k == nil {
		r.k, r.v = r.c.Last()
	} else {
		r.k, r.v = r.c.Prev()
	}
	first, _, ok := splitKey(r.k)
	if !ok {
		return chunk.Header{}, format.Damaged("no chunk contains record %x", uint64(at))
	}
	h, err := r.header(first)
	if err == nil && (h.First > at || h.End() <= at) {
		err = format.Damaged("no chunk contains record %x", uint64(at))
	}
	return h, err
}

// header reads the header of the chunk whose first record is first.
func (r *chunkCursor) header(first queue.Seq) (chunk.Header, error) {
	if len(r.buf) > 0 && len(r.buf) == r.whole { // the previous chunk was read completely: the next one follows
		r.k, r.v = r.c.Next()
	}
	if k, piece, ok := splitKey(r.k); !ok || k != first || piece != 0 {
		r.k, r.v = r.c.Seek(pieceKey(first, 0))
	}
	r.first, r.next, r.buf, r.whole = first, 0, r.buf[:0], 0
	if err := r.need(1); err != nil {
		return chunk.Header{}, err
	}
	n, err := chunk.HeaderLen(r.buf)
	if err != nil {
		return chunk.Header{}, err
	}
	if err := r.need(n); err != nil {
		return chunk.Header{}, err
	}
	h, err := chunk.DecodeHeader(r.buf)
	if err == nil && h.First != first {
		err = format.Damaged("chunk %x is stored under %x", uint64(h.First), uint64(first))
	}
	r.whole = h.Len()
	return h, err
}

// need reads pieces until buf has n bytes.
func (r *chunkCursor) need(n int) error {
	for len(r.buf) < n {
		if r.next > 0 {
			r.k, r.v = r.c.Next()
		}
		if f, p, ok := splitKey(r.k); !ok || f != r.first || p != r.next || len(r.v) == 0 {
			return format.Damaged("chunk %x: piece %d is missing", uint64(r.first), r.next)
		}
		r.buf = append(r.buf, r.v...)
		r.next++
	}
	return nil
}

func (r *chunkCursor) body(h *chunk.Header) (ids, pay []byte, err error) {
	if err := r.need(h.Len()); err != nil {
		return nil, nil, err
	}
	return h.Split(r.buf)
}

// Known is what the caller of Chunks knows about a segment.
type Known struct {
	End   uint32       // index after the last confirmed record, read before Chunks is called
	Check func() error // checks a file that was not checked yet (File.Check)
	Gaps  func() Gaps  // called once the file is checked
}

// Chunks calls fn for each chunk from the one that contains or follows index from, in
// order, until fn returns more = false. body returns its ids and stored payload, valid
// only during fn.
//
// Invariant: nothing is skipped. Each chunk begins where the previous one ended, or
// where a known gap ends; the last one ends where the segment does. Anything else that
// bbolt returns is damage.
func (p *Pool) Chunks(s *File, from uint32, known Known, fn func(h *chunk.Header, body func() (ids, pay []byte, err error)) (more bool, err error)) error {
	if err := p.acquire(s, known.Check); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	return s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketLog)
		if b == nil {
			return format.Damaged("segment has no log bucket")
		}
		gaps := known.Gaps()
		r := chunkCursor{c: b.Cursor()}
		find := r.holding
		for at := gaps.skip(from); at < known.End; find = r.header {
			h, err := find(s.First() + queue.Seq(at))
			if err != nil {
				return err
			}
			more, err := fn(&h, func() ([]byte, []byte, error) { return r.body(&h) })
			if err != nil || !more {
				return err
			}
			at = gaps.skip(uint32(h.End()))
		}
		return nil
	})
}
