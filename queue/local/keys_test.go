package local

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"relay/internal/seal"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// digest returns a hash of everything in a directory.
func digest(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %x\n", path, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// resealed waits until everything is encrypted with the current key.
func resealed(t *testing.T, q *Queue) {
	t.Helper()
	opened(t, q)
	for range 1000 {
		if ids := q.Stats().KeysInUse; len(ids) == 1 && ids[0] == q.Stats().EncryptedKeyID {
			return
		}
		q.reseal()
	}
	t.Fatalf("keys in use: %x", q.Stats().KeysInUse)
}

// fill stores every kind of entry that contains a customer's data.
func fill(t *testing.T, q *Queue, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		e := entry(fmt.Sprintf("m-%d", n), "a")
		e.Body = fmt.Appendf(nil, `{"event":"x","n":%d,"email":"customer@example.com","filler":%q}`, n, strings.Repeat(fmt.Sprint(n*7919), 40))
		mustAppend(t, q, e)
	}
	if err := settle(q, "a", Settlement{State: []byte("state of customer@example.com"), Dead: []DeadLetter{{Seq: Seq(1 + from), MessageID: "d", EventSet: "a", Body: []byte(`{"email":"customer@example.com"}`)}}}); err != nil {
		t.Fatal(err)
	}
	if err := q.SetNote("note", []byte("note of customer@example.com")); err != nil {
		t.Fatal(err)
	}
}

// A plain queue that is given a key is encrypted completely, including unused pages.
func TestSealPlainQueue(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 64 << 10, NoSync: true}
	q, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, q, 0, 300)
	if !bytes.Contains(everything(t, q), []byte("customer@example.com")) {
		t.Fatal("the search does not find a text that is stored")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	o.Key = testKey(1)
	q = openTest(t, dir, o)
	resealed(t, q)
	// Everything that can be read without the key.
	none, err := seal.NewKeys(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("customer@")) {
			t.Errorf("%s contains plain text", d.Name())
		}
		if bytes.Contains(b, q.secret[:]) {
			t.Errorf("%s contains the secret of the id hashes", d.Name())
		}
		if num, suffix, ok := files.ParseName(d.Name()); ok && suffix == segment.Suffix && err == nil {
			err = segment.Find(path, num, func(found *segment.Found) error {
				return found.Each(func(h *chunk.Header, data, _ []byte) error {
					_, pay, _ := h.Split(data)
					if recs, err := q.zstd.Decode(seal.NewRing(none), h, pay); !errors.Is(err, ErrKey) {
						t.Errorf("chunk %x opens without a key: %d records, %v", uint64(h.First), len(recs), err)
					}
					return nil
				})
			})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if ids := drainAll(t, q, "a"); len(ids) != 300 {
		t.Errorf("%d records, want 300", len(ids))
	}
}

// The same for an open queue: nothing can be read without the key.
func TestSealOpenPlainQueue(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
	fill(t, q, 0, 100)
	fill(t, q, 100, 200) // leaves replaced values in free pages
	plain := func() (names []string) {
		t.Helper()
		es, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range es {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			switch {
			case errors.Is(err, fs.ErrNotExist): // replaced meanwhile
			case err != nil:
				t.Fatal(err)
			case bytes.Contains(b, []byte("customer@")):
				names = append(names, e.Name())
			}
		}
		return names
	}
	if got := plain(); !slices.Contains(got, meta.Name) {
		t.Fatalf("the search finds only %q", got)
	}
	if err := q.SetKeys(testKey(1)); err != nil {
		t.Fatal(err)
	}
	resealed(t, q)
	if got := plain(); len(got) > 0 {
		t.Errorf("%q contain plain text", got)
	}
	if string(q.Note("note")) != "note of customer@example.com" {
		t.Errorf("note is %q", q.Note("note"))
	}
}

// The key is changed under load. Afterwards the old one is not needed.
func TestSetKeys(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 64 << 10, NoSync: true, Key: testKey(1)}
	q, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, q, 0, 200)
	if err := q.SetKeys(testKey(2)); !errors.Is(err, ErrKey) {
		t.Fatalf("without the key that is in use: %v, want ErrKey", err)
	}
	if err := q.SetKeys(nil, testKey(1)); !errors.Is(err, ErrKey) {
		t.Fatalf("no key for an encrypted queue: %v, want ErrKey", err)
	}
	var wg sync.WaitGroup
	for p := range 4 {
		wg.Go(func() {
			for n := range 100 {
				if _, err := q.Append(t.Context(), []Entry{entry(fmt.Sprintf("p-%d-%d", p, n), "a")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, k := range []byte{2, 3} {
		if err := q.SetKeys(testKey(k), testKey(1), testKey(2)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	fill(t, q, 200, 300)
	want := []uint32{seal.KeyID(testKey(1)), seal.KeyID(testKey(2)), seal.KeyID(testKey(3))}
	if got := q.Stats().KeysInUse; !slices.Equal(got, want) && len(got) != 1 {
		t.Errorf("keys in use %x, want %x", got, want)
	}
	resealed(t, q)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	before := digest(t, dir)
	for _, key := range [][]byte{nil, testKey(1), testKey(9)} {
		o.Key = key
		if _, err := Open(dir, o); !errors.Is(err, ErrKey) {
			t.Fatalf("opened with a key that is not in use: %v", err)
		}
	}
	if digest(t, dir) != before {
		t.Error("a refused start changed the directory")
	}
	o.Key = testKey(3)
	q = openTest(t, dir, o)
	if got := drainAll(t, q, "a"); len(got) != 300+400 {
		t.Errorf("%d records, want 700", len(got))
	}
	if string(q.Note("note")) != "note of customer@example.com" {
		t.Errorf("note is %q", q.Note("note"))
	}
	n := 0
	if err := q.DeadLetters("", func(dl DeadLetter) bool { n++; return string(dl.Body) == `{"email":"customer@example.com"}` }); err != nil || n != 2 {
		t.Errorf("%d dead letters, %v; want 2", n, err)
	}
}
