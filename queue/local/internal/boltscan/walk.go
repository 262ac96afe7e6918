package boltscan

import (
	"bytes"
	"math"
	"slices"
)

const maxDepth = 32 // of a tree

// Walk visits every key and value of one bucket under m, in order, and fails at
// the first thing that is wrong with its tree. It returns what fn returns.
func (f *File) Walk(m Meta, bucket []byte, fn func(key, val []byte) error) error {
	_, err := f.walk(m, string(bucket), func(_ string, k, v []byte) error { return fn(k, v) })
	return err
}

// WalkAll is Walk for a whole file, in which these buckets must be and no others.
func (f *File) WalkAll(m Meta, buckets [][]byte, fn func(bucket string, key, val []byte) error) error {
	names, err := f.walk(m, "", fn)
	if err != nil {
		return err
	}
	if len(names) != len(buckets) {
		return damaged("%d buckets of %d", len(names), len(buckets))
	}
	for _, n := range buckets {
		if !slices.Contains(names, string(n)) {
			return damaged("bucket %s is missing", n)
		}
	}
	return nil
}

// walk walks one bucket, with an empty name all, and gives the names of those
// that are there.
func (f *File) walk(m Meta, only string, fn func(bucket string, key, val []byte) error) ([]string, error) {
	if m.pgid > uint64(f.size/int64(f.pageSize))+1 {
		return nil, damaged("file is cut short")
	}
	w := walker{f: f, m: m, seen: make([]uint64, m.pgid/64+1), only: only, fn: fn}
	err := w.tree(m.root, "", 0, nil, nil)
	return w.names, err
}

type walker struct {
	f     *File
	m     Meta
	names []string // of buckets, as met
	seen  []uint64 // pages visited, a bit each
	only  string   // visit this bucket; empty: all
	fn    func(bucket string, key, val []byte) error
	pages [maxDepth + 1]page
	elems [maxDepth + 1][]elem
}

// tree walks the subtree of page id. The parent knows it by the key first, and
// what lies behind it begins with the key limit; nil: there is none.
//
// A key of a branch page that is damaged leads a search past what is whole, so
// the tree counts as whole only when each is the key its page begins with.
func (w *walker) tree(id uint64, bucket string, depth int, first, limit []byte) error {
	if depth > maxDepth {
		return damaged("tree too deep")
	}
	p := &w.pages[depth]
	if err := w.f.read(p, id, w.m.pgid, math.MaxUint64); err != nil {
		return err
	}
	if err := w.visit(id, len(p.b)/w.f.pageSize); err != nil {
		return err
	}
	es, err := p.elements(w.elems[depth])
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
	if p.leaf {
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

// visit notes n pages from id on: none is used twice.
func (w *walker) visit(id uint64, n int) error {
	for i := id; i < id+uint64(n); i++ {
		if w.seen[i/64]&(1<<(i%64)) != 0 {
			return damaged("page %d is used twice", i)
		}
		w.seen[i/64] |= 1 << (i % 64)
	}
	return nil
}

func (w *walker) leaf(es []elem, bucket string, depth int) error {
	for i := range es {
		e := &es[i]
		if e.flags&elemBucket == 0 {
			if bucket == "" {
				return damaged("value outside any bucket")
			}
			if err := w.fn(bucket, e.key, e.val); err != nil {
				return err
			}
			continue
		}
		if bucket != "" {
			return damaged("bucket in a bucket")
		}
		if err := w.bucket(e, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) bucket(e *elem, depth int) error {
	name := string(e.key)
	root, inline, ok := e.root()
	if !ok || name == "" {
		return damaged("head of a bucket")
	}
	w.names = append(w.names, name)
	if w.only != "" && w.only != name {
		return nil
	}
	if root != 0 {
		return w.tree(root, name, depth+1, nil, nil)
	}
	if !inline.leaf {
		return damaged("inline bucket")
	}
	es, err := inline.elements(nil)
	if err == nil {
		err = inOrder(es)
	}
	if err != nil {
		return err
	}
	return w.leaf(es, name, depth+1)
}
