// Package boltscan reads bbolt files page by page without trusting them.
//
// bbolt trusts its file: on a damaged page it can panic, recurse forever, skip keys, or
// access unmapped memory. So a file that was not written by this process is read with
// this package first.
//
// # The format
//
// It is bbolt's (github.com/etcd-io/bbolt, internal/common), little-endian. A page:
//
//	id u64 · flags u16 (1 branch, 2 leaf, 4 meta) · count u16 · overflow u32 · elements
//
// Overflow is how many of the following pages belong to this one. An element has 16
// bytes; its key and value are at a position relative to its own first byte:
//
//	branch  position u32 · key length u32 · child page u64
//	leaf    flags u32 (1 bucket) · position u32 · key length u32 · value length u32
//
// Keys and values follow the elements without gaps. The value of a bucket is its root
// page u64 · sequence u64, and, if the root is 0, its only page. Pages 0 and 1 are meta
// pages, each with a checksum. The newer one leads to the tree of the last commit, the
// other to the tree of the commit before it.
//
// # What can hurt you
//
// Only meta pages have a checksum. Walk detects a tree that is damaged, including a
// branch page's key that differs from the first key of its child, and a page with fewer
// elements than were written. It cannot detect a wrong key or value, or an intact page
// that is out of date: the caller needs checksums for that.
//
// Keys and values are in a buffer that the next page overwrites.
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
	maxOverflow = 1 << 14 // pages that one leaf can span
)

// ErrDamaged means that the file is not a valid bbolt file.
var ErrDamaged = errors.New("bbolt file is damaged")

// damage is an error message that matches ErrDamaged.
type damage string

func (d damage) Error() string        { return string(d) }
func (d damage) Is(target error) bool { return target == ErrDamaged }

func damaged(format string, a ...any) error { return damage(fmt.Sprintf(format, a...)) }

// File is a bbolt file open for reading. It is not safe for concurrent use.
type File struct {
	r        io.ReaderAt
	watched  *watchedReader
	file     *os.File // opened by Open; else nil
	size     int64
	pageSize int
	metas    []Meta
}

// Meta is a valid meta page: the state of a file after one commit.
type Meta struct {
	root, pgid, txid uint64
}

// Open opens the file at path. With ErrDamaged no meta page is valid, and the File can
// be used for Scan only. With any other error the File is nil.
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

// New reads a bbolt file of size bytes from r, which the caller closes. Its errors are
// those of Open.
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

// Close closes the file if Open opened it.
func (f *File) Close() {
	if f.file != nil {
		f.file.Close()
	}
}

// Metas returns the valid meta pages, the newest first.
func (f *File) Metas() []Meta { return f.metas }

// ReadAhead makes further reads use large blocks. It is for reading the file from
// beginning to end.
func (f *File) ReadAhead() { f.r = &readAhead{r: f.watched} }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (int, error) { return f.r.ReadAt(b, off) }

// Unread returns the first error of the disk while the file was read, or nil. If it is
// not nil, whether the file is damaged is unknown.
func (f *File) Unread() error { return f.watched.err }

// findMetas finds the valid meta pages, at the beginning of the first and of the second
// page. They contain the page size.
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
		ps, f.metas = f.pageSize, nil // the file was written on a machine with another page size
	}
	for ps := minPageSize; ps <= maxPageSize && f.pageSize == 0; ps <<= 1 {
		if m, n, ok := f.meta(int64(ps)); ok && n == ps {
			f.pageSize, f.metas = n, []Meta{m}
		}
	}
}

// meta reads the meta page at off and returns the page size in it.
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
