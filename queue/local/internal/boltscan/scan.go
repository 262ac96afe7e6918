package boltscan

// scanReads bounds what Scan reads: so many times the file. A page says itself how
// many follow that belong to it, and if all lied each would be read to the end.
const scanReads = 16

// Scan visits every element of every page that still looks like a leaf, in no
// order and whether or not a tree still reaches it. off is where in the file its
// value lies. A page that cannot be read costs what lies in it. It returns what
// fn returns.
func (f *File) Scan(fn func(key, val []byte, off int64) error) error {
	var p page
	var es []elem
	end := uint64(f.size / int64(f.pageSize))
	left := scanReads * end
	for id := uint64(2); id < end; id++ {
		err := f.read(&p, id, end, left)
		left -= min(left, uint64(len(p.b)/f.pageSize))
		if err != nil || !p.leaf {
			continue
		}
		if es, err = p.elements(es); err != nil {
			continue
		}
		at := int64(id) * int64(f.pageSize)
		for i := range es {
			if err := es[i].scan(at, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// scan visits an element of a page at the offset page, or what lies in it.
func (e *elem) scan(page int64, fn func(key, val []byte, off int64) error) error {
	if e.flags&elemBucket == 0 {
		return fn(e.key, e.val, page+int64(e.at))
	}
	id, inline, ok := e.root()
	if !ok || id != 0 {
		return nil
	}
	inline.leaf = true // nothing else lies in a bucket
	es, err := inline.elements(nil)
	if err != nil {
		return nil
	}
	for _, in := range es {
		if in.flags&elemBucket == 0 { // no bucket lies in one
			if err := fn(in.key, in.val, page+int64(e.at+bucketHead+in.at)); err != nil {
				return err
			}
		}
	}
	return nil
}
