package ids

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/internal/format"
	"relay/queue/local/internal/age"
	"relay/queue/local/internal/files"
)

const (
	// Suffix ends the name of a file of ids.
	Suffix = ".ids"
	// SalesSuffix ends the name of a file of ids of sales (queue.BySale).
	SalesSuffix = ".sales"

	magic = "relayids"
)

// kind is which ids a file holds. Each kind has its own window and maximum.
type kind int

const (
	ofEvents kind = iota
	ofSales
)

func kindOf(sale bool) kind {
	if sale {
		return ofSales
	}
	return ofEvents
}

func (k kind) suffix() string { return [2]string{Suffix, SalesSuffix}[k] }

// Tail is the ids of one tail, in memory until they are written to a file.
type Tail struct {
	num            uint64
	set            *set
	oldest, newest age.Stamp // when its first and its last id were added
}

// write writes the ids of a tail to files in dir and returns the files.
//
// Invariant: the file of events is written last, even if it is empty: its existence
// means that all ids of the segment are in files (Covers).
func (t *Tail) write(dir string, sorted [2][]byte, covered func(kind) bool, noSync bool) (out []*file, err error) {
	for _, k := range []kind{ofSales, ofEvents} {
		if k == ofSales && len(sorted[k]) == 0 || covered(k) {
			continue
		}
		f := &file{path: files.Path(dir, t.num, k.suffix()), kind: k, first: t.num, last: t.num, oldest: t.oldest, newest: t.newest}
		if err := f.write(sorted[k], noSync); err != nil {
			return out, err
		}
		out = append(out, f)
	}
	return out, nil
}

// Options tune a Store.
type Options struct {
	Dir      string
	Window   time.Duration // for how long the id of an event is remembered
	Keep     int64         // how many ids of clients are remembered
	NoSync   bool
	ReadOnly bool // opens no file; only Copy can be called

	SaleWindow time.Duration // for how long the id of a sale is remembered
	KeepSales  int64         // how many ids of sales are remembered
}

// bounds returns the window of a kind and the maximum number of its ids.
func (o *Options) bounds(k kind) (window time.Duration, keep int64) {
	if k == ofSales {
		return max(o.SaleWindow, o.Window), o.KeepSales
	}
	return o.Window, o.Keep
}

// Store remembers the ids of the window. The writer calls Get, Begin and Add; all other
// work is the background goroutine's.
type Store struct {
	o          Options
	mergeBelow int64 // ids; larger files are not merged

	work        sync.Mutex // held while files are written, merged, removed or copied
	mergeFailed time.Time  // under work

	mu    sync.RWMutex
	tails []*Tail // oldest first; the last is that of the segment being written
	files []*file // oldest first

	damaged   []damaged // files that Open could not use
	damageErr error
}

type damaged struct {
	kind kind
	last uint64 // segment
}

// Open opens the ids files among names, the names in the directory. It quarantines
// damaged files and leaves unreadable ones where they are: the ids of their segments are
// read again from segments that still exist (Reread), and are forgotten otherwise.
func Open(names []string, o Options) (*Store, error) {
	// Searching is fast with few files, merging with small ones.
	s := &Store{o: o, mergeBelow: min(max(o.Keep/16, 1<<16), 1<<18, o.Keep/4)}
	if o.ReadOnly {
		return s, nil
	}
	if err := s.open(names); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(names []string) error {
	for _, name := range names {
		num, suffix, ok := files.ParseName(name)
		if !ok || suffix != Suffix && suffix != SalesSuffix {
			continue
		}
		path := filepath.Join(s.o.Dir, name)
		f, err := openFile(path)
		switch {
		case errors.Is(err, format.ErrNewer):
			return err
		case errors.Is(err, seal.ErrDamaged):
			if err := files.Quarantine(path); err != nil {
				return fmt.Errorf("quarantine ids: %w", err)
			}
			fallthrough
		case err != nil:
			s.damageErr = err
			s.damaged = append(s.damaged, damaged{kindOf(suffix == SalesSuffix), num})
		default:
			s.files = append(s.files, f)
		}
	}
	s.sort()
	// A file whose segments are covered by a later one was left behind by a merge.
	for i := 0; i < len(s.files); i++ {
		for _, o := range s.files[i+1:] {
			if o.kind == s.files[i].kind && o.first <= s.files[i].first {
				s.remove(s.files[i])
				i--
				break
			}
		}
	}
	return nil
}

// Damaged returns how many files Open could not use, and the error of the last of them.
func (s *Store) Damaged() (n int, why error) { return len(s.damaged), s.damageErr }

// Get looks up an id. An id in a file that cannot be read counts as unknown: a duplicate
// is the lesser evil. The result is valid even with an error, which Get returns once for
// each file that is damaged or unreadable.
func (s *Store) Get(h Hash) (Known, bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tails {
		if id, ok := t.set.get(h); ok {
			return id, true, nil
		}
	}
	var err error
	for _, f := range s.files {
		if f.kind != kindOf(h.Sale()) {
			continue
		}
		id, ok, e := f.get(h)
		if e != nil && !f.failed.Swap(true) { // reported once
			err = errors.Join(err, e)
		}
		if ok {
			return id, true, err
		}
	}
	return Known{}, false, err
}

// Begin starts a new tail.
func (s *Store) Begin(num uint64) *Tail {
	t := &Tail{num: num, set: newSet(0)}
	s.mu.Lock()
	s.tails = append(s.tails, t)
	s.mu.Unlock()
	return t
}

// Insert adds the ids of an old segment. It is unknown when they were stored, so they are
// treated as stored now.
func (s *Store) Insert(num uint64, ids []Known, now age.Stamp) *Tail {
	t := &Tail{num: num, set: newSet(len(ids)), oldest: now, newest: now}
	for _, id := range ids {
		t.set.add(id)
	}
	s.mu.Lock()
	s.tails = slices.Insert(s.tails, 0, t)
	s.mu.Unlock()
	return t
}

func (s *Store) list() []*file {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.files)
}

// Add remembers confirmed ids. Only the writer calls it, for the current tail.
func (s *Store) Add(t *Tail, ids []Known, now age.Stamp) {
	s.mu.Lock()
	if t.set.len() == 0 {
		t.oldest = now
	}
	for _, id := range ids {
		t.set.add(id)
	}
	t.newest = now
	s.mu.Unlock()
}

// Ran returns the least run time that must have passed, according to the files.
func (s *Store) Ran() (ran time.Duration) {
	for _, f := range s.list() {
		ran = max(ran, f.newest.Ran)
	}
	return ran
}

// Count returns how many ids of clients and of sales are remembered.
func (s *Store) Count() (clients, sales int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var n [2]int64
	for _, t := range s.tails {
		n[ofEvents] += int64(t.set.counted())
		n[ofSales] += int64(t.set.sales)
	}
	for _, f := range s.files {
		n[f.kind] += f.counted()
	}
	return n[ofEvents], n[ofSales]
}

// InMemory returns how many ids are in memory only.
func (s *Store) InMemory() (n int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, t := range s.tails {
		n += int64(t.set.len())
	}
	return n
}

func (s *Store) sort() {
	slices.SortFunc(s.files, func(a, b *file) int { return cmp.Compare(a.last, b.last) })
}

// Covers reports whether the ids of a segment are in files.
func (s *Store) Covers(num uint64) bool { return s.covers(num, ofEvents) }

func (s *Store) covers(num uint64, k kind) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.files, func(f *file) bool { return f.kind == k && f.first <= num && num <= f.last })
}

func (s *Store) remove(f *file) {
	s.mu.Lock()
	s.files = slices.DeleteFunc(s.files, func(o *file) bool { return o == f })
	s.mu.Unlock()
	f.f.Close()
	_ = files.Remove(f.path) // a file that cannot be removed does no harm; a later open removes it
}

// WriteTail writes the ids of a sealed tail to files and removes it from memory.
func (s *Store) WriteTail(t *Tail) error {
	s.work.Lock()
	defer s.work.Unlock()
	s.mu.RLock()
	sorted, n := split(t.set.sorted(), t.set.sales), t.set.len()
	s.mu.RUnlock()
	var done []*file
	var err error
	if n > 0 {
		done, err = t.write(s.o.Dir, sorted, func(k kind) bool { return s.covers(t.num, k) }, s.o.NoSync)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(s.files, done...)
	s.sort()
	if err != nil {
		return err
	}
	s.tails = slices.DeleteFunc(s.tails, func(o *Tail) bool { return o == t })
	return nil
}

// Close closes the files.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.files {
		f.f.Close()
	}
	s.files = nil
}

// Load reads the files that Open opened and builds their filters. It calls warn for those
// that are damaged or unreadable, and returns early once stop is closed.
func (s *Store) Load(stop <-chan struct{}, warn func(error)) {
	s.work.Lock()
	defer s.work.Unlock()
	for _, f := range s.list() {
		select {
		case <-stop:
			return
		default:
		}
		if f.bloom.Load() != nil {
			continue
		}
		if err := f.load(); err != nil {
			warn(err)
		}
	}
}

// Copy copies the ids of segments up to last to another directory, from files and from
// memory.
func (s *Store) Copy(dir string, last uint64) error {
	s.work.Lock() // no file is written, merged or removed meanwhile
	defer s.work.Unlock()
	paths, tails, err := s.upTo(last)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := disk.Copy(filepath.Join(dir, filepath.Base(path)), path, -1); err != nil {
			return err
		}
	}
	for _, t := range tails {
		done, err := t.write(dir, split(t.set.sorted(), t.set.sales), func(k kind) bool { return s.covers(t.num, k) }, s.o.NoSync)
		for _, f := range done {
			f.f.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// upTo returns the files with ids of segments up to last, and the tails up to last that
// are in memory only. The caller holds s.work.
func (s *Store) upTo(last uint64) (paths []string, tails []Tail, err error) {
	if s.o.ReadOnly { // Open has opened no file
		es, err := os.ReadDir(s.o.Dir)
		if err != nil {
			return nil, nil, fmt.Errorf("list files of ids: %w", err)
		}
		for _, e := range es {
			if num, suffix, ok := files.ParseName(e.Name()); ok && (suffix == Suffix || suffix == SalesSuffix) && num <= last {
				paths = append(paths, filepath.Join(s.o.Dir, e.Name()))
			}
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, f := range s.files {
		if f.last <= last {
			paths = append(paths, f.path)
		}
	}
	for _, t := range s.tails {
		if t.num <= last && t.set.len() > 0 {
			tails = append(tails, *t)
		}
	}
	return paths, tails, nil
}
