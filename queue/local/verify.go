package local

import (
	"encoding/json"
	"errors"

	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/chunk"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
)

// readSegInfo reads the header of a segment file.
func readSegInfo(path string) (segInfo, error) {
	var info segInfo
	err := boltdb.Read(path, func(p *boltscan.File) error {
		var last error
		for _, m := range p.Metas() {
			last = p.Walk(m, bucketInfo, func(k, v []byte) error {
				if string(k) == string(keySegment) {
					if err := json.Unmarshal(v, &info); err != nil {
						return files.Damaged("segment header: %v", err)
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
		err = files.Damaged("no segment header")
	}
	if err == nil {
		err = files.KnownFormat(info.Format, info.Sum)
	}
	return info, err
}

// lacksKey says that the first chunk of a segment is sealed with a key that is
// not given. A chunk's header has a checksum, that of its segment has none.
func (q *Queue) lacksKey(num uint64) bool {
	enough := errors.New("enough")
	var id uint32
	var data []byte
	err := boltdb.Read(segPath(q.dir, num), func(p *boltscan.File) error {
		return p.Walk(p.Metas()[0], bucketLog, func(_, v []byte) error {
			data = append(data, v...)
			if n, err := chunk.HeaderLen(data); err != nil || len(data) < n {
				return err
			}
			h, err := chunk.DecodeHeader(data)
			if err != nil {
				return err
			}
			id = h.KeyID
			return enough
		})
	})
	return errors.Is(err, enough) && q.ring.Keys().Opens(id) != nil
}

// readSummary gives the summary a sealed segment carries.
func readSummary(path string) (summary, error) {
	var sum summary
	found := false
	err := boltdb.Read(path, func(p *boltscan.File) error {
		return p.Walk(p.Metas()[0], bucketInfo, func(k, v []byte) (err error) {
			if string(k) == string(keySummary) {
				found = true
				sum, err = decodeSummary(v)
			}
			return err
		})
	})
	if err == nil && !found {
		err = files.Damaged("not sealed")
	}
	return sum, err
}

// verify reads all of a segment under one meta page and calls fn for each chunk.
func verify(p *boltscan.File, m boltscan.Meta, num uint64, fn func(h *chunk.Header, ids []byte) error) error {
	var data []byte
	var first Seq
	next := 0
	end := Seq(num) << 32
	flush := func() error {
		if next == 0 {
			return nil
		}
		h, err := chunk.DecodeHeader(data)
		if err != nil {
			return err
		}
		if h.First != first || h.First < end {
			return files.Damaged("chunk %x is out of place", uint64(first))
		}
		ids, _, err := h.Split(data)
		if err != nil {
			return err
		}
		end = h.End()
		return fn(&h, ids)
	}
	// All of it, though only the log counts: bbolt reads all when it opens a
	// file to write, and cannot be stopped from falling over what is damaged.
	err := p.WalkAll(m, [][]byte{bucketInfo, bucketLog}, func(bucket string, k, v []byte) error {
		if bucket != string(bucketLog) {
			return nil
		}
		seq, piece, ok := splitKey(k)
		if !ok || uint64(seq>>32) != num {
			return files.Damaged("strange key")
		}
		if piece == 0 {
			if err := flush(); err != nil {
				return err
			}
			first, next, data = seq, 0, data[:0]
		}
		if seq != first || piece != next {
			return files.Damaged("chunk %x: piece %d is missing", uint64(first), next)
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
	ids    []ids.Known
	all    []Seq // first sequence of each chunk in the tree
	torn   bool  // the newest meta page does not lead to everything
	voided bool  // a range in doubt lies in it
}

// examine verifies the segment; errDamaged: not even the older meta page will do.
func (q *Queue) examine(s *segment, wantIDs bool) (examined, error) {
	var best examined
	voids := q.meta.Voids()
	err := boltdb.Read(s.path, func(p *boltscan.File) error {
		p.ReadAhead()
		var first error
		for i, m := range p.Metas() {
			var x examined
			next := s.first()
			err := verify(p, m, s.num, func(h *chunk.Header, rows []byte) error {
				if h.First != next { // nothing leaves a segment before it is sealed
					return files.Damaged("chunks between %x and %x are missing", uint64(next), uint64(h.First))
				}
				next = h.End()
				x.all = append(x.all, h.First)
				if isVoid(voids, h) {
					x.voided = true
					return nil
				}
				x.sum.add(h)
				if wantIDs {
					x.ids = ids.Append(x.ids, rows)
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
				best.torn = i > 0 || len(p.Metas()) > 1 && !startsWith(x.all, p, p.Metas()[1])
				best.all = nil
				return nil
			case errors.Is(err, ErrNewerFormat), errors.Is(err, ErrOlderFormat):
				return err
			case first == nil:
				first = err
			}
		}
		return first
	})
	if boltdb.Unreadable(err) {
		err = files.Damaged("cannot be read: %v", err)
	}
	return best, err
}

// startsWith says whether all begins with the chunks under a meta page; yes when
// that is not whole.
func startsWith(all []Seq, p *boltscan.File, m boltscan.Meta) bool {
	missing := errors.New("missing")
	n := 0
	err := p.Walk(m, bucketLog, func(k, _ []byte) error {
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
