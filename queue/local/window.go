package local

import (
	"fmt"
	"math"
	"slices"
	"time"

	"relay/internal/logs"
)

// An id is remembered for Options.DedupWindow at least, unless DedupIDs newer
// ones are. What is forgotten is a whole file, so that it may be later:
//
//   - a tail is sealed, and its ids get a file, once the first of them is a quarter
//     of the window old (Queue.periodic); no file spans more by being merged;
//   - a file that seems older than the window stays for another grace: a clock that
//     was wrong, and is put right by then, has no id forgotten;
//   - by number, what is too much is at most the ids of one file.
const (
	leastSpan = 15 * time.Minute // a tail is not sealed sooner than that for its ids
	mostGrace = time.Hour

	fewFiles  = 8  // are not worth merging
	manyFiles = 32 // are merged even if their segments are still there
)

// span is how far apart the ids of one file may be.
func (d *dedup) span() int64 { return max(d.window/4, leastSpan).Milliseconds() }

func (d *dedup) grace() int64 { return min(d.window/24, mostGrace).Milliseconds() }

// setKeep bounds the number of ids.
func (d *dedup) setKeep(n int64) {
	d.keep = n
	// Few files are quick to search, small ones quick to merge.
	d.mergeBelow = min(max(n/16, 1<<16), 1<<18, n/4)
}

// overdue says that the first of a tail's ids is so old that they are to get a
// file. A clock that was put back makes them so too.
func (d *dedup) overdue(g *idGen, now int64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return g != nil && g.oldest != 0 && (now-g.oldest >= d.span() || g.oldest-now >= d.span())
}

// expire forgets files whose ids are all older than the window, or that more
// than keep newer ids follow. The ids of the tail stay.
func (d *dedup) expire(now int64) {
	d.work.Lock()
	defer d.work.Unlock()
	before := now - d.window.Milliseconds()
	var drop []*idFile
	d.mu.Lock()
	newer := int64(0)
	for i, g := range slices.Backward(d.gens) {
		if i < len(d.gens)-1 && (g.newest < before-d.grace() || newer >= d.keep) { // a disk that takes no file
			g.set = newIDSet(0)
			d.gens = slices.Delete(d.gens, i, i+1)
			continue
		}
		newer += int64(g.set.counted())
	}
	for _, f := range slices.Backward(d.files) {
		switch {
		case f.newest >= before:
			f.past = 0
		case f.past == 0 || f.past > now:
			f.past = now
		}
		if f.past != 0 && now-f.past >= d.grace() || newer >= d.keep {
			drop = append(drop, f)
			continue
		}
		newer += f.counted()
	}
	d.mu.Unlock()
	for _, f := range drop {
		d.remove(f)
	}
}

// merge makes one file of two neighbours for as long as there are many; held says
// whether there are segments within a range. The ids of a segment that is still
// there keep a file of their own if that is possible: it can do without the
// ids of what a disk has destroyed (salvaged).
func (d *dedup) merge(held func(first, last uint64) bool) error {
	d.work.Lock()
	defer d.work.Unlock()
	for {
		files := d.list()
		if len(files) <= fewFiles {
			return nil
		}
		best, least := -1, int64(math.MaxInt64)
		for i := range len(files) - 1 {
			a, b := files[i], files[i+1]
			n := a.count + b.count
			switch {
			case n >= least || n > d.mergeBelow || a.failed.Load() || b.failed.Load():
			case max(a.newest, b.newest)-min(a.oldest, b.oldest) > d.span():
			case held(a.last+1, b.first-1) || d.unfiled(a.last, b.first): // a file has the ids of all segments of its range
			case len(files) <= manyFiles && held(a.first, b.last):
			default:
				best, least = i, n
			}
		}
		if best < 0 {
			return nil
		}
		if err := d.join(files[best], files[best+1]); err != nil {
			return fmt.Errorf("merge message ids: %w", err)
		}
	}
}

// unfiled says whether ids of a segment between the two are in memory alone.
func (d *dedup) unfiled(after, before uint64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.ContainsFunc(d.gens, func(g *idGen) bool { return after < g.num && g.num < before })
}

// join makes one file of a and b, in the place of b. Should it end before a is
// removed, the next open sees that b covers it.
func (d *dedup) join(a, b *idFile) error {
	as, err := a.read()
	if err != nil {
		return err
	}
	bs, err := b.read()
	if err != nil {
		return err
	}
	f := &idFile{path: b.path, first: a.first, last: b.last, oldest: min(a.oldest, b.oldest), newest: max(a.newest, b.newest)}
	if err := f.write(mergeSorted(as, bs), d.noSync); err != nil {
		return err
	}
	d.replace(b, f)
	d.remove(a)
	return nil
}

// replace puts f in the place of old, whose name it has.
func (d *dedup) replace(old, f *idFile) {
	d.mu.Lock()
	for i, o := range d.files {
		if o == old {
			d.files[i] = f
		}
	}
	d.mu.Unlock()
	old.f.Close() // nobody searches it any more
}

// salvaged forgets the ids of a segment but those that were saved of it: of an
// event that a disk has destroyed, the copy that its sender repeats is the only
// one. Where the ids share a file with those of other segments they stay known.
func (d *dedup) salvaged(num uint64, saved []knownID) error {
	d.work.Lock()
	defer d.work.Unlock()
	set := newIDSet(len(saved))
	for _, id := range saved {
		set.add(id)
	}
	var f *idFile
	d.mu.Lock()
	for _, g := range d.gens {
		if g.num == num {
			g.set = set
		}
	}
	for _, o := range d.files {
		if o.first == num && o.last == num {
			f = o
		}
	}
	d.mu.Unlock()
	switch {
	case f == nil || int64(set.len()) >= f.count:
		return nil
	case set.len() == 0:
		d.remove(f)
		return nil
	}
	left := &idFile{path: f.path, first: num, last: num, oldest: f.oldest, newest: f.newest}
	if err := left.write(set.sorted(), d.noSync); err != nil {
		return fmt.Errorf("forget the ids of lost records: %w", err)
	}
	d.replace(f, left)
	return nil
}

// mergeIDs keeps the files of ids few.
func (q *Queue) mergeIDs() {
	q.mu.Lock()
	wait := q.full != "" || q.hold > 0 || time.Since(q.mergeFailed) < time.Minute
	q.mu.Unlock()
	if wait {
		return
	}
	if err := q.ids.merge(func(first, last uint64) bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return slices.ContainsFunc(q.segs, func(s *segment) bool { return first <= s.num && s.num <= last })
	}); err != nil {
		q.o.Logger.Warn("cannot merge message ids; they stay in more files", "code", logs.IDsNotMerged, "err", err)
		q.mu.Lock()
		q.mergeFailed = time.Now()
		q.mu.Unlock()
	}
}

// loadIDs reads the files that were found at open, for their filters.
func (q *Queue) loadIDs() {
	q.ids.work.Lock()
	defer q.ids.work.Unlock()
	for _, f := range q.ids.list() {
		if isClosed(q.stop) {
			return
		}
		if f.bloom.Load() != nil {
			continue
		}
		if err := f.load(); err != nil {
			q.o.Logger.Warn("cannot load message ids", "code", logs.IDsNotLoaded, "err", err)
		}
	}
}

// recallOf gives the sealed segments whose ids lay in files that were set aside at
// open, as far as one can tell: the newest before each, as many as a file holds.
func (q *Queue) recallOf(old []*segment) map[*segment]bool {
	again := make(map[*segment]bool)
	for _, last := range q.ids.damaged {
		n := int64(0)
		for _, s := range slices.Backward(old) {
			if s.num > last {
				continue
			}
			if q.ids.covers(s.num) {
				break
			}
			sum, err := readSummary(s.path)
			if err != nil {
				continue // its ids are read anyway
			}
			if n += sum.Records; n > sum.Records && n > q.ids.mergeBelow {
				break
			}
			again[s] = true
		}
	}
	return again
}
