package boltscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// counted counts the bytes read.
type counted struct {
	r *bytes.Reader
	n int
}

func (c *counted) ReadAt(b []byte, off int64) (int, error) {
	c.n += len(b)
	return c.r.ReadAt(b, off)
}

// FuzzScan reads a bbolt file with changed bytes, and one that was cut. An edit has four
// bytes: an offset of three and the new value. Nothing panics, no more is read than promised,
// and every value found is at its offset in the file.
func FuzzScan(f *testing.F) {
	whole := read(f, makeFile(f, 1024, put("a", 3, 20), put("b", 150, 90), put("c", 4, 2500), func(tx *bolt.Tx) error {
		return tx.DeleteBucket([]byte("a"))
	}, put("a", 5, 20)))
	f.Add([]byte{}, uint16(0))
	f.Add([]byte{0, 0, 20, 9}, uint16(0))
	for id := byte(2); id < 40; id++ {
		at := int(id) * 1024
		f.Add([]byte{0, byte(at >> 8), 10, 255}, uint16(0))                        // count
		f.Add([]byte{0, byte(at >> 8), 12, 200}, uint16(id))                       // overflow
		f.Add([]byte{0, byte(at >> 8), 8, 1, 0, byte(at >> 8), 24, 2}, uint16(id)) // a leaf that becomes a branch
	}
	f.Fuzz(func(t *testing.T, edits []byte, cut uint16) {
		b := bytes.Clone(whole)
		for ; len(edits) >= 4; edits = edits[4:] {
			b[int(binary.BigEndian.Uint32(edits)>>8)%len(b)] = edits[3]
		}
		b = b[:len(b)-int(cut)%len(b)]
		if len(b) > 1024 {
			fixSum(b) // a valid meta page
		}
		src := &counted{r: bytes.NewReader(b)}
		p, err := New(src, int64(len(b)))
		if (err == nil) == (len(p.Metas()) == 0) {
			t.Fatalf("%d meta pages, %v", len(p.Metas()), err)
		}
		for _, m := range p.Metas() {
			src.n = 0
			for _, bucket := range []string{"a", "b", "c"} {
				var last []byte
				if err := p.Walk(m, []byte(bucket), func(k, _ []byte) error {
					if last != nil && bytes.Compare(last, k) >= 0 {
						t.Fatalf("key %q follows %q", k, last)
					}
					last = append(last[:0], k...)
					return nil
				}); err != nil && !errors.Is(err, ErrDamaged) {
					t.Fatal(err)
				}
			}
			if src.n > 2*3*(len(b)+1024) {
				t.Fatalf("walks read %d bytes of %d", src.n, len(b))
			}
		}
		src.n = 0
		if err := p.Scan(func(_, v []byte, off int64) error {
			if off < 0 || off+int64(len(v)) > int64(len(b)) || !bytes.Equal(b[off:off+int64(len(v))], v) {
				t.Fatalf("value of %d bytes is not at %d of %d", len(v), off, len(b))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if src.n > (scanReads+2)*len(b)+1<<16 {
			t.Fatalf("the scan read %d bytes of %d", src.n, len(b))
		}
	})
}
