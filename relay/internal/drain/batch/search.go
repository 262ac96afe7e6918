package batch

import "bytes"

// The search for bad events (docs/meta.md 6.1, 9.4): Meta refuses a whole request for one bad
// event and does not always say which. A refused span is suspect. Of a suspect span the left
// part is sent. If it is accepted, the bad event is in the right part. If it is refused, the
// left part is suspect, and the right part is unknown again. A single refused event is the bad
// one. One bad event in 1,000 costs about 12 requests.
//
// If nothing was accepted since the last bad event, the left part becomes much smaller, so that
// a wrong mapping is noticed within few requests.

// Head returns the next request as a range of items, and the undecided items in it. It drops
// spans that are decided. ok is false if nothing is left.
func (b *Batch) Head(streak int) (lo, hi int, open []int, ok bool) {
	for len(b.stack) > 0 {
		top := &b.stack[len(b.stack)-1]
		open = b.Alive(top.lo, top.hi)
		if len(open) == 0 {
			b.stack = b.stack[:len(b.stack)-1]
			continue
		}
		if !top.suspect || len(open) == 1 {
			return top.lo, top.hi, open, true
		}
		left := open[:leftPart(len(open), streak)]
		return top.lo, left[len(left)-1] + 1, left, true
	}
	return 0, 0, nil, false
}

// leftPart returns how many of n suspects to send. streak is the number of refusals in a row.
func leftPart(n, streak int) int {
	for range min(streak, 8) {
		n /= 8
	}
	return max(n/2, 1)
}

// Accept marks the request that Head returned as delivered.
func (b *Batch) Accept(hi int, sent []int) {
	for _, i := range sent {
		b.done.set(b.Items[i].Slot)
	}
	top := &b.stack[len(b.stack)-1]
	if hi < top.hi {
		top.lo = hi // the bad event is behind it
		return
	}
	b.stack = b.stack[:len(b.stack)-1]
}

// Refuse narrows the search after a request of several items was refused.
func (b *Batch) Refuse(lo, hi int) {
	top := &b.stack[len(b.stack)-1]
	if hi < top.hi { // the left part was refused: the rest is unknown again
		rest := span{lo: hi, hi: top.hi}
		b.stack = b.stack[:len(b.stack)-1]
		if n := len(b.stack); n > 0 && !b.stack[n-1].suspect && b.stack[n-1].lo == rest.hi && b.sameRequest(rest, b.stack[n-1]) {
			b.stack[n-1].lo = rest.lo
		} else {
			b.stack = append(b.stack, rest)
		}
		b.stack = append(b.stack, span{lo: lo, hi: hi, suspect: true})
		return
	}
	top.suspect = true
}

// sameRequest reports whether two adjacent spans fit into one request.
func (b *Batch) sameRequest(x, y span) bool {
	return b.Items[x.lo].Group == b.Items[y.lo].Group && y.hi-x.lo <= b.limit(x.lo) && b.bytes(x.lo, y.hi) <= b.Limits.Bytes
}

func (b *Batch) bytes(lo, hi int) (n int64) {
	for i := lo; i < hi; i++ {
		n += int64(len(b.Items[i].Out.Conversion)) + 1
	}
	return n
}

// Open reports whether an item is undecided.
func (b *Batch) Open(i int) bool { return !b.done.has(b.Items[i].Slot) }

// Kill marks a bad item as decided. The spans with it are no longer suspect, since it could be
// the only bad one.
func (b *Batch) Kill(i int) {
	b.done.set(b.Items[i].Slot)
	for n := range b.stack {
		if s := &b.stack[n]; s.lo <= i && i < s.hi {
			s.suspect = false
		}
	}
}

// Resume continues the search of old if b has the same conversions in the same order. At a slow
// rate, a search takes longer than a batch stays fresh, and must not start over each time.
func (b *Batch) Resume(old *Batch) {
	same := len(b.Items) == len(old.Items) && b.Limits == old.Limits
	for i := range min(len(b.Items), len(old.Items)) {
		x, y := &b.Items[i], &old.Items[i]
		same = same && x.Slot == y.Slot && x.Group == y.Group && bytes.Equal(x.Out.Conversion, y.Out.Conversion)
	}
	if !same {
		return
	}
	b.stack, b.aged = old.stack, old.aged
	for i := range b.Items {
		x, y := &b.Items[i], &old.Items[i]
		x.Tries, x.Suspicion = y.Tries, y.Suspicion
	}
}

// Try puts a range on top of the stack, to be sent next on its own.
func (b *Batch) Try(lo, hi int) { b.stack = append(b.stack, span{lo: lo, hi: hi}) }

// Rotate moves the top span below all others.
func (b *Batch) Rotate() {
	n := len(b.stack) - 1
	top := b.stack[n]
	copy(b.stack[1:], b.stack[:n])
	b.stack[0] = top
}

// Drop removes the top span.
func (b *Batch) Drop() { b.stack = b.stack[:len(b.stack)-1] }

// Requests returns the approximate number of requests left.
func (b *Batch) Requests() int { return len(b.stack) }
