package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"os"
	"slices"
)

// bbolt trusts its file: a damaged page makes it panic, recurse without end or
// touch memory that is not there. So a file that was not closed by this
// process is read here first, page by page, believing nothing. The layout is
// bbolt's (github.com/etcd-io/bbolt, internal/common): little-endian, a page is
//
//	id u64 · flags u16 · count u16 · overflow u32 · elements
const (
	pageHead       = 16
	pageBranch     = 0x01
	pageLeaf       = 0x02
	pageMeta       = 0x04
	boltMagic      = 0xED0CDAED
	boltVersion    = 2
	elemSize       = 16
	elemBucket     = 0x01
	maxPageSize    = 1 << 16
	maxTreeDepth   = 32
	maxBoltOverrun = 1 << 14 // pages a single leaf may span
)

type pageFile struct {
	f        io.ReaderAt
	size     int64
	pageSize int
	metas    []boltMeta // the valid ones, newest first
	watched  *watchedReader
}

// unread is what kept some of the file from being read so far.
func (p *pageFile) unread() error { return p.watched.err }

// readAhead reads a file that is read from end to end in few, large pieces.
type readAhead struct {
	f   io.ReaderAt
	at  int64
	buf []byte
}

const aheadBytes = 256 << 10

func (r *readAhead) ReadAt(b []byte, off int64) (int, error) {
	end := off + int64(len(b))
	if off < r.at || end > r.at+int64(len(r.buf)) {
		if len(b) > aheadBytes/2 {
			return r.f.ReadAt(b, off)
		}
		if r.buf == nil {
			r.buf = make([]byte, 0, aheadBytes)
		}
		n, _ := r.f.ReadAt(r.buf[:aheadBytes], off)
		r.at, r.buf = off, r.buf[:n]
		if n < len(b) { // at the end, or one of the pages cannot be read
			return r.f.ReadAt(b, off)
		}
	}
	return copy(b, r.buf[off-r.at:]), nil
}

// watchedReader remembers that the disk did not give the bytes of a file, which
// says nothing about what they are.
type watchedReader struct {
	f   io.ReaderAt
	err error // the first
}

func (r *watchedReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.f.ReadAt(b, off)
	if err != nil && r.err == nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

type boltMeta struct {
	root, pgid, txid uint64
}

// openPageFile finds the valid meta pages of a bbolt file.
func openPageFile(f io.ReaderAt, size int64) (*pageFile, error) {
	p := &pageFile{f: f, size: size}
	// Meta page 0 starts the file, meta page 1 starts the second page.
	for ps := os.Getpagesize(); ; {
		for i := range int64(2) {
			if m, n, ok := readMeta(f, i*int64(ps)); ok {
				p.pageSize = n
				p.metas = append(p.metas, m)
			}
		}
		if p.pageSize == ps || p.pageSize == 0 {
			break
		}
		ps, p.metas = p.pageSize, nil // written where pages have another size
	}
	if p.pageSize == 0 {
		for ps := 1 << 10; ps <= maxPageSize; ps <<= 1 {
			if m, n, ok := readMeta(f, int64(ps)); ok && n == ps {
				p.pageSize, p.metas = n, []boltMeta{m}
				break
			}
		}
	}
	if len(p.metas) == 0 {
		p.pageSize = os.Getpagesize()
		return p, damaged("no valid meta page")
	}
	slices.SortFunc(p.metas, func(a, b boltMeta) int {
		if a.txid > b.txid {
			return -1
		}
		return 1
	})
	return p, nil
}

func readMeta(f io.ReaderAt, off int64) (boltMeta, int, bool) {
	var b [pageHead + 64]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return boltMeta{}, 0, false
	}
	le := binary.LittleEndian
	m := b[pageHead:]
	h := fnv.New64a()
	h.Write(m[:56])
	if le.Uint32(m) != boltMagic || le.Uint32(m[4:]) != boltVersion || h.Sum64() != le.Uint64(m[56:]) {
		return boltMeta{}, 0, false
	}
	ps := int(le.Uint32(m[8:]))
	if ps < 1<<10 || ps > maxPageSize || ps&(ps-1) != 0 {
		return boltMeta{}, 0, false
	}
	return boltMeta{root: le.Uint64(m[16:]), pgid: le.Uint64(m[40:]), txid: le.Uint64(m[48:])}, ps, true
}

// elem is one element of a page.
type elem struct {
	flags    uint32
	key, val []byte // val: leaf only
	at       int    // of val in its page
	child    uint64 // branch only
}

// elements takes a page apart, into the room of out; b holds the page with its
// overflow.
func elements(out []elem, b []byte, flags uint16, count int) ([]elem, error) {
	if count*elemSize > len(b)-pageHead {
		return nil, damaged("element count %d", count)
	}
	le := binary.LittleEndian
	out = slices.Grow(out[:0], count)[:count]
	clear(out)
	for i := range out {
		at := pageHead + i*elemSize
		e := b[at:]
		var pos, k, v uint64
		if flags == pageLeaf {
			out[i].flags = le.Uint32(e)
			pos, k, v = uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
		} else {
			pos, k = uint64(le.Uint32(e)), uint64(le.Uint32(e[4:]))
			out[i].child = le.Uint64(e[8:])
		}
		lo := uint64(at) + pos
		if lo+k+v > uint64(len(b)) || lo < uint64(pageHead+count*elemSize) {
			return nil, damaged("element outside its page")
		}
		out[i].key, out[i].val, out[i].at = b[lo:lo+k:lo+k], b[lo+k:lo+k+v:lo+k+v], int(lo+k)
	}
	return out, nil
}

// page reads page id with its overflow into buf.
func (p *pageFile) page(id, pgid uint64, buf []byte) (b []byte, flags uint16, count int, err error) {
	ps := uint64(p.pageSize)
	if id < 2 || id >= pgid || (id+1)*ps > uint64(p.size) {
		return buf, 0, 0, damaged("page %d outside the file", id)
	}
	b = slices.Grow(buf[:0], p.pageSize)[:p.pageSize]
	if _, err := p.f.ReadAt(b, int64(id*ps)); err != nil {
		return b, 0, 0, err
	}
	le := binary.LittleEndian
	flags, count = le.Uint16(b[8:]), int(le.Uint16(b[10:]))
	over := uint64(le.Uint32(b[12:]))
	if le.Uint64(b) != id || (flags != pageLeaf && flags != pageBranch) {
		return b, 0, 0, damaged("page %d is not what it should be", id)
	}
	if over > 0 {
		if over > maxBoltOverrun || id+over >= pgid || (id+over+1)*ps > uint64(p.size) {
			return b, 0, 0, damaged("page %d runs over the file", id)
		}
		n := int((over + 1) * ps)
		b = slices.Grow(b, n-len(b))[:n]
		if _, err := p.f.ReadAt(b[ps:], int64((id+1)*ps)); err != nil {
			return b, 0, 0, err
		}
	}
	return b, flags, count, nil
}

// walkBucket visits every key and value of one bucket under m, in order, and fails
// at the first thing that is wrong with its tree. It returns what fn returns.
func (p *pageFile) walkBucket(m boltMeta, only string, fn func(bucket string, key, val []byte) error) error {
	if m.pgid > uint64(p.size/int64(p.pageSize))+1 {
		return damaged("file is cut short")
	}
	w := walker{p: p, m: m, seen: make([]uint64, m.pgid/64+1), only: only, fn: fn}
	return w.tree(m.root, "", 0, nil, nil)
}

// walkExactly is walkBucket for a whole file, in which these buckets must be and
// no others.
func (p *pageFile) walkExactly(m boltMeta, names [][]byte, fn func(bucket string, key, val []byte) error) error {
	if m.pgid > uint64(p.size/int64(p.pageSize))+1 {
		return damaged("file is cut short")
	}
	w := walker{p: p, m: m, seen: make([]uint64, m.pgid/64+1), fn: fn}
	if err := w.tree(m.root, "", 0, nil, nil); err != nil {
		return err
	}
	if len(w.names) != len(names) {
		return damaged("%d buckets of %d", len(w.names), len(names))
	}
	for _, n := range names {
		if !slices.Contains(w.names, string(n)) {
			return damaged("bucket %s is missing", n)
		}
	}
	return nil
}

type walker struct {
	p     *pageFile
	names []string // of buckets, as met
	m     boltMeta
	seen  []uint64 // pages visited
	fn    func(bucket string, key, val []byte) error
	bufs  [maxTreeDepth + 1][]byte
	elems [maxTreeDepth + 1][]elem
	only  string // visit this bucket; empty: all
}

// tree walks the subtree of page id. The parent knows it by the key first, and
// what lies behind it begins with the key limit; nil: there is none.
//
// A key of a branch page that is damaged leads a search past what is whole, so
// the tree counts as whole only when each is the key its page begins with.
func (w *walker) tree(id uint64, bucket string, depth int, first, limit []byte) error {
	if depth > maxTreeDepth {
		return damaged("tree too deep")
	}
	b, flags, count, err := w.p.page(id, w.m.pgid, w.bufs[depth])
	w.bufs[depth] = b
	if err != nil {
		return err
	}
	for i := id; i < id+uint64(len(b)/w.p.pageSize); i++ {
		if w.seen[i/64]&(1<<(i%64)) != 0 {
			return damaged("page %d is used twice", i)
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	es, err := elements(w.elems[depth], b, flags, count)
	if err != nil {
		return err
	}
	w.elems[depth] = es
	if err := inOrder(es); err != nil {
		return err
	}
	if first != nil && (len(es) == 0 || !bytes.Equal(es[0].key, first)) {
		return damaged("page %d does not start where its parent says", id)
	}
	if limit != nil && bytes.Compare(es[len(es)-1].key, limit) >= 0 {
		return damaged("page %d does not end where its parent says", id)
	}
	if flags == pageLeaf {
		return w.leaf(es, bucket, depth)
	}
	if len(es) == 0 {
		return damaged("empty branch page %d", id)
	}
	for i, e := range es {
		next := limit
		if i+1 < len(es) {
			next = es[i+1].key
		}
		if err := w.tree(e.child, bucket, depth+1, e.key, next); err != nil {
			return err
		}
	}
	return nil
}

// inOrder says that the keys of a page ascend, and that its elements lie one
// behind the other as bbolt writes them: with a smaller count than it was written
// with, a page would lack its last elements and look whole.
func inOrder(es []elem) error {
	at := pageHead + len(es)*elemSize
	for i, e := range es {
		if e.at-len(e.key) != at {
			return damaged("elements are not packed")
		}
		at += len(e.key) + len(e.val)
		if i > 0 && bytes.Compare(es[i-1].key, e.key) >= 0 {
			return damaged("keys out of order")
		}
	}
	return nil
}

func (w *walker) leaf(es []elem, bucket string, depth int) error {
	for _, e := range es {
		if e.flags&elemBucket == 0 {
			if bucket == "" {
				return damaged("value outside any bucket")
			}
			if err := w.fn(bucket, e.key, e.val); err != nil {
				return err
			}
			continue
		}
		if bucket != "" || len(e.val) < 16 {
			return damaged("bucket in a bucket")
		}
		name := string(e.key)
		w.names = append(w.names, name)
		if w.only != "" && w.only != name {
			continue
		}
		if root := binary.LittleEndian.Uint64(e.val); root != 0 {
			if err := w.tree(root, name, depth+1, nil, nil); err != nil {
				return err
			}
			continue
		}
		in := e.val[16:] // a small bucket lies in its parent's page
		if len(in) < pageHead || binary.LittleEndian.Uint16(in[8:]) != pageLeaf {
			return damaged("inline bucket")
		}
		sub, err := elements(nil, in, pageLeaf, int(binary.LittleEndian.Uint16(in[10:])))
		if err == nil {
			err = inOrder(sub)
		}
		if err != nil {
			return err
		}
		if err := w.leaf(sub, name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// scan visits every element of every page that still looks like a leaf, in
// no order and whether or not the tree still reaches it. off is where in the
// file its value lies. A page that cannot be read costs what lies in it.
func (p *pageFile) scan(fn func(key, val []byte, off int64) error) error {
	var b []byte
	pgid := uint64(p.size / int64(p.pageSize))
	for id := uint64(2); id < pgid; id++ {
		var flags uint16
		var count int
		var err error
		b, flags, count, err = p.page(id, pgid, b)
		if err != nil || flags != pageLeaf {
			continue
		}
		at := int64(id) * int64(p.pageSize)
		if err := scanLeaf(b, count, at, fn); err != nil {
			return err
		}
	}
	return nil
}

func scanLeaf(b []byte, count int, at int64, fn func(key, val []byte, off int64) error) error {
	es, err := elements(nil, b, pageLeaf, count)
	if err != nil {
		return nil
	}
	for _, e := range es {
		if e.flags&elemBucket == 0 {
			if err := fn(e.key, e.val, at+int64(e.at)); err != nil {
				return err
			}
			continue
		}
		if len(e.val) >= 16+pageHead && binary.LittleEndian.Uint64(e.val) == 0 { // inline bucket
			in := e.val[16:]
			if err := scanLeaf(in, int(binary.LittleEndian.Uint16(in[10:])), at+int64(e.at)+16, fn); err != nil {
				return err
			}
		}
	}
	return nil
}
