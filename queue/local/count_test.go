package local

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// sparse creates lanes of which every other record is settled, so that counting reads the chunks.
func sparse(t *testing.T, q *Queue, n int, lanes ...string) {
	t.Helper()
	es := make([]Entry, n)
	for i := range es {
		es[i] = entry(fmt.Sprint("old-", i), lanes...)
	}
	mustAppend(t, q, es...)
	for from := Seq(0); ; {
		b, err := q.Read(lanes[0], from, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := settle(q, lanes[0], Settlement{Settled: b.RangesExcept(func(i int) bool { return i%2 == 1 })}); err != nil {
			t.Fatal(err)
		}
		if from = b.Next; !b.More {
			return
		}
	}
}

// sealed waits until all segments except for the tail are sealed.
func sealed(t *testing.T, q *Queue) {
	t.Helper()
	until(t, "segments are sealed", func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return !slices.ContainsFunc(q.segs, func(s *seg) bool { return !s.tail && !s.sealed })
	})
}

// A count is correct although the lane is appended to and settled meanwhile, in old and new
// records. It is repeated only if a segment is replaced, and not forever.
func TestCountUnderLoad(t *testing.T) {
	for _, rotated := range []bool{false, true} {
		t.Run(fmt.Sprintf("rotated %v", rotated), func(t *testing.T) {
			q := openTest(t, t.TempDir(), stepOptions())
			opened(t, q)
			sparse(t, q, 10, "a")
			rotateNow(t, q)
			sealed(t, q)
			q.mu.Lock()
			l := q.lane("a")
			q.mu.Unlock()
			count := q.beginCount(l)
			mustAppend(t, q, entry("new-1", "a"), entry("new-2", "a"), entry("new-3", "b"))
			if rotated {
				rotateNow(t, q)
				sealed(t, q)
			}
			mustAppend(t, q, entry("new-4", "a"))
			if err := pick(q, "a", oneOf("old-1", "new-1", "new-4"), none, nil); err != nil {
				t.Fatal(err)
			}
			open := count.open()
			mustAppend(t, q, entry("new-5", "a"))
			if err := pick(q, "a", oneOf("old-3"), none, nil); err != nil {
				t.Fatal(err)
			}
			if open.records != 5 {
				t.Errorf("%d of 5 were open", open.records)
			}
			q.mu.Lock()
			l.pending, l.bytes = 1, 1
			q.mu.Unlock()
			if count.end(open, 0, false) == rotated {
				t.Errorf("the count was not repeated: %v", rotated)
			}
			if rotated && !count.end(open, 0, true) {
				t.Error("the last attempt was not accepted")
			}
			want, bytes := int64(0), int64(0)
			b, err := q.Read("a", 0, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range b.Records {
				want, bytes = want+1, bytes+int64(len(r.Body))
			}
			if is, _ := q.Lane("a"); is.Pending != want || is.Bytes != bytes || want != 5 {
				t.Errorf("%d records of %d bytes are pending, counted %d of %d", want, bytes, is.Pending, is.Bytes)
			}
		})
	}
}

// Records appended during a Forget are counted.
func TestCountWhileAppending(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	opened(t, q)
	sparse(t, q, 200, "a")
	var n atomic.Int64
	n.Store(100)
	for round := range 20 {
		stop := make(chan struct{})
		began := make(chan struct{}, 4)
		var wg sync.WaitGroup
		for w := range cap(began) {
			wg.Go(func() {
				for i := 0; !isClosed(stop); i++ {
					a, err := q.Append(t.Context(), []Entry{entry(fmt.Sprint(round, "-", w, "-", i), "a")})
					if err != nil {
						t.Error(err)
						break
					}
					n.Add(int64(a.Stored))
					if i == 0 {
						began <- struct{}{}
					}
				}
			})
		}
		for range cap(began) {
			<-began
		}
		if _, err := forgetWhere(q, func(Record) bool { return false }); err != nil {
			t.Error(err)
		}
		close(stop)
		wg.Wait()
		if is := waiting(t, q, "a"); is != n.Load() {
			t.Fatalf("round %d: counted %d, want %d", round, is, n.Load())
		}
	}
}

// A lane that is settled continuously is counted nevertheless, and segments are unlinked
// afterwards.
func TestCountWhileSettling(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{NoSync: true})
	opened(t, q)
	sparse(t, q, 20_000, "a", "b")
	rotateNow(t, q)
	filed(t, q)
	stop := make(chan struct{})
	var settled atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for !isClosed(stop) {
			if err := settle(q, "a", Settlement{Counts: map[string]int{"looked": 1}}); err != nil {
				t.Error(err)
				return
			}
			settled.Add(1)
		}
	})
	until(t, "it is settled", func() bool { return settled.Load() > 0 })
	for range 5 {
		q.mu.Lock()
		q.lanes["a"].pending = 0 // a wrong count
		q.mu.Unlock()
		q.recount()
		if is := waiting(t, q, "a"); is != 10_000 {
			t.Errorf("counted %d of 10000", is)
		}
	}
	for _, lane := range []string{"a", "b"} {
		drainAll(t, q, lane)
	}
	close(stop)
	wg.Wait()
	until(t, "the segment is gone", func() bool { return q.Stats().Segments == 1 && !leaves(q) })
	if st := q.Stats(); st.Pending != 0 {
		t.Errorf("%d are pending", st.Pending)
	}
}

// Records read before and settled after a Forget that removed them are not subtracted.
func TestCountAfterForgetOfReadRecords(t *testing.T) {
	q := openTest(t, t.TempDir(), stepOptions())
	opened(t, q)
	var es []Entry
	for i := range 10 {
		es = append(es, entry(fmt.Sprint("m-", i), "a"))
	}
	mustAppend(t, q, es...)
	b, err := q.Read("a", 0, 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := forgetWhere(q, func(r Record) bool { return r.ID == "m-2" || r.ID == "m-7" }); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if err := settle(q, "a", Settlement{Settled: b.RangesExcept(func(int) bool { return false })}); err != nil {
		t.Fatal(err)
	}
	if is := waiting(t, q, "a"); is != 4 {
		t.Errorf("counted %d of 4", is)
	}
}
