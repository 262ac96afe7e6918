package boltscan

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const (
	elemSize   = 16
	elemBucket = 0x01
	bucketHead = 16 // root page and sequence
)

// page is a page whose header is that of a leaf or a branch.
type page struct {
	b     []byte // with its overflow pages
	leaf  bool
	count int
}

// read reads page id into p. end is the first page after the file. It reads fewer than
// most overflow pages.
func (f *File) read(p *page, id, end, most uint64) error {
	ps := uint64(f.pageSize)
	end = min(end, uint64(f.size)/ps)
	if id < 2 || id >= end {
		return damaged("page %d is outside the file", id)
	}
	p.b = slices.Grow(p.b[:0], f.pageSize)[:ps]
	if _, err := f.r.ReadAt(p.b, int64(id*ps)); err != nil {
		return err
	}
	le := binary.LittleEndian
	flags := le.Uint16(p.b[8:])
	over := uint64(le.Uint32(p.b[12:]))
	p.leaf, p.count = flags == pageLeaf, int(le.Uint16(p.b[10:]))
	if le.Uint64(p.b) != id || (flags != pageLeaf && flags != pageBranch) {
		return damaged("page %d has a wrong header", id)
	}
	if over == 0 {
		return nil
	}
	if over > maxOverflow || id+over >= end || over >= most {
		return damaged("page %d extends beyond the file", id)
	}
	n := int((over + 1) * ps)
	p.b = slices.Grow(p.b, n-len(p.b))[:n]
	_, err := f.r.ReadAt(p.b[ps:], int64((id+1)*ps))
	return err
}

// elem is one element of a page.
type elem struct {
	flags    uint32
	key, val []byte // val: leaf only
	at       int    // offset of val in its page
	child    uint64 // branch only
}

// elements parses the elements of a page. It reuses out.
func (p *page) elements(out []elem) ([]elem, error) {
	b := p.b
	if p.count*elemSize > len(b)-pageHead {
		return nil, damaged("page too small for %d elements", p.count)
	}
	le := binary.LittleEndian
	out = slices.Grow(out[:0], p.count)[:p.count]
	clear(out)
	for i := range out {
		at := pageHead + i*elemSize
		e := b[at:]
		var pos, k, v uint64
		if p.leaf {
			out[i].flags = le.Uint32(e)
			pos, k, v = uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
		} else {
			pos, k = uint64(le.Uint32(e)), uint64(le.Uint32(e[4:]))
			out[i].child = le.Uint64(e[8:])
		}
		lo := uint64(at) + pos
		if lo+k+v > uint64(len(b)) || lo < uint64(pageHead+p.count*elemSize) {
			return nil, damaged("element is outside its page")
		}
		out[i].key, out[i].val, out[i].at = b[lo:lo+k:lo+k], b[lo+k:lo+k+v:lo+k+v], int(lo+k)
	}
	return out, nil
}

// inOrder returns an error unless the keys of a page ascend and its elements are packed
// without gaps, as bbolt writes them. If the element count of a page is too small, the
// page lacks its last elements but looks intact otherwise.
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

// root returns the root page of a bucket, or, if id is 0, its inline page.
func (e *elem) root() (id uint64, inline page, ok bool) {
	if len(e.val) < bucketHead {
		return 0, page{}, false
	}
	if id = binary.LittleEndian.Uint64(e.val); id != 0 {
		return id, page{}, true
	}
	in := e.val[bucketHead:]
	if len(in) < pageHead {
		return 0, page{}, false
	}
	le := binary.LittleEndian
	return 0, page{b: in, leaf: le.Uint16(in[8:]) == pageLeaf, count: int(le.Uint16(in[10:]))}, true
}
