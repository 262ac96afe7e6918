package local

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// readSegInfo reads the header of a segment file.
func readSegInfo(path string) (segInfo, error) {
	var info segInfo
	err := withPages(path, func(p *pageFile) error {
		var last error
		for _, m := range p.metas {
			last = p.walkBucket(m, string(bucketInfo), func(_ string, k, v []byte) error {
				if string(k) == string(keySegment) {
					if err := json.Unmarshal(v, &info); err != nil {
						return damaged("segment header: %v", err)
					}
				}
				return nil
			})
			if last == nil {
				break
			}
		}
		return last
	})
	if err == nil && info.Format == 0 {
		err = damaged("no segment header")
	}
	if err == nil {
		err = knownFormat(info.Format, info.Sum)
	}
	return info, err
}

// readSummary gives the summary a sealed segment carries.
func readSummary(path string) (summary, error) {
	var sum summary
	found := false
	err := withPages(path, func(p *pageFile) error {
		return p.walkBucket(p.metas[0], string(bucketInfo), func(_ string, k, v []byte) (err error) {
			if string(k) == string(keySummary) {
				found = true
				sum, err = decodeSummary(v)
			}
			return err
		})
	})
	if err == nil && !found {
		err = damaged("not sealed")
	}
	return sum, err
}

// verify reads all of a segment under one meta page and calls fn for each chunk.
func verify(p *pageFile, m boltMeta, num uint64, fn func(h *chunkHeader, data []byte) error) error {
	var data []byte
	var first Seq
	next := 0
	end := Seq(num) << 32
	flush := func() error {
		if next == 0 {
			return nil
		}
		h, err := decodeHeader(data)
		if err != nil {
			return err
		}
		if h.first != first || h.first < end {
			return damaged("chunk %x is out of place", uint64(first))
		}
		if _, _, err := splitBody(&h, data); err != nil {
			return err
		}
		end = h.end()
		return fn(&h, data)
	}
	// All of it, though only the log counts: bbolt reads all when it opens a
	// file to write, and cannot be stopped from falling over what is damaged.
	err := p.walkExactly(m, [][]byte{bucketInfo, bucketLog}, func(bucket string, k, v []byte) error {
		if bucket != string(bucketLog) {
			return nil
		}
		seq, piece, ok := splitKey(k)
		if !ok || uint64(seq>>32) != num {
			return damaged("strange key")
		}
		if piece == 0 {
			if err := flush(); err != nil {
				return err
			}
			first, next, data = seq, 0, data[:0]
		}
		if seq != first || piece != next {
			return damaged("chunk %x: piece %d is missing", uint64(first), next)
		}
		data = append(data, v...)
		next++
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// examined is what was found in a segment file.
type examined struct {
	sum    summary
	ids    []knownID
	all    []Seq // first sequence of each chunk in the tree
	torn   bool  // the newest meta page does not lead to everything
	voided bool  // a range in doubt lies in it
}

// examine verifies the segment; errDamaged: not even the older meta page will do.
func (q *Queue) examine(s *segment, wantIDs bool) (examined, error) {
	var best examined
	q.mu.Lock()
	voids := slices.Clone(q.voids)
	q.mu.Unlock()
	err := withPages(s.path, func(p *pageFile) error {
		p.f = &readAhead{f: p.f}
		var first error
		for i, m := range p.metas {
			var x examined
			err := verify(p, m, s.num, func(h *chunkHeader, data []byte) error {
				x.all = append(x.all, h.first)
				if isVoid(voids, h) {
					x.voided = true
					return nil
				}
				x.sum.add(h)
				if wantIDs {
					x.ids = appendIDs(x.ids, data[h.size:h.size+h.idsLen])
				}
				return nil
			})
			switch {
			case err == nil:
				best = x
				// A page that did not reach the disk may be an older version of
				// itself, with which the tree is whole and lacks chunks, if
				// not as many as the commit brought. The older meta page knows
				// better: chunks only come to a tree, at its end; none leaves it.
				best.torn = i > 0 || len(p.metas) > 1 && !startsWith(x.all, p, p.metas[1])
				best.all = nil
				return nil
			case errors.Is(err, ErrNewerFormat):
				return err
			case first == nil:
				first = err
			}
		}
		return first
	})
	if unreadable(err) {
		err = damaged("cannot be read: %v", err)
	}
	return best, err
}

// startsWith says whether all begins with the chunks under a meta page; yes when
// that is not whole.
func startsWith(all []Seq, p *pageFile, m boltMeta) bool {
	missing := errors.New("missing")
	n := 0
	err := p.walkBucket(m, string(bucketLog), func(_ string, k, _ []byte) error {
		if seq, piece, ok := splitKey(k); ok && piece == 0 {
			if n == len(all) || all[n] != seq {
				return missing
			}
			n++
		}
		return nil
	})
	return !errors.Is(err, missing)
}

// readAgain is withPages that tries again for a second when the disk does not
// give the file's bytes, as one does that has just come back.
func readAgain(path string, fn func(p *pageFile) error) error {
	for n := 0; ; n++ {
		err := withPages(path, fn)
		if err == nil || !unreadable(err) || errors.Is(err, io.EOF) || n == 5 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// unreadable says that the disk does not give a file's bytes.
func unreadable(err error) bool {
	var pe *os.PathError
	return errors.Is(err, io.EOF) || errors.As(err, &pe) && pe.Op == "read"
}
