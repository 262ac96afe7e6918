// Package varint reads varints and byte strings, as encoding/binary appends them, from bytes that
// may be damaged.
package varint

import "encoding/binary"

// Reader reads values one after another. After the first value that is missing it returns zeros,
// has nothing left, and Bad is true, so a caller needs to check only once, at the end.
type Reader struct {
	b   []byte
	bad bool
}

// NewReader returns a Reader of b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Bad reports whether a value was missing.
func (r *Reader) Bad() bool { return r.bad }

// Len is the number of bytes left.
func (r *Reader) Len() int { return len(r.b) }

func (r *Reader) fail() { r.bad, r.b = true, nil }

// Uint reads a value written by binary.AppendUvarint.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads a value written by binary.AppendVarint.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// Count reads the number of elements that follow, each at least one byte long. A number larger than
// the bytes left is damage.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

// Bytes reads a length and that many bytes, which alias the Reader's input.
func (r *Reader) Bytes() []byte {
	n := r.Count()
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}
