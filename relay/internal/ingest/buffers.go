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

// loan is what one request holds of the buffers.
//
// Invariant: what is taken off the count is what was added to it, whatever
// became of the slices meanwhile.
type loan struct {
	from *buffers
	size int64
}

// get lends a buffer of length 0 and at least n capacity; false when that
// would break the bound.
func (l *loan) get(n int) ([]byte, bool) {
	p := l.from
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
	l.size += int64(size)
	if k < len(classes) {
		if b, ok := p.pools[k].Get().(*[]byte); ok {
			return (*b)[:0], true
		}
	}
	return make([]byte, 0, size), true
}

// put takes a buffer from get back.
func (l *loan) put(b []byte) {
	n := min(int64(cap(b)), l.size)
	l.size -= n
	l.from.used.Add(-n)
	l.from.keep(b)
}

// end takes everything back. The slices may be used again unless somebody may
// still read them (doubt).
func (l *loan) end(doubt bool, slices ...[]byte) {
	l.from.used.Add(-l.size)
	l.size = 0
	if doubt {
		return
	}
	for _, b := range slices {
		l.from.keep(b)
	}
}

// keep holds a slice of one of the classes for the next request.
func (p *buffers) keep(b []byte) {
	for k, size := range classes {
		if size == cap(b) {
			b = b[:0]
			p.pools[k].Put(&b)
			return
		}
	}
}

// grow exchanges b for a buffer with the same content and twice the capacity,
// but not more than most needs.
func (l *loan) grow(b []byte, most int) ([]byte, bool) {
	n, ok := l.get(min(max(2*cap(b), classes[0]), max(most, cap(b)+1)))
	if !ok {
		return b, false
	}
	n = append(n, b...)
	l.put(b)
	return n, true
}
