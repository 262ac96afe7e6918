package local

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// The ids of sealed segments lie in files that are searched in place:
//
//	"relayids" · version u32 · checksum of the header u32 · first segment u64 ·
//	last segment u64 · newest id, Unix ms, i64 · count u64 · oldest id, Unix ms,
//	i64 · count of those whose key relay made u64 · rows, sorted by their hashes (idhash.go)
//
// named after their last segment. They outlive the segments. Neighbours that
// are small are merged (window.go).
const (
	idsSuffix = ".ids"
	idsMagic  = "relayids"
	idsHeader = 64
)

// idGen is the ids of one tail, in memory until they lie in a file.
type idGen struct {
	num            uint64
	set            *idSet
	oldest, newest int64 // when the first and the last were added, Unix ms; 0: none
}

// dedup remembers the ids of the window. The writer asks, the keeper files.
type dedup struct {
	dir    string
	noSync bool

	work  sync.Mutex // held while files are written, merged, forgotten or copied
	mu    sync.RWMutex
	gens  []*idGen  // oldest first; the last is the tail's
	files []*idFile // oldest first

	window     time.Duration
	keep       int64 // ids
	mergeBelow int64 // ids; larger files are not merged

	damaged []uint64 // files set aside at open
}

// get gives what is known of an id that was stored. A file that cannot be read
// says no: a duplicate is the lesser harm.
func (d *dedup) get(h idHash) (knownID, bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, g := range d.gens {
		if id, ok := g.set.get(h); ok {
			return id, true, nil
		}
	}
	var err error
	for _, f := range d.files {
		id, ok, e := f.get(h)
		if ok {
			return id, true, nil
		}
		if e != nil && !f.failed.Swap(true) { // once is enough to say
			err = errors.Join(err, e)
		}
	}
	return knownID{}, false, err
}

// begin starts the ids of a new tail. Those of the one before count from now on:
// they may have come while the clock was not right yet.
func (d *dedup) begin(num uint64, now int64) *idGen {
	g := &idGen{num: num, set: newIDSet(0)}
	d.mu.Lock()
	if n := len(d.gens); n > 0 {
		d.gens[n-1].newest = max(d.gens[n-1].newest, now)
	}
	d.gens = append(d.gens, g)
	d.mu.Unlock()
	return g
}

// insert adds the ids of a segment from before, which came between the times.
func (d *dedup) insert(num uint64, ids []knownID, oldest, newest int64) *idGen {
	g := &idGen{num: num, set: newIDSet(len(ids)), oldest: min(oldest, newest), newest: newest}
	for _, id := range ids {
		g.set.add(id)
	}
	d.mu.Lock()
	d.gens = slices.Insert(d.gens, 0, g)
	d.mu.Unlock()
	return g
}

func (d *dedup) list() []*idFile {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Clone(d.files)
}

// add remembers confirmed ids; only the writer calls it, for the tail.
func (d *dedup) add(g *idGen, ids []knownID, now int64) {
	d.mu.Lock()
	for _, id := range ids {
		g.set.add(id)
	}
	if g.oldest == 0 {
		g.oldest = now
	}
	g.newest = max(g.newest, now)
	d.mu.Unlock()
}

// count is how many ids of clients are remembered.
func (d *dedup) count() (n int64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, g := range d.gens {
		n += int64(g.set.counted())
	}
	for _, f := range d.files {
		n += f.counted()
	}
	return n
}

// waiting is how many ids are in memory alone.
func (d *dedup) waiting() (n int64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, g := range d.gens {
		n += int64(g.set.len())
	}
	return n
}

// open finds the files of the directory. A damaged one is set aside, one that the
// disk does not give is left: the ids of its segments are read again where those
// still exist, and forgotten otherwise. It returns how many that were and why.
func (d *dedup) open(names []string) (bad int, why, err error) {
	for _, name := range names {
		num, ok := segNum(name)
		if !ok || name[16:] != idsSuffix {
			continue
		}
		path := filepath.Join(d.dir, name)
		f, err := openIDFile(path)
		switch {
		case errors.Is(err, ErrNewerFormat):
			return bad, why, err
		case errors.Is(err, errDamaged):
			if err := setAside(path); err != nil {
				return bad, why, fmt.Errorf("set ids aside: %w", err)
			}
			fallthrough
		case err != nil:
			bad, why = bad+1, err
			d.damaged = append(d.damaged, num)
		default:
			d.files = append(d.files, f)
		}
	}
	d.sort()
	// A file whose segments a later one covers is left over from a merge.
	for i := 0; i < len(d.files); i++ {
		for _, o := range d.files[i+1:] {
			if o.first <= d.files[i].first {
				d.remove(d.files[i])
				i--
				break
			}
		}
	}
	return bad, why, nil
}

func (d *dedup) sort() {
	slices.SortFunc(d.files, func(a, b *idFile) int { return cmp.Compare(a.last, b.last) })
}

// covers says whether the ids of a segment lie in a file.
func (d *dedup) covers(num uint64) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.ContainsFunc(d.files, func(f *idFile) bool { return f.first <= num && num <= f.last })
}

func (d *dedup) remove(f *idFile) {
	d.mu.Lock()
	d.files = slices.DeleteFunc(d.files, func(o *idFile) bool { return o == f })
	d.mu.Unlock()
	f.f.Close()
	_ = removeFile(f.path) // one that stays is not needed, and goes with a later open
}

// file writes the ids of a sealed tail.
func (d *dedup) file(g *idGen) error {
	d.work.Lock()
	defer d.work.Unlock()
	d.mu.RLock()
	f := &idFile{path: idsPath(d.dir, g.num), first: g.num, last: g.num, oldest: g.oldest, newest: g.newest}
	sorted := g.set.sorted()
	d.mu.RUnlock()
	if len(sorted) > 0 {
		if err := f.write(sorted, d.noSync); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.f != nil {
		d.files = append(d.files, f)
		d.sort()
	}
	d.gens = slices.DeleteFunc(d.gens, func(o *idGen) bool { return o == g })
	return nil
}

func (d *dedup) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		f.f.Close()
	}
	d.files = nil
}
