package queue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// idSet is a set of id hashes in memory: open addressing, the hash is its own
// hash. 16 bytes a slot, at most three quarters full.
type idSet struct {
	slots []idHash
	n     int
	zero  bool // the hash that is all zero
}

func newIDSet(capacity int) *idSet {
	n := 1024
	for n*3/4 < capacity {
		n *= 2
	}
	return &idSet{slots: make([]idHash, n)}
}

func (s *idSet) find(h idHash) (int, bool) {
	mask := uint64(len(s.slots) - 1)
	i := binary.LittleEndian.Uint64(h[:]) & mask
	for {
		switch s.slots[i] {
		case h:
			return int(i), true
		case idHash{}:
			return int(i), false
		}
		i = (i + 1) & mask
	}
}

func (s *idSet) has(h idHash) bool {
	if h == (idHash{}) {
		return s.zero
	}
	_, ok := s.find(h)
	return ok
}

func (s *idSet) add(h idHash) {
	if h == (idHash{}) {
		s.zero = true
		return
	}
	i, ok := s.find(h)
	if ok {
		return
	}
	s.slots[i] = h
	if s.n++; s.n > len(s.slots)*3/4 {
		old := s.slots
		s.slots = make([]idHash, 2*len(old))
		for _, h := range old {
			if h != (idHash{}) {
				i, _ := s.find(h)
				s.slots[i] = h
			}
		}
	}
}

func (s *idSet) len() int {
	if s.zero {
		return s.n + 1
	}
	return s.n
}

// sorted gives the hashes in order, 16 bytes each.
func (s *idSet) sorted() []byte {
	hs := make([]idHash, 0, s.len())
	for _, h := range s.slots {
		if h != (idHash{}) {
			hs = append(hs, h)
		}
	}
	if s.zero {
		hs = append(hs, idHash{})
	}
	return sortHashes(hs)
}

func sortHashes(hs []idHash) []byte {
	slices.SortFunc(hs, func(a, b idHash) int { return bytes.Compare(a[:], b[:]) })
	hs = slices.Compact(hs)
	out := make([]byte, 0, 16*len(hs))
	for i := range hs {
		out = append(out, hs[i][:]...)
	}
	return out
}

// The ids of sealed segments lie in files that are searched in place:
//
//	"relayids" · version u32 · checksum of the header u32 · first segment u64 ·
//	last segment u64 · newest id, Unix ms, i64 · count u64 · reserved 16 bytes ·
//	sorted hashes, 16 bytes each
//
// named after their last segment. They outlive the segments. Neighbours that
// are small are merged, so that many restarts do not make many files.
const (
	idsSuffix  = ".ids"
	idsMagic   = "relayids"
	idsHeader  = 64
	mergeBelow = 1 << 18 // ids, at most
)

// idGen is the ids of one tail, in memory until they lie in a file.
type idGen struct {
	num    uint64
	set    *idSet
	newest int64
}

// dedup remembers the ids of the window. The writer asks, the keeper files.
type dedup struct {
	dir    string
	noSync bool

	mu    sync.RWMutex
	gens  []*idGen  // oldest first; the last is the tail's
	files []*idFile // oldest first

	mergeBelow int64 // ids; files above are left alone

	damaged []uint64 // files set aside at open
}

// has says whether the id was stored. A file that cannot be read says no: a
// duplicate is the lesser harm.
func (d *dedup) has(h idHash) (bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, g := range d.gens {
		if g.set.has(h) {
			return true, nil
		}
	}
	var err error
	for _, f := range d.files {
		ok, e := f.has(h)
		if ok {
			return true, nil
		}
		err = errors.Join(err, e)
	}
	return false, err
}

// begin starts the ids of a new tail.
func (d *dedup) begin(num uint64, capacity int) *idGen {
	g := &idGen{num: num, set: newIDSet(capacity)}
	d.mu.Lock()
	d.gens = append(d.gens, g)
	d.mu.Unlock()
	return g
}

// insert adds the ids of a segment from before.
func (d *dedup) insert(num uint64, ids []idHash, newest int64) *idGen {
	g := &idGen{num: num, set: newIDSet(len(ids)), newest: newest}
	for _, h := range ids {
		g.set.add(h)
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
func (d *dedup) add(g *idGen, ids []idHash, now int64) {
	d.mu.Lock()
	for _, h := range ids {
		g.set.add(h)
	}
	g.newest = max(g.newest, now)
	d.mu.Unlock()
}

func (d *dedup) count() (n int64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, g := range d.gens {
		n += int64(g.set.len())
	}
	for _, f := range d.files {
		n += f.count
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

// open finds the files of the directory. A damaged one is set aside: its
// segment's ids are read again when the segment still exists.
func (d *dedup) open(names []string) (bad int, err error) {
	for _, name := range names {
		if !strings.HasSuffix(name, idsSuffix) {
			continue
		}
		if _, ok := segNum(name); !ok {
			continue
		}
		f, err := openIDFile(filepath.Join(d.dir, name))
		switch {
		case errors.Is(err, errDamaged):
			bad++
			num, _ := segNum(name)
			d.damaged = append(d.damaged, num)
			if err := os.Rename(filepath.Join(d.dir, name), filepath.Join(d.dir, name+badSuffix)); err != nil {
				return bad, fmt.Errorf("set ids aside: %w", err)
			}
		case err != nil:
			return bad, err
		default:
			d.files = append(d.files, f)
		}
	}
	slices.SortFunc(d.files, func(a, b *idFile) int { return int(int64(a.last) - int64(b.last)) })
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
	return bad, nil
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
	os.Remove(f.path)
}

// file writes the ids of a sealed tail, merging them with a small neighbour.
func (d *dedup) file(g *idGen) error {
	d.mu.RLock()
	sorted := g.set.sorted()
	first, newest := g.num, g.newest
	var merge *idFile
	// A file has the ids of every segment from its first to its last: with those of
	// an earlier segment still to be filed there is no merging over it.
	alone := !slices.ContainsFunc(d.gens, func(o *idGen) bool { return o.num < g.num })
	if n := len(d.files); n > 0 && alone && d.files[n-1].last < g.num && d.files[n-1].count+int64(len(sorted)/16) <= d.mergeBelow {
		merge = d.files[n-1]
	}
	d.mu.RUnlock()
	if merge != nil {
		old := make([]byte, 16*merge.count)
		if _, err := merge.f.ReadAt(old, idsHeader); err != nil {
			merge = nil // it stays as it is
		} else {
			sorted = mergeSorted(old, sorted)
			first, newest = merge.first, max(newest, merge.newest)
		}
	}
	if len(sorted) > 0 {
		if err := writeIDFile(d.dir, first, g.num, newest, sorted, d.noSync); err != nil {
			return err
		}
		f, err := openIDFile(idsPath(d.dir, g.num))
		if err != nil {
			return err
		}
		if err := f.load(); err != nil {
			f.f.Close()
			return err
		}
		d.mu.Lock()
		d.files = append(d.files, f)
		slices.SortFunc(d.files, func(a, b *idFile) int { return int(int64(a.last) - int64(b.last)) })
		d.mu.Unlock()
		if merge != nil {
			d.remove(merge)
		}
	}
	d.mu.Lock()
	d.gens = slices.DeleteFunc(d.gens, func(o *idGen) bool { return o == g })
	d.mu.Unlock()
	return nil
}

func mergeSorted(a, b []byte) []byte {
	out := make([]byte, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := bytes.Compare(a[:16], b[:16]); {
		case c < 0:
			out, a = append(out, a[:16]...), a[16:]
		case c > 0:
			out, b = append(out, b[:16]...), b[16:]
		default:
			out, a, b = append(out, a[:16]...), a[16:], b[16:]
		}
	}
	return append(append(out, a...), b...)
}

// expire forgets files whose ids are all older than the time, or that more
// than keep newer ids follow.
func (d *dedup) expire(before, keep int64) {
	d.mu.RLock()
	newer := int64(0)
	for _, g := range d.gens {
		newer += int64(g.set.len())
	}
	var drop []*idFile
	for i := len(d.files) - 1; i >= 0; i-- {
		f := d.files[i]
		if f.newest < before || newer >= keep {
			drop = append(drop, f)
			continue
		}
		newer += f.count
	}
	d.mu.RUnlock()
	for _, f := range drop {
		d.remove(f)
	}
}

func (d *dedup) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		f.f.Close()
	}
	d.files = nil
}
