package local

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"relay/queue"
	"relay/queue/local/internal/meta"
)

// settleBut settles the records of a lane, except for those in waits.
func settleBut(t testing.TB, q *Queue, lane string, waits ...string) {
	t.Helper()
	for from := Seq(0); ; {
		b, err := q.Read(lane, from, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := Settlement{Settled: b.RangesExcept(func(i int) bool { return slices.Contains(waits, b.Records[i].ID) })}
		if err := settle(q, lane, s); err != nil {
			t.Fatal(err)
		}
		if from = b.Next; !b.More {
			return
		}
	}
}

// settledRows returns the number and size of the rows of settled blocks in meta.db.
func settledRows(t testing.TB, q *Queue) (n, bytes int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), meta.Name)
	snap, err := q.meta.Begin()
	if err == nil {
		err = snap.Write(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("settled")).ForEach(func(_, v []byte) error {
			n, bytes = n+1, bytes+len(v)
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return n, bytes
}

// A pending record keeps its own segment but none after it. Settled blocks are removed from meta.db
// with their segments.
func TestPendingRecordKeepsOnlyItsSegment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, DedupWindow: 1})
	mustAppend(t, q, entry("suspect", "a", "b"))
	waits, source := []string{"suspect"}, newNoise()
	for i := range 30 {
		for range 4 {
			mustAppend(t, q, source.batch(50, 500, "a", "b")...)
		}
		if i == 10 {
			mustAppend(t, q, entry("suspect-2", "a"))
			waits = append(waits, "suspect-2")
		}
		settleBut(t, q, "a", waits...)
		settleBut(t, q, "b")
	}
	until(t, "only segments in which something waits are left", func() bool {
		return len(segments(t, dir)) <= 3 // two, and the tail
	})
	settleBut(t, q, "a", waits...) // removes the rows of segments that are gone
	if n, bytes := settledRows(t, q); n > 12 || bytes > 12*600 {
		t.Errorf("meta.db has %d rows of settled blocks, %d bytes", n, bytes)
	}
	if got := fmt.Sprint(drainAll(t, q, "a")); got != fmt.Sprint(waits) {
		t.Errorf("%s are pending", got)
	}
	if n, _ := settledRows(t, q); n > 0 {
		t.Errorf("%d rows are left although nothing is pending", n)
	}
}

// Settled records stay settled, and count once, through every operation that rewrites segments or
// moves records.
func TestSettledStaysSettled(t *testing.T) {
	t.Parallel()
	want := []string{"m-3", "m-7", "m-8"}
	for name, do := range map[string]func(q *Queue) error{
		"nothing": func(*Queue) error { return nil },
		"rotate":  func(q *Queue) error { return q.onTail(func(w *writer) error { return w.rotate() }) },
		"forget": func(q *Queue) error {
			_, err := forgetWhere(q, func(r Record) bool { return r.ID == "m-5" })
			return err
		},
		"compact": func(q *Queue) error {
			err := q.onTail(func(w *writer) error { return w.rotate() })
			q.compactSparse()
			return err
		},
		"move to b and back": func(q *Queue) error {
			if _, err := q.MoveLane("a", "b"); err != nil {
				return err
			}
			_, err := q.MoveLane("b", "a")
			return err
		},
		"reroute": func(q *Queue) error {
			_, err := q.Reroute("a", 0, func(r Record) []string { return []string{"b"} })
			if err == nil {
				_, err = q.MoveLane("b", "a")
			}
			return err
		},
		"backup": func(q *Queue) error { return q.Backup(t.Context(), filepath.Join(t.TempDir(), "b")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := openTest(t, dir, Options{SegmentSize: 64 << 10})
			for i := range 10 {
				mustAppend(t, q, entry(fmt.Sprint("m-", i), "a", "other"))
			}
			settleBut(t, q, "a", want...)
			b, err := q.Read("a", 0, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := settle(q, "a", Settlement{Parts: []queue.Part{{Seq: b.Records[1].Seq, Slots: 5}}}); err != nil {
				t.Fatal(err)
			}
			if err := do(q); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				opened(t, q)
				b, err := q.Read("a", 0, 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range b.Records {
					got = append(got, r.ID)
					if (r.Settled == 5) != (r.ID == "m-7") {
						t.Errorf("%s is partly settled: %b", r.ID, r.Settled)
					}
				}
				if !slices.Equal(got, want) || waiting(t, q, "a") != 3 {
					t.Fatalf("%q are pending, %d counted", got, waiting(t, q, "a"))
				}
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				q = openTest(t, dir, Options{SegmentSize: 64 << 10})
			}
		})
	}
}

// A damaged settled row makes its records pending again; nothing is lost.
func TestDamagedSettledRow(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	for i := range 10 {
		mustAppend(t, q, entry(fmt.Sprint("m-", i), "a"))
	}
	settleBut(t, q, "a", "m-2", "m-5")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(filepath.Join(dir, meta.Name), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("settled"))
		c := b.Cursor()
		k, v := c.First()
		v = slices.Clone(v)
		v[3] ^= 1
		return b.Put(slices.Clone(k), v)
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{})
	opened(t, q)
	if got := fmt.Sprint(drainAll(t, q, "a")); got != "[m-2 m-3 m-4 m-5 m-6 m-7 m-8 m-9]" {
		t.Errorf("%s are pending", got)
	}
	if st := q.Stats(); st.BadChunks != 1 {
		t.Errorf("%d rows are reported as damaged", st.BadChunks)
	}
}

// A settlement of a thousand records among many scattered pending ones writes only the blocks that
// it changes.
func TestSettleWritesOnlyChangedBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	const n = 200_000
	for i := 0; i < n; i += 1000 {
		var es []Entry
		for j := range 1000 {
			es = append(es, Entry{ID: fmt.Sprint(i + j), Lanes: []string{"a"}, Body: []byte("{}")})
		}
		mustAppend(t, q, es...)
	}
	waits := func(r Record) bool { return uint32(r.Seq)%7 == 0 }
	settle := func(from Seq, open func(r Record) bool) Batch {
		b, err := q.Read("a", from, 1000, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := settle(q, "a", Settlement{Settled: b.RangesExcept(func(i int) bool { return open(b.Records[i]) })}); err != nil {
			t.Fatal(err)
		}
		return b
	}
	want, half := int64(0), Seq(0)
	for from, more := Seq(0), true; more; {
		b := settle(from, waits)
		for _, r := range b.Records {
			if waits(r) {
				want++
			}
		}
		if want < n/14 {
			half = b.Next
		}
		from, more = b.Next, b.More
	}
	if got := waiting(t, q, "a"); got != want || want < n/8 {
		t.Errorf("%d are pending, want %d", got, want)
	}
	l := q.lanes["a"]
	before := l.set
	settle(half, func(Record) bool { return false })
	put, gone := l.set.Changes(before)
	if len(put)+len(gone) > 5 { // 1,000 records span 7,000 numbers of at most two segments
		t.Errorf("a settlement of 1,000 records changed %d rows and removed %d", len(put), len(gone))
	}
	if rows, bytes := settledRows(t, q); rows > n/4096+8 || bytes > rows*600 {
		t.Errorf("%d rows of %d bytes are stored for %d records", rows, bytes, n)
	}
}
