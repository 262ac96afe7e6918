package segment

import (
	bolt "go.etcd.io/bbolt"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
)

// chunkCursor reads the pieces of chunks, in order.
type chunkCursor struct {
	c     *bolt.Cursor
	k, v  []byte // where c stands; k is nil before it was sought, and at the end
	first queue.Seq
	next  int // piece to read next
	buf   []byte
	whole int // length of the chunk in buf
}

// holding reads the header of the chunk that holds at.
func (r *chunkCursor) holding(at queue.Seq) (chunk.Header, error) {
	// The last piece of a chunk lies before the first that begins behind at.
	if k, _ := r.c.Seek(pieceKey(at+1, 0)); k == nil {
		r.k, r.v = r.c.Last()
	} else {
		r.k, r.v = r.c.Prev()
	}
	first, _, ok := splitKey(r.k)
	if !ok {
		return chunk.Header{}, format.Damaged("no chunk holds %x", uint64(at))
	}
	h, err := r.header(first)
	if err == nil && (h.First > at || h.End() <= at) {
		err = format.Damaged("no chunk holds %x", uint64(at))
	}
	return h, err
}

// header reads the header of the chunk that begins with first.
func (r *chunkCursor) header(first queue.Seq) (chunk.Header, error) {
	if len(r.buf) > 0 && len(r.buf) == r.whole { // it was read to its end: the next one follows
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
		err = format.Damaged("chunk %x lies under %x", uint64(h.First), uint64(first))
	}
	r.whole = h.Len()
	return h, err
}

// need reads pieces until buf holds n bytes.
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

// Known is what the owner of a segment knows of it.
type Known struct {
	End   uint32       // index behind the last record that is confirmed; as of before Chunks is called
	Check func() error // reads a file that nobody has read (File.Check)
	Gaps  func() Gaps  // once it is checked
}

// Chunks calls fn for each chunk that holds or follows index from, in order,
// until fn says stop. body gives its ids and stored payload, valid in fn only.
//
// Invariant: nothing is passed over. Each chunk begins where the one before
// ended, or where a gap ends that the summary knows; the last ends where the
// segment does. Whatever bbolt finds instead is damage.
func (p *Pool) Chunks(s *File, from uint32, known Known, fn func(h *chunk.Header, body func() (ids, pay []byte, err error)) (more bool, err error)) error {
	if err := p.lend(s, known.Check); err != nil {
		return err
	}
	defer s.mu.RUnlock()
	return s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketLog)
		if b == nil {
			return format.Damaged("segment without log")
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
