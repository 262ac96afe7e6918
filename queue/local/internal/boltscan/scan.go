package boltscan

// scanReads bounds the bytes that Scan reads, in sizes of the file. Each page states how
// many pages belong to it; if all of them lied, each would be read to the end of the file.
const scanReads = 16

// Scan calls fn for every element of every page that looks like a leaf, in no particular
// order, whether or not the tree still contains the page. off is the offset of the value
// in the file. Pages that cannot be read are skipped. Scan stops if fn returns an error,
// and returns it.
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

// scan calls fn for an element of the page at offset page, or for the elements in it if it
// is an inline bucket.
func (e *elem) scan(page int64, fn func(key, val []byte, off int64) error) error {
	if e.flags&elemBucket == 0 {
		return fn(e.key, e.val, page+int64(e.at))
	}
	id, inline, ok := e.root()
	if !ok || id != 0 {
		return nil
	}
	inline.leaf = true // an inline page is always a leaf
	es, err := inline.elements(nil)
	if err != nil {
		return nil
	}
	for _, in := range es {
		if in.flags&elemBucket == 0 { // relay nests no buckets
			if err := fn(in.key, in.val, page+int64(e.at+bucketHead+in.at)); err != nil {
				return err
			}
		}
	}
	return nil
}
