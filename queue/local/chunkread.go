package local

import bolt "go.etcd.io/bbolt"

// chunkCursor reads the pieces of chunks, in order.
type chunkCursor struct {
	c     *bolt.Cursor
	first Seq
	next  int // piece to read next
	buf   []byte
}

// seek finds the chunk that holds at or, when none does, the next one or, when
// at lies behind all of them, the last.
func (r *chunkCursor) seek(at Seq) (Seq, bool, error) {
	k, _ := r.c.Seek(pieceKey(at+1, 0)) // the first chunk that starts behind at
	if k == nil {
		k, _ = r.c.Last()
	} else {
		k, _ = r.c.Prev()
	}
	if k == nil {
		k, _ = r.c.First()
	}
	return r.key(k)
}

// after finds the first chunk that starts at or behind at.
func (r *chunkCursor) after(at Seq) (Seq, bool, error) {
	k, _ := r.c.Seek(pieceKey(at, 0))
	return r.key(k)
}

func (r *chunkCursor) key(k []byte) (Seq, bool, error) {
	if k == nil {
		return 0, false, nil
	}
	first, _, ok := splitKey(k)
	if !ok {
		return 0, false, damaged("key of %d bytes", len(k))
	}
	return first, true, nil
}

// need reads pieces until buf holds n bytes.
func (r *chunkCursor) need(n int) error {
	for len(r.buf) < n {
		var k, v []byte
		if r.next == 0 {
			k, v = r.c.Seek(pieceKey(r.first, 0))
		} else {
			k, v = r.c.Next()
		}
		if f, p, ok := splitKey(k); !ok || f != r.first || p != r.next || len(v) == 0 {
			return damaged("chunk %x: piece %d is missing", uint64(r.first), r.next)
		}
		r.buf = append(r.buf, v...)
		r.next++
	}
	return nil
}

func (r *chunkCursor) header(first Seq) (chunkHeader, error) {
	r.first, r.next, r.buf = first, 0, r.buf[:0]
	if err := r.need(1); err != nil {
		return chunkHeader{}, err
	}
	n, err := headerSize(r.buf)
	if err != nil {
		return chunkHeader{}, err
	}
	if err := r.need(n); err != nil {
		return chunkHeader{}, err
	}
	h, err := decodeHeader(r.buf)
	if err == nil && h.first != first {
		err = damaged("chunk %x lies under %x", uint64(h.first), uint64(first))
	}
	return h, err
}

func (r *chunkCursor) body(h *chunkHeader) (ids, pay []byte, err error) {
	if err := r.need(h.total()); err != nil {
		return nil, nil, err
	}
	return splitBody(h, r.buf)
}

// splitBody gives the checked parts behind the header of an encoded chunk.
func splitBody(h *chunkHeader, b []byte) (ids, pay []byte, err error) {
	if len(b) != h.total() {
		return nil, nil, damaged("chunk %x length", uint64(h.first))
	}
	ids, pay = b[h.size:h.size+h.idsLen], b[h.size+h.idsLen:]
	if crc(ids) != h.idsCRC || crc(pay) != h.payCRC {
		return nil, nil, damaged("chunk %x checksum", uint64(h.first))
	}
	return ids, pay, nil
}

// chunks calls fn for each chunk that holds or follows index from, in order,
// until fn says stop. body gives its ids and stored payload, valid in fn only.
func (q *Queue) chunks(s *segment, from uint32, fn func(h *chunkHeader, body func() (ids, pay []byte, err error)) (more bool, err error)) error {
	return q.view(s, func(b *bolt.Bucket) error {
		end := s.first() + Seq(s.end.Load())
		at := s.first() + Seq(from)
		r := chunkCursor{c: b.Cursor()}
		first, ok, err := r.seek(at)
		for ; ok && err == nil && first < end; first, ok, err = r.after(at) {
			h, err := r.header(first)
			if err != nil {
				return err
			}
			if h.end() > at {
				more, err := fn(&h, func() ([]byte, []byte, error) { return r.body(&h) })
				if err != nil || !more {
					return err
				}
			}
			at = max(at, h.end())
		}
		return err
	})
}
