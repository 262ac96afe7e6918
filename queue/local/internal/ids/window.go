package ids

import (
	"fmt"
	"math"
	"slices"
	"time"

	"relay/queue/local/internal/age"
)

const (
	leastSpan = 15 * time.Minute // a tail is not sealed earlier because of its ids

	// FewFiles files are not worth merging.
	FewFiles  = 8
	manyFiles = 32 // more files are merged even if their segments still exist
)

// Older reports whether what began at a moment is older than a limit (age.Clock.Older).
type Older func(since age.Stamp, limit time.Duration) bool

// span returns how far apart the ids of one file can be.
func (s *Store) span() time.Duration { return spanOf(s.o.Window) }

func spanOf(window time.Duration) time.Duration { return max(window/4, leastSpan) }

// Overdue reports whether the oldest id of a tail is so old that its ids should be written
// to a file.
func (s *Store) Overdue(t *Tail, older Older) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return t != nil && t.set.len() > 0 && older(t.oldest, s.span())
}

// Expire removes files whose ids are all older than the window, or older than Keep newer
// ids. The ids of the current tail stay.
func (s *Store) Expire(older Older) {
	s.work.Lock()
	defer s.work.Unlock()
	var drop []*file
	s.mu.Lock()
	var newer [2]int64 // newer ids, by kind
	forgotten := func(k kind, newest age.Stamp) bool {
		window, keep := s.o.bounds(k)
		return older(newest, window) || newer[k] >= keep
	}
	for i, t := range slices.Backward(s.tails) {
		if i < len(s.tails)-1 { // its file could not be written yet
			if forgotten(ofEvents, t.newest) && t.set.sales < t.set.len() {
				t.set = t.set.onlySales()
			}
			if forgotten(ofSales, t.newest) || t.set.len() == 0 {
				t.set = newSet(0)
				s.tails = slices.Delete(s.tails, i, i+1)
				continue
			}
		}
		newer[ofEvents] += int64(t.set.counted())
		newer[ofSales] += int64(t.set.sales)
	}
	for _, f := range slices.Backward(s.files) {
		if forgotten(f.kind, f.newest) {
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

// Merge merges pairs of neighbouring files while there are more than most. exists reports
// whether there are segments within a range. While a segment exists its ids keep a file of
// their own if possible, since only such a file can forget records that a disk has
// destroyed (ForgetLost). After an error Merge does nothing for a minute.
func (s *Store) Merge(most int, exists func(first, last uint64) bool) error {
	s.work.Lock()
	defer s.work.Unlock()
	if time.Since(s.mergeFailed) < time.Minute {
		return nil
	}
	if err := s.merge(ofEvents, most, exists); err != nil {
		return err
	}
	return s.merge(ofSales, most, exists)
}

func (s *Store) merge(k kind, most int, exists func(first, last uint64) bool) error {
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
			case exists(a.last+1, b.first-1) || s.anyInMemory(a.last, b.first): // a file must have the ids of all segments of its range
			case len(files) <= manyFiles && exists(a.first, b.last):
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

// anyInMemory reports whether the ids of a segment between the two are in memory only.
func (s *Store) anyInMemory(after, before uint64) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.tails, func(t *Tail) bool { return after < t.num && t.num < before })
}

// join merges a and b into one file, which replaces b. If the process dies before a is
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

// replace replaces old with f, which has the same name.
func (s *Store) replace(old, f *file) {
	s.mu.Lock()
	for i, o := range s.files {
		if o == old {
			s.files[i] = f
		}
	}
	s.mu.Unlock()
	old.f.Close() // no search uses it any more
}

// ForgetLost replaces the ids of a segment with those that were salvaged: if a disk has
// destroyed an event, the sender's retry is its only copy and must not count as a
// duplicate. Ids that share a file with other segments stay known.
func (s *Store) ForgetLost(num uint64, saved []Known) error {
	s.work.Lock()
	defer s.work.Unlock()
	set := newSet(len(saved))
	for _, id := range saved {
		set.add(id)
	}
	var only []*file // files of this segment only
	s.mu.Lock()
	for _, t := range s.tails {
		if t.num == num {
			t.set = set
		}
	}
	for _, o := range s.files {
		if o.first == num && o.last == num {
			only = append(only, o)
		}
	}
	s.mu.Unlock()
	sorted := split(set.sorted(), set.sales)
	for _, f := range only {
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

// Reread returns which of segs, ascending, had their ids in files that Open could not use:
// going back from the last segment of each such file, as many as a file can hold. records
// returns how many records a segment has; it returns false for segments whose ids are
// read anyway.
func (s *Store) Reread(segs []uint64, records func(num uint64) (n int64, known bool)) map[uint64]bool {
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
