// Package boltscan reads bbolt files as pages, believing nothing.
//
// bbolt trusts its file: a damaged page makes it panic, recurse without end, pass
// over keys, or touch memory that is not there. So a file that was not closed by
// this process is read here first.
//
// # The format
//
// It is bbolt's (github.com/etcd-io/bbolt, internal/common), little-endian. A page:
//
//	id u64 · flags u16 (1 branch, 2 leaf, 4 meta) · count u16 · overflow u32 · elements
//
// Overflow says how many pages follow that belong to it. An element, 16 bytes, says
// where its key and value lie, counted from its own first byte:
//
//	branch  position u32 · key length u32 · child page u64
//	leaf    flags u32 (1 bucket) · position u32 · key length u32 · value length u32
//
// Keys and values follow the elements, one behind the other. A bucket's value is
// its root page u64 · sequence u64, and when the root is 0 its only page. Pages 0
// and 1 are meta pages, each with a checksum; the newer one leads to the tree of
// the last commit, the other to that of the commit before.
//
// # What can hurt you
//
// No page but a meta page has a checksum. Walk finds what is wrong with a tree,
// which includes a key of a branch page that is not that of the page it leads to,
// and a page that holds fewer elements than it was written with. It cannot know
// that a key or a value is not what was written: its user has checksums for that,
// and for pages that are whole but old.
//
// Keys and values lie in a buffer that the next page overwrites.
package boltscan

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"

	"relay/internal/disk"
)

const (
	pageHead    = 16
	pageBranch  = 0x01
	pageLeaf    = 0x02
	magic       = 0xED0CDAED
	version     = 2
	minPageSize = 1 << 10
	maxPageSize = 1 << 16
	maxOverflow = 1 << 14 // pages a single leaf may span
)

// ErrDamaged means that the file is not as bbolt writes one.
var ErrDamaged = errors.New("bbolt file is damaged")

// damage says what is wrong. It is ErrDamaged.
type damage string

func (d damage) Error() string        { return string(d) }
func (d damage) Is(target error) bool { return target == ErrDamaged }

func damaged(format string, a ...any) error { return damage(fmt.Sprintf(format, a...)) }

// File is a bbolt file that is read. One goroutine uses it.
type File struct {
	r        io.ReaderAt
	watched  *watchedReader
	file     *os.File // that Open opened
	size     int64
	pageSize int
	metas    []Meta
}

// Meta is a valid meta page: the state of a file after one commit.
type Meta struct {
	root, pgid, txid uint64
}

// Open opens the file at path. With ErrDamaged, no meta page is valid: Scan is all
// that can be done with the File. With another error there is none.
func Open(path string) (*File, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p, err := New(f, st.Size())
	p.file = f
	return p, err
}

// New reads a bbolt file of size bytes that somebody else closes. It fails as
// Open does.
func New(r io.ReaderAt, size int64) (*File, error) {
	w := &watchedReader{r: r}
	f := &File{r: w, watched: w, size: size}
	f.findMetas()
	if len(f.metas) == 0 {
		f.pageSize = os.Getpagesize()
		return f, damaged("no valid meta page")
	}
	slices.SortFunc(f.metas, func(a, b Meta) int { return cmp.Compare(b.txid, a.txid) })
	return f, nil
}

// Close closes what Open opened.
func (f *File) Close() {
	if f.file != nil {
		f.file.Close()
	}
}

// Metas gives the valid meta pages, the newest first.
func (f *File) Metas() []Meta { return f.metas }

// ReadAhead has the file read in large pieces from now on, as is good for
// reading it from end to end.
func (f *File) ReadAhead() { f.r = &readAhead{r: f.watched} }

// ReadAt gives bytes of the file.
func (f *File) ReadAt(b []byte, off int64) (int, error) { return f.r.ReadAt(b, off) }

// Unread is why the disk did not give some of what was asked for so far, which
// says nothing about what it is; nil: it gave all.
func (f *File) Unread() error { return f.watched.err }

// findMetas finds the valid meta pages, which say how large a page is. The first
// starts the file, the other the second page.
func (f *File) findMetas() {
	for ps := os.Getpagesize(); ; {
		for i := range int64(2) {
			if m, n, ok := f.meta(i * int64(ps)); ok {
				f.pageSize = n
				f.metas = append(f.metas, m)
			}
		}
		if f.pageSize == ps || f.pageSize == 0 {
			break
		}
		ps, f.metas = f.pageSize, nil // written where pages have another size
	}
	for ps := minPageSize; ps <= maxPageSize && f.pageSize == 0; ps <<= 1 {
		if m, n, ok := f.meta(int64(ps)); ok && n == ps {
			f.pageSize, f.metas = n, []Meta{m}
		}
	}
}

// meta reads the meta page at off and gives the page size it names.
func (f *File) meta(off int64) (Meta, int, bool) {
	var b [pageHead + 64]byte
	if _, err := f.r.ReadAt(b[:], off); err != nil {
		return Meta{}, 0, false
	}
	le := binary.LittleEndian
	m := b[pageHead:]
	h := fnv.New64a()
	h.Write(m[:56])
	if le.Uint32(m) != magic || le.Uint32(m[4:]) != version || h.Sum64() != le.Uint64(m[56:]) {
		return Meta{}, 0, false
	}
	ps := int(le.Uint32(m[8:]))
	if ps < minPageSize || ps > maxPageSize || ps&(ps-1) != 0 {
		return Meta{}, 0, false
	}
	return Meta{root: le.Uint64(m[16:]), pgid: le.Uint64(m[40:]), txid: le.Uint64(m[48:])}, ps, true
}
