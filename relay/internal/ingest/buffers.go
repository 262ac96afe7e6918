package ingest

import (
	"sync"
	"sync/atomic"
)

// classes are the sizes of pooled buffers. The largest holds a request of the default limit
// plus some bytes, to detect that a request exceeds it.
var classes = [...]int{4 << 10, 16 << 10, 64 << 10, 96 << 10, 144 << 10, 216 << 10, 324 << 10, 512 << 10, 1 << 20, 2 << 20, 4<<20 + 512}

// small is the largest buffer that can use the whole budget. Larger ones leave a quarter of it
// free, so that they cannot lock out the tills.
const small = 64 << 10

// buffers lends byte slices and counts the bytes lent: all requests in flight together stay
// below limit.
type buffers struct {
	limit int64
	used  atomic.Int64
	pools [len(classes)]sync.Pool
}

// loan is what one request has borrowed from buffers.
//
// Invariant: the count is decreased by exactly what it was increased by, whatever happened to
// the slices meanwhile.
type loan struct {
	from *buffers
	size int64
}

// get lends a buffer of length 0 and capacity at least n; false if that would exceed the limit.
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

// put returns a buffer from get.
func (l *loan) put(b []byte) {
	n := min(int64(cap(b)), l.size)
	l.size -= n
	l.from.used.Add(-n)
	l.from.keep(b)
}

// end returns the whole loan. The slices are reused unless they can still be read by the queue
// (inUse).
func (l *loan) end(inUse bool, slices ...[]byte) {
	l.from.used.Add(-l.size)
	l.size = 0
	if inUse {
		return
	}
	for _, b := range slices {
		l.from.keep(b)
	}
}

// keep pools a slice for the next request if it has the size of a class.
func (p *buffers) keep(b []byte) {
	for k, size := range classes {
		if size == cap(b) {
			b = b[:0]
			p.pools[k].Put(&b)
			return
		}
	}
}

// grow replaces b by a buffer with the same content and twice the capacity, but not more than
// most requires.
func (l *loan) grow(b []byte, most int) ([]byte, bool) {
	n, ok := l.get(min(max(2*cap(b), classes[0]), max(most, cap(b)+1)))
	if !ok {
		return b, false
	}
	n = append(n, b...)
	l.put(b)
	return n, true
}
