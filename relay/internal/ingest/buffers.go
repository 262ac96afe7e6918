package ingest

import (
	"sync"
	"sync/atomic"
)

// classes are the sizes of pooled buffers. The largest holds a request of the
// default limit with room to notice that it is over.
var classes = [...]int{4 << 10, 16 << 10, 64 << 10, 96 << 10, 144 << 10, 216 << 10, 324 << 10, 512 << 10, 1 << 20, 2 << 20, 4<<20 + 512}

// small is the size up to which a request may use the whole budget; larger
// ones leave a quarter of it alone, so that they cannot shut out the tills.
const small = 64 << 10

// buffers lends byte slices and counts what is lent: the bytes of all requests
// in flight stay below limit.
type buffers struct {
	limit int64
	used  atomic.Int64
	pools [len(classes)]sync.Pool
}

// get lends a buffer of length 0 and at least n capacity; false when that
// would break the bound.
func (p *buffers) get(n int) ([]byte, bool) {
	k, size := 0, n
	for k < len(classes) && classes[k] < n {
		k++
	}
	if k < len(classes) {
		size = classes[k]
	}
	limit := p.limit
	if size > small {
		limit -= limit / 4
	}
	if p.used.Add(int64(size)) > limit {
		p.used.Add(-int64(size))
		return nil, false
	}
	if k < len(classes) {
		if b, ok := p.pools[k].Get().(*[]byte); ok {
			return (*b)[:0], true
		}
	}
	return make([]byte, 0, size), true
}

// put takes a buffer from get back.
func (p *buffers) put(b []byte) {
	p.drop(b)
	for k, size := range classes {
		if size == cap(b) {
			b = b[:0]
			p.pools[k].Put(&b)
			return
		}
	}
}

// drop ends a loan without taking the buffer back: somebody may still read it.
func (p *buffers) drop(b []byte) { p.used.Add(-int64(cap(b))) }

// grow exchanges b for a buffer with the same content and twice the capacity,
// but not more than most needs.
func (p *buffers) grow(b []byte, most int) ([]byte, bool) {
	n, ok := p.get(min(max(2*cap(b), classes[0]), max(most, cap(b)+1)))
	if !ok {
		return b, false
	}
	n = append(n, b...)
	p.put(b)
	return n, true
}
