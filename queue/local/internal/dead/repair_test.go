package dead

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"relay/internal/seal"
	"relay/queue"
)

// hurt changes the file while it is closed.
func (w *world) hurt(fn func(b []byte)) {
	w.t.Helper()
	if err := w.Close(); err != nil {
		w.t.Fatal(err)
	}
	b, err := os.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	fn(b)
	if err := os.WriteFile(w.path, b, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func flip(t *testing.T, b []byte, what string) {
	t.Helper()
	n := 0
	for at := 0; ; n++ {
		i := bytes.Index(b[at:], []byte(what))
		if i < 0 {
			break
		}
		b[at+i+len(what)-1] ^= 4
		at += i + len(what)
	}
	if n == 0 {
		t.Fatalf("%q is not in the file", what)
	}
}

// A flipped bit of a letter costs that letter only, and the loss is exact.
func TestDamagedRows(t *testing.T) {
	for _, c := range []struct {
		name string
		hurt func(t *testing.T, b []byte)
		want []string
		lost int64
	}{
		{"body", func(t *testing.T, b []byte) { flip(t, b, "body of 2") }, []string{"m-1", "m-3"}, 1},
		{"key, everywhere", func(t *testing.T, b []byte) { flip(t, b, string(rowKey("lane", 2, 0)[:12])) }, []string{"m-1", "m-3"}, 1},
		{"key in the order", func(t *testing.T, b []byte) { flip(t, b, string(numberKey(1<<32+1))+"lane") }, []string{"m-1", "m-2", "m-3"}, 0},
		{"number", func(t *testing.T, b []byte) {
			what := append(numberKey(1<<32+1), "lane"...)
			for i := bytes.Index(b, what); i >= 0; i = bytes.Index(b, what) {
				b[i+7] ^= 4
			}
		}, []string{"m-1", "m-2", "m-3"}, 0},
		{"header", func(t *testing.T, b []byte) { flip(t, b, "format 2") }, []string{"m-1", "m-2", "m-3"}, 0},
		{"two bodies", func(t *testing.T, b []byte) { flip(t, b, "body of 2"); flip(t, b, "body of 1") }, []string{"m-3"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.put("lane", 1, 1, 2, 3)
			if err := w.Compact(); err != nil { // so that no row has another copy
				t.Fatal(err)
			}
			w.hurt(func(b []byte) { c.hurt(t, b) })
			w.want(int64(len(c.want)), c.want...)
			if len(w.repairs) != 1 || w.repairs[0].Lost != c.lost || w.repairs[0].Saved != int64(len(c.want)) {
				t.Errorf("%+v", w.repairs)
			}
			if _, err := os.Stat(w.path + ".bad"); err != nil {
				t.Error(err)
			}
			w.again()
			w.put("lane", 2, 4)
			if len(w.repairs) != 1 {
				t.Errorf("repaired again: %+v", w.repairs)
			}
			w.want(int64(len(c.want)+1), append(c.want, "m-4")...)
		})
	}
}

// A letter whose row is damaged is restored from an older page, without restoring removed
// letters.
func TestOlderPage(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 4; n++ {
		w.put("a", uint64(n), n)
	}
	if _, err := w.Remove([]uint64{1<<32 + 3}); err != nil {
		t.Fatal(err)
	}
	// Damage only the page in use.
	w.hurt(func(b []byte) {
		at := -1
		for page := 0; page < len(b); page += os.Getpagesize() {
			p := b[page : page+os.Getpagesize()]
			if bytes.Contains(p, []byte("body of 1")) && bytes.Contains(p, []byte("body of 3")) && !bytes.Contains(p, []byte("body of 4")) {
				at = page + bytes.Index(p, []byte("body of 1"))
			}
		}
		b[at] ^= 1
	})
	for _, d := range w.all() {
		if d.MessageID == "m-4" {
			t.Error("a removed letter came back")
		}
	}
	w.want(3, "m-1", "m-2", "m-3")
}

// Two rows with one number: one of them belongs to a transaction that did not complete.
func TestDuplicateNumber(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1, 1, 2)
	if err := w.rewrite(keepRow); err != nil {
		t.Fatal(err)
	}
	err := w.rebuild(func(put func([]byte, row) error) error {
		for seq := range 3 {
			k := rowKey("a", queue.Seq(seq+1), 0)
			sealed, _, err := w.sealLetter(k, letter(seq+1, "x"), 1<<20)
			if err != nil {
				return err
			}
			for _, number := range []uint64{5, 4} { // the older version is second
				if err := put(k, row{number: number, settlement: 1, sealed: sealed}); err != nil {
					return err
				}
			}
		}
		return nil
	}, func(used uint64) (uint64, error) { return used, nil })
	if err != nil {
		t.Fatal(err)
	}
	w.again()
	if len(w.repairs) != 0 {
		t.Errorf("%+v", w.repairs)
	}
	if got := w.all(); len(got) != 3 {
		t.Errorf("%d letters", len(got))
	}
}

// Damage found by a running process is repaired at its next write.
func TestDamageWhileOpen(t *testing.T) {
	w := newWorld(t)
	w.put("a", 1, 1, 2)
	f, err := os.OpenFile(w.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, _ := os.ReadFile(w.path)
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("body of 1"))
		if i < 0 {
			break
		}
		at += i
		if _, err := f.WriteAt([]byte{'B'}, int64(at)); err != nil {
			t.Fatal(err)
		}
		at++
	}
	if got := w.all(); len(got) != 1 {
		t.Errorf("%d letters", len(got))
	}
	if err := w.Compact(); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("compacted a damaged file: %v", err)
	}
	w.suspect = true // as after a failed write
	w.put("a", 2, 3)
	w.want(2, "m-2", "m-3")
	if len(w.repairs) != 1 || w.repairs[0].Lost != 1 || !w.repairs[0].Exact {
		t.Errorf("%+v", w.repairs)
	}
}

func FuzzRow(f *testing.F) {
	w := &Store{o: Options{Ring: ringOf(f, 0), Codec: noCodec{}, MaxSize: 1 << 20}}
	k := rowKey("a", 7, 1)
	sealed, _, err := w.sealLetter(k, letter(7, "body"), 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	r := row{number: 3, settlement: 4, ran: 5, sealed: sealed}
	f.Add(k, r.encode(k))
	f.Add([]byte("short"), []byte{})
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if r, err := decodeRow(k, v); err == nil {
			if !bytes.Equal(r.encode(k), v) {
				t.Error("a row does not encode to what it was decoded from")
			}
			_, _ = w.openLetter(k, r)
			return
		} else if !errors.Is(err, seal.ErrDamaged) {
			t.Error(err)
		}
		// Also with a correct checksum.
		if len(v) < 16<<20 {
			d, err := w.openLetter(k, row{sealed: v})
			if err == nil && len(d.Body) > len(v) {
				t.Errorf("%d bytes of %d", len(d.Body), len(v))
			}
		}
	})
}

// A row that can be decrypted but is no letter is damaged; it causes no panic.
func TestOpenLetter(t *testing.T) {
	w := &Store{o: Options{Ring: ringOf(t, 0), Codec: noCodec{}}}
	for _, sealed := range []string{
		"", "\x00\x00", "\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\xff\xff\xff\xff{}",
		"\x00\x00\x00\x00\x00\x02\x00\x00\x00{}", "\x00\x00\x00\x00\x00\x06\x00\x00\x00\x07\x00\x00\x00{}",
		"\x00\x00\x00\x00\x00\x06\x00\x00\x00\x02\x00\x00\x00[]", "\x00\x00\x00\x00\x07\x06\x00\x00\x00\x02\x00\x00\x00{}",
	} {
		r := row{sealed: []byte(sealed)}
		if _, err := w.openLetter(rowKey("a", 1, 0), r); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("%q: %v", sealed, err)
		}
		if r.keyID() != 0 {
			t.Errorf("%q: sealed with %x", sealed, r.keyID())
		}
	}
	for _, id := range []string{"", "1", "000000010000000g", "00000001000000000"} {
		if _, ok := ParseID(id); ok {
			t.Errorf("%q is an id", id)
		}
	}
}

// badSector returns an error for one byte.
type badSector int64

func (at badSector) ReadAt(b []byte, off int64) (int, error) {
	if off <= int64(at) && int64(at) < off+int64(len(b)) {
		return 0, errors.New("input/output error")
	}
	for i := range b {
		b[i] = 1
	}
	return len(b), nil
}

func TestReadSome(t *testing.T) {
	b := readSome(badSector(5000), make([]byte, 3*scanUnit), 0)
	if n := bytes.Count(b, []byte{0}); n != scanUnit || b[5000] != 0 || b[0] != 1 || b[len(b)-1] != 1 {
		t.Errorf("%d bytes are missing", n)
	}
}
