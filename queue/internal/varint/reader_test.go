package varint

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestReader(t *testing.T) {
	b := binary.AppendUvarint(nil, math.MaxUint64)
	b = binary.AppendVarint(b, -3)
	b = binary.AppendUvarint(b, 2)
	b = append(b, "ab\xfe"...)
	read := func(r *Reader) (uint64, int64, string, byte) {
		return r.Uint(), r.Int(), string(r.Bytes()), r.Byte()
	}
	r := NewReader(b)
	if u, i, s, c := read(&r); u != math.MaxUint64 || i != -3 || s != "ab" || c != 254 || r.Bad() || r.Len() != 0 {
		t.Errorf("%d, %d, %q, %d, %d left, bad %v", u, i, s, c, r.Len(), r.Bad())
	}
	for n := range b {
		r := NewReader(b[:n])
		read(&r)
		if !r.Bad() || r.Len() != 0 {
			t.Errorf("reading the first %d of %d bytes: Bad is false", n, len(b))
		}
	}
	for name, b := range map[string][]byte{
		"a number of 11 bytes":         {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1},
		"a count above the bytes left": {3, 1, 1},
	} {
		r := NewReader(b)
		if n := r.Count(); n != 0 || !r.Bad() {
			t.Errorf("%s: Count = %d and Bad = %v, want 0 and true", name, n, r.Bad())
		}
	}
}
