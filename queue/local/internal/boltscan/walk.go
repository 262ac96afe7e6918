package boltscan

import (
	"bytes"
	"math"
	"slices"
)

const maxDepth = 32 // maximum depth of a tree

// Walk calls fn for every key and value of one bucket under m, in order. It stops at the
// first damage, or when fn returns an error, and returns that error.
func (f *File) Walk(m Meta, bucket []byte, fn func(key, val []byte) error) error {
	_, err := f.walk(m, string(bucket), func(_ string, k, v []byte) error { return fn(k, v) })
	return err
}

// WalkAll is Walk for the whole file, which must contain exactly these buckets.
func (f *File) WalkAll(m Meta, buckets [][]byte, fn func(bucket string, key, val []byte) error) error {
	names, err := f.walk(m, "", fn)
	if err != nil {
		return err
	}
	if len(names) != len(buckets) {
		return damaged("file has %d buckets, not %d", len(names), len(buckets))
	}
	for _, n := range buckets {
		if !slices.Contains(names, string(n)) {
			return damaged("bucket %s is missing", n)
		}
	}
	return nil
}

// walk walks bucket only, or all buckets if only is empty, and returns the names of all
// buckets of the file.
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
	names []string // of the buckets found so far
	seen  []uint64 // bitmap of the pages visited
	only  string   // visit this bucket; empty: all
	fn    func(bucket string, key, val []byte) error
	pages [maxDepth + 1]page
	elems [maxDepth + 1][]elem
}

// tree walks the subtree of page id. first is its key in the parent page; limit is the
// first key after the subtree, or nil if there is none.
//
// A damaged key in a branch page makes searches miss intact data. So each key of a branch
// page must equal the first key of its child.
func (w *walker) tree(id uint64, bucket string, depth int, first, limit []byte) error {
	if depth > maxDepth {
		return damaged("tree is too deep")
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
		return damaged("first key of page %d differs from its parent's", id)
	}
	if limit != nil && bytes.Compare(es[len(es)-1].key, limit) >= 0 {
		return damaged("last key of page %d is beyond its parent's limit", id)
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

// visit marks n pages from id on as visited. No page can belong to the tree twice.
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
		return damaged("bucket has no valid header")
	}
	w.names = append(w.names, name)
	if w.only != "" && w.only != name {
		return nil
	}
	if root != 0 {
		return w.tree(root, name, depth+1, nil, nil)
	}
	if !inline.leaf {
		return damaged("inline page of a bucket is not a leaf")
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
