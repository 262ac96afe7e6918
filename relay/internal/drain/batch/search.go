package batch

import "bytes"

// The search for bad events (docs/meta.md 6.1, 9.4): Meta refuses a
// whole request for one bad event and may not say which. A refused span is
// suspect. Of a suspect span the left part is sent: accepted, the bad one is
// in the right part, which need not be sent to know it; refused, the left part
// is suspect and the right one is again unknown. A single refused event is the
// bad one. One bad event in 1,000 costs about 12 requests.
//
// The items between accepted ones are found by halving; when nothing is
// accepted between two bad ones, the left part shrinks to one event at once,
// so that a broken mapping is found out in few requests.

// Head is the next request as a range of items, and what is open in it. It
// drops spans that are decided; with nothing left, ok is false.
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

// leftPart says how many of n suspects to send.
func leftPart(n, streak int) int {
	for range min(streak, 8) {
		n /= 8
	}
	return max(n/2, 1)
}

// Accept marks a request as delivered; it is the head's.
func (b *Batch) Accept(hi int, sent []int) {
	for _, i := range sent {
		b.done.set(b.Items[i].Slot)
	}
	top := &b.stack[len(b.stack)-1]
	if hi < top.hi {
		top.lo = hi // the bad one is behind it
		return
	}
	b.stack = b.stack[:len(b.stack)-1]
}

// Refuse narrows the search after a request of several items was refused.
func (b *Batch) Refuse(lo, hi int) {
	top := &b.stack[len(b.stack)-1]
	if hi < top.hi { // the left part: all behind it is unknown again
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

// sameRequest says whether two neighbours may travel together: they were cut
// from one request.
func (b *Batch) sameRequest(x, y span) bool {
	return b.Items[x.lo].Group == b.Items[y.lo].Group && y.hi-x.lo <= b.limit(x.lo) && b.bytes(x.lo, y.hi) <= b.Limits.Bytes
}

func (b *Batch) bytes(lo, hi int) (n int64) {
	for i := lo; i < hi; i++ {
		n += int64(len(b.Items[i].Out.Conversion)) + 1
	}
	return n
}

// Open says whether the fate of an item is.
func (b *Batch) Open(i int) bool { return !b.done.has(b.Items[i].Slot) }

// Kill marks a bad item as decided; suspicion of the spans it is in ends with
// it, for it may have been the only one.
func (b *Batch) Kill(i int) {
	b.done.set(b.Items[i].Slot)
	for n := range b.stack {
		if s := &b.stack[n]; s.lo <= i && i < s.hi {
			s.suspect = false
		}
	}
}

// Resume takes the search up where old had it, when b is made of the same
// conversions in the same order: at a slow rate it takes longer than a batch
// stays fresh, and must not begin anew each time.
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

// Try puts a range on top, to be sent next on its own.
func (b *Batch) Try(lo, hi int) { b.stack = append(b.stack, span{lo: lo, hi: hi}) }

// Rotate puts the span on top below all others.
func (b *Batch) Rotate() {
	n := len(b.stack) - 1
	top := b.stack[n]
	copy(b.stack[1:], b.stack[:n])
	b.stack[0] = top
}

// Drop takes the span on top off.
func (b *Batch) Drop() { b.stack = b.stack[:len(b.stack)-1] }

// Requests is about how many requests are left.
func (b *Batch) Requests() int { return len(b.stack) }
