package segment

import (
	"maps"
	"math"
	"slices"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
)

// Found is the pieces of chunks in a damaged file, wherever they are.
type Found struct {
	p      *boltscan.File
	pieces map[queue.Seq]copies
}

// Find searches all pages of a file for pieces of chunks, without trusting its
// structure, and calls fn with them. Found is valid only during the call.
func Find(path string, num uint64, fn func(*Found) error) error {
	return boltdb.Scan(path, func(p *boltscan.File) error {
		pieces, err := findPieces(p, num)
		if err != nil {
			return err
		}
		return fn(&Found{p, pieces})
	})
}

// Unread returns why the disk did not return some of the file so far, or nil.
func (f *Found) Unread() error { return f.p.Unread() }

// Each calls fn for each complete chunk, in order. rows are the chunk's ids, a part of
// data.
func (f *Found) Each(fn func(h *chunk.Header, data, rows []byte) error) error {
	for _, first := range slices.Sorted(maps.Keys(f.pieces)) {
		if data, h, rows, ok := f.assemble(first); ok {
			if err := fn(&h, data, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// copies is where the copies of each piece of a chunk are.
type copies map[int][]place

type place struct {
	off int64
	n   int
}

func findPieces(p *boltscan.File, num uint64) (map[queue.Seq]copies, error) {
	found := make(map[queue.Seq]copies)
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

// assemble joins the pieces of a chunk, trying the copies of each piece in turn until
// the checksums match.
func (f *Found) assemble(first queue.Seq) (data []byte, h chunk.Header, ids []byte, ok bool) {
	pieces := f.pieces[first]
	if data, h, ids, ok = pieces.join(f.p, first, -1, 0); ok {
		return data, h, ids, true
	}
	for i, ps := range pieces {
		for n := 1; n < len(ps); n++ {
			if data, h, ids, ok = pieces.join(f.p, first, i, n); ok {
				return data, h, ids, true
			}
		}
	}
	return nil, chunk.Header{}, nil, false
}

// join joins the first copy of each piece, except for piece odd, of which it takes
// copy n.
func (c copies) join(p *boltscan.File, first queue.Seq, odd, n int) (data []byte, h chunk.Header, ids []byte, ok bool) {
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
