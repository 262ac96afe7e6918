package ids

import (
	"fmt"
	"math"
	"slices"
	"time"

	"relay/queue/local/internal/age"
)

const (
	leastSpan = 15 * time.Minute // a tail is not sealed sooner than that for its ids

	// FewFiles are not worth merging.
	FewFiles  = 8
	manyFiles = 32 // are merged even if their segments are still there
)

// Over says whether more has passed since a moment than a limit, by what can be
// believed (age.Clock).
type Over func(since age.Stamp, limit time.Duration) bool

// span is how far apart the ids of one file may be.
func (s *Store) span() time.Duration { return spanOf(s.o.Window) }

func spanOf(window time.Duration) time.Duration { return max(window/4, leastSpan) }

// Overdue says that the first of a tail's ids is so old that they are to get a
// file.
func (s *Store) Overdue(t *Tail, over Over) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return t != nil && t.set.len() > 0 && over(t.oldest, s.span())
}

// Expire forgets files whose ids are all older than the window, or that more
// than Keep newer ids follow. The ids of the tail stay.
func (s *Store) Expire(over Over) {
	s.work.Lock()
	defer s.work.Unlock()
	var drop []*file
	s.mu.Lock()
	var newer [2]int64 // of each kind
	past := func(k kind, newest age.Stamp) bool {
		window, keep := s.o.bounds(k)
		return over(newest, window) || newer[k] >= keep
	}
	for i, t := range slices.Backward(s.tails) {
		if i < len(s.tails)-1 { // a disk that takes no file
			if past(ofEvents, t.newest) && t.set.sales < t.set.len() {
				t.set = t.set.onlySales()
			}
			if past(ofSales, t.newest) || t.set.len() == 0 {
				t.set = newSet(0)
				s.tails = slices.Delete(s.tails, i, i+1)
				continue
			}
		}
		newer[ofEvents] += int64(t.set.counted())
		newer[ofSales] += int64(t.set.sales)
	}
	for _, f := range slices.Backward(s.files) {
		if past(f.kind, f.newest) {
			drop = append(drop, f)
			continue
		}
		newer[f.kind] += f.counted()
	}
	s.mu.Unlock()
	for _, f := range drop {
		s.remove(f)
	}
}

// Merge makes one file of two neighbours for as long as there are more than most;
// held says whether there are segments within a range. The ids of a segment that is
// still there keep a file of their own if that is possible: it can do without the
// ids of what a disk has destroyed (Salvaged). After an error it does nothing for a
// minute.
func (s *Store) Merge(most int, held func(first, last uint64) bool) error {
	s.work.Lock()
	defer s.work.Unlock()
	if time.Since(s.mergeFailed) < time.Minute {
		return nil
	}
	if err := s.merge(ofEvents, most, held); err != nil {
		return err
	}
	return s.merge(ofSales, most, held)
}

func (s *Store) merge(k kind, most int, held func(first, last uint64) bool) error {
	window, _ := s.o.bounds(k)
	for {
		files := slices.DeleteFunc(s.list(), func(f *file) bool { return f.kind != k })
		if len(files) <= most {
			return nil
		}
		best, least := -1, int64(math.MaxInt64)
		for i := range len(files) - 1 {
			a, b := files[i], files[i+1]
			n := a.count + b.count
			switch {
			case n >= least || n > s.mergeBelow || a.failed.Load() || b.failed.Load():
			case age.Latest(a.newest, b.newest).Since(age.Earliest(a.oldest, b.oldest)) > spanOf(window):
			case held(a.last+1, b.first-1) || s.unfiled(a.last, b.first): // a file has the ids of all segments of its range
			case len(files) <= manyFiles && held(a.first, b.last):
			default:
				best, least = i, n
			}
		}
		if best < 0 {
			return nil
		}
		if err := s.join(files[best], files[best+1]); err != nil {
			s.mergeFailed = time.Now()
			return fmt.Errorf("merge message ids: %w", err)
		}
	}
}

// unfiled says whether ids of a segment between the two are in memory alone.
func (s *Store) unfiled(after, before uint64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.tails, func(t *Tail) bool { return after < t.num && t.num < before })
}

// join makes one file of a and b, in the place of b. Should it end before a is
// removed, the next open sees that b covers it.
func (s *Store) join(a, b *file) error {
	as, err := a.read()
	if err != nil {
		return err
	}
	bs, err := b.read()
	if err != nil {
		return err
	}
	f := &file{path: b.path, kind: b.kind, first: a.first, last: b.last, oldest: age.Earliest(a.oldest, b.oldest), newest: age.Latest(a.newest, b.newest)}
	if err := f.write(mergeSorted(as, bs), s.o.NoSync); err != nil {
		return err
	}
	s.replace(b, f)
	s.remove(a)
	return nil
}

// replace puts f in the place of old, whose name it has.
func (s *Store) replace(old, f *file) {
	s.mu.Lock()
	for i, o := range s.files {
		if o == old {
			s.files[i] = f
		}
	}
	s.mu.Unlock()
	old.f.Close() // nobody searches it any more
}

// Salvaged forgets the ids of a segment but those that were saved of it: of an
// event that a disk has destroyed, the copy that its sender repeats is the only
// one. Where the ids share a file with those of other segments they stay known.
func (s *Store) Salvaged(num uint64, saved []Known) error {
	s.work.Lock()
	defer s.work.Unlock()
	set := newSet(len(saved))
	for _, id := range saved {
		set.add(id)
	}
	var whole []*file // those that hold ids of this segment alone
	s.mu.Lock()
	for _, t := range s.tails {
		if t.num == num {
			t.set = set
		}
	}
	for _, o := range s.files {
		if o.first == num && o.last == num {
			whole = append(whole, o)
		}
	}
	s.mu.Unlock()
	sorted := split(set.sorted(), set.sales)
	for _, f := range whole {
		rows := sorted[f.kind]
		switch {
		case int64(len(rows)/Row) >= f.count:
			continue
		case len(rows) == 0 && (f.kind == ofSales || set.len() == 0):
			s.remove(f)
			continue
		}
		left := &file{path: f.path, kind: f.kind, first: num, last: num, oldest: f.oldest, newest: f.newest}
		if err := left.write(rows, s.o.NoSync); err != nil {
			return fmt.Errorf("forget the ids of lost records: %w", err)
		}
		s.replace(f, left)
	}
	return nil
}

// Recall gives those of some segments, ascending, whose ids lay in files that were
// quarantined at open, as far as one can tell: the newest before each, as many as a
// file holds. records says how many a segment holds, and whether that is known: the
// ids of others are read anyway.
func (s *Store) Recall(segs []uint64, records func(num uint64) (n int64, known bool)) map[uint64]bool {
	again := make(map[uint64]bool)
	for _, bad := range s.damaged {
		sum := int64(0)
		for _, num := range slices.Backward(segs) {
			if num > bad.last {
				continue
			}
			if s.covers(num, bad.kind) {
				break
			}
			n, known := records(num)
			if !known {
				continue
			}
			if sum += n; sum > n && sum > s.mergeBelow {
				break
			}
			again[num] = true
		}
	}
	return again
}
