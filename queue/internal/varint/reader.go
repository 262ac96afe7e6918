// Package varint reads the numbers and byte strings that encoding/binary appends
// as varints, from bytes that may be damaged.
package varint

import "encoding/binary"

// Reader reads on in its bytes. After the first thing that is not there it gives
// zeros, has nothing left and is Bad: a caller asks once, in the end.
type Reader struct {
	b   []byte
	bad bool
}

// NewReader makes a Reader of b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Bad says that something was not there.
func (r *Reader) Bad() bool { return r.bad }

// Len is the number of bytes that are left.
func (r *Reader) Len() int { return len(r.b) }

func (r *Reader) fail() { r.bad, r.b = true, nil }

// Uint reads what binary.AppendUvarint wrote.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Int reads what binary.AppendVarint wrote.
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

// Count reads how many things follow, of at least one byte each: more than are
// left is damage.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

// Bytes reads a length and so many bytes, which lie in the Reader's.
func (r *Reader) Bytes() []byte {
	n := r.Count()
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}
