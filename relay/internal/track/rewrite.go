package track

import (
	"bytes"
	"cmp"
	"slices"
)

// cut is a range of a text that is removed, or replaced by null.
type cut struct {
	at   span
	null bool
}

// named is a member of an object that is open or has just been closed.
type named struct {
	hash uint64
	name span  // with its quotes
	next int32 // where the next member's name begins; 0: there is none
}

// rewriter rewrites JSON text that readers could interpret differently: of members with the
// same name the last one is maxKept, and NaN becomes null.
type rewriter struct {
	cuts  []cut
	open  []int // index in names where each open object begins, -1 for a list
	names []named
	a, b  []byte // buffers for two names without their escapes
}

// rewrittenRoom returns the most bytes that write makes of n: NaN becomes null.
func rewrittenRoom(n int) int { return n + n/3 + 4 }

// write appends the JSON value src to dst and reports whether it contained repeated names and
// NaN. The scanner has checked its grammar.
func (w *rewriter) write(dst, src []byte) (out []byte, repeated, nan bool) {
	w.find(src)
	slices.SortFunc(w.cuts, func(x, y cut) int { return cmp.Compare(x.at.from, y.at.from) })
	at := int32(0)
	for _, c := range w.cuts {
		if c.at.from < at {
			continue // inside a cut already made
		}
		dst = append(dst, src[at:c.at.from]...)
		if c.null {
			dst = append(dst, "null"...)
			nan = true
		} else {
			repeated = true
		}
		at = c.at.to
	}
	dst = append(dst, src[at:]...)
	if cap(w.cuts)+cap(w.names)+cap(w.open)+cap(w.a)+cap(w.b) > maxKept {
		*w = rewriter{}
	}
	return dst, repeated, nan
}

// find collects the cuts in src.
func (w *rewriter) find(src []byte) {
	if w.names == nil {
		w.names = make([]named, 0, 16)
	}
	w.cuts, w.open, w.names = w.cuts[:0], w.open[:0], w.names[:0]
	wantName := false
	for i := 0; i < len(src); {
		switch c := src[i]; c {
		case '"':
			end := i + stringLen(src[i:])
			if wantName {
				w.name(src, span{int32(i), int32(end)})
				wantName = false
			}
			i = end
			continue
		case '{':
			w.open = append(w.open, len(w.names))
			wantName = true
		case '[':
			w.open = append(w.open, -1)
			wantName = false
		case '}', ']':
			last := len(w.open) - 1
			if start := w.open[last]; start >= 0 {
				w.close(src, w.names[start:])
				w.names = w.names[:start]
			}
			w.open = w.open[:last]
			wantName = false
		case ',':
			wantName = w.open[len(w.open)-1] >= 0
		case 'N':
			w.cuts = append(w.cuts, cut{span{int32(i), int32(i + len("NaN"))}, true})
			i += len("NaN")
			continue
		case 'I':
			from := i
			if i > 0 && src[i-1] == '-' {
				from--
			}
			i += len("Infinity")
			w.cuts = append(w.cuts, cut{span{int32(from), int32(i)}, true})
			continue
		}
		i++
	}
}

// name adds a member and ends the previous one.
func (w *rewriter) name(src []byte, p span) {
	start := w.open[len(w.open)-1]
	if len(w.names) > start {
		w.names[len(w.names)-1].next = p.from
	}
	w.names = append(w.names, named{hash: w.hash(p.of(src)), name: p})
}

// hash returns the nameHash of a name without its escapes.
func (w *rewriter) hash(quoted []byte) uint64 {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return nameHash(quoted)
	}
	w.a = append(unquote(append(w.a[:0], '"'), quoted), '"')
	return nameHash(w.a)
}

// close cuts all but the last of the members that share a name. It reorders members. Sorting
// also separates different names with the same hash, however many an attacker sends.
func (w *rewriter) close(src []byte, members []named) {
	slices.SortFunc(members, func(x, y named) int {
		if x.hash != y.hash {
			return cmp.Compare(x.hash, y.hash)
		}
		return cmp.Or(w.compare(src, x, y), cmp.Compare(x.name.from, y.name.from))
	})
	for i := 1; i < len(members); i++ {
		if m := members[i-1]; m.hash == members[i].hash && w.compare(src, m, members[i]) == 0 {
			w.cuts = append(w.cuts, cut{at: span{m.name.from, m.next}})
		}
	}
}

// compare compares two names.
func (w *rewriter) compare(src []byte, x, y named) int {
	w.a, w.b = plainText(w.a, x.name.of(src)), plainText(w.b, y.name.of(src))
	return bytes.Compare(w.a, w.b)
}

// plainText returns the text of a quoted string, in the buffer dst.
func plainText(dst, quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return append(dst[:0], quoted[1:len(quoted)-1]...)
	}
	return unquote(dst[:0], quoted)
}

// stringLen returns the length of the JSON string at the start of b.
func stringLen(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}
