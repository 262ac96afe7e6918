package dead

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// elem returns the head of an element whose key begins pos bytes after it.
func elem(pos, key, value uint32) []byte {
	b := make([]byte, elemHead)
	binary.LittleEndian.PutUint32(b[4:], pos)
	binary.LittleEndian.PutUint32(b[8:], key)
	binary.LittleEndian.PutUint32(b[12:], value)
	return b
}

// In a file in which every 16 bytes claim to be an element of the rest of the file, the cost
// is proportional to the size, the scan reports that it was incomplete, and real rows are
// found.
func TestScanCost(t *testing.T) {
	const size = 8 << 20
	k := rowKey("lane", 7, 0)
	real := row{number: 1 << 32, settlement: 5, sealed: []byte("a row")}
	v := real.encode(k)
	b := append(elem(elemHead, uint32(len(k)), uint32(len(v))), append(bytes.Clone(k), v...)...)
	for len(b) < size-elemHead {
		b = append(b, elem(elemHead, uint32(len(k)), uint32(size-len(b)-elemHead-len(k)))...)
	}
	b = append(b, make([]byte, size-len(b))...)
	path := filepath.Join(t.TempDir(), "dead.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read := &counted{f: f}
	s := search{f: read, size: size, budget: scanCost * size}
	found := 0
	err = s.run(func(got []byte, r row) error {
		if bytes.Equal(got, k) && r.number == real.number {
			found++
		}
		return nil
	})
	if !errors.Is(err, errScanCost) || found != 1 {
		t.Errorf("found %d rows, %v", found, err)
	}
	if read.n > (scanCost+2)*size {
		t.Errorf("read %d bytes of a file of %d", read.n, size)
	}
}

type counted struct {
	f *os.File
	n int64
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	c.n += int64(len(b))
	return c.f.ReadAt(b, at)
}

// Bytes inside a letter that look like a letter come from its sender and are no letter.
func TestRowWithinRow(t *testing.T) {
	inner := rowKey("forged", 1, 0)
	v := (&row{number: 9 << 32, sealed: []byte("x")}).encode(inner)
	body := append(elem(elemHead, uint32(len(inner)), uint32(len(v))), append(bytes.Clone(inner), v...)...)
	w := newWorld(t)
	l := letter(1, string(body))
	w.put("a", 1, 2)
	if _, err := w.Put("a", 2, append(w.all()[:0:0], l)); err != nil {
		t.Fatal(err)
	}
	w.gens["a"] = 2
	w.Commit("a")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	if err := scan(w.path, func(k []byte, _ row) error {
		lane, _, _, _ := splitKey(k)
		keys = append(keys, lane)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, lane := range keys {
		if lane != "a" {
			t.Errorf("found a row of lane %q", lane)
		}
	}
	if len(keys) < 2 {
		t.Errorf("found %d rows", len(keys))
	}
}
