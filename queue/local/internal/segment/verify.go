package segment

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
)

// ReadInfo reads the header of a segment file.
func ReadInfo(path string) (Info, error) {
	var info Info
	err := boltdb.Read(path, func(p *boltscan.File) error {
		var last error
		for _, m := range p.Metas() {
			last = p.Walk(m, bucketInfo, func(k, v []byte) error {
				if string(k) == string(keySegment) {
					if err := json.Unmarshal(v, &info); err != nil {
						return format.Damaged("segment header: %v", err)
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
		err = format.Damaged("no segment header")
	}
	if err == nil {
		err = files.KnownFormat(info.Format, info.Sum)
	}
	return info, err
}

// FirstKey returns the id of the key that encrypts the first chunk of a segment. Unlike
// the segment's header, a chunk's header has a checksum.
func FirstKey(path string) (id uint32, ok bool) {
	enough := errors.New("enough")
	var data []byte
	err := boltdb.Read(path, func(p *boltscan.File) error {
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
	return id, errors.Is(err, enough)
}

// ReadSummary returns the summary stored in a sealed segment.
func ReadSummary(path string) (Summary, error) {
	var sum Summary
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
		err = format.Damaged("not sealed")
	}
	return sum, err
}

// Check reads all of a segment before bbolt opens it for the first time, and returns its
// gaps. want is the summary of a sealed segment, whose chunks must match it; nil if the
// segment is not sealed.
func (s *File) Check(want *Summary) (Gaps, error) {
	var sum Summary
	err := boltdb.Read(s.Path, func(p *boltscan.File) error {
		return verify(p, p.Metas()[0], s.Num, func(h *chunk.Header, _ []byte) error { sum.Add(h); return nil })
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("open segment: %w", ErrGone)
	case boltdb.Unreadable(err):
		return nil, format.Damaged("cannot be read: %v", err)
	case err != nil:
		return nil, fmt.Errorf("check segment: %w", err)
	case want != nil && !sum.same(want):
		return nil, format.Damaged("segment holds %d records in %d chunks, not %d in %d as its summary says", sum.Records, sum.Chunks, want.Records, want.Chunks)
	}
	s.Checked.Store(true)
	return sum.Gaps, nil
}

// verify reads all of a segment as of one meta page and calls fn for each chunk.
func verify(p *boltscan.File, m boltscan.Meta, num uint64, fn func(h *chunk.Header, ids []byte) error) error {
	var data []byte
	var first queue.Seq
	next := 0
	end := queue.Seq(num) << 32
	flush := func() error {
		if next == 0 {
			return nil
		}
		h, err := chunk.DecodeHeader(data)
		if err != nil {
			return err
		}
		if h.First != first || h.First < end {
			return format.Damaged("chunk %x is out of place", uint64(first))
		}
		ids, _, err := h.Split(data)
		if err != nil {
			return err
		}
		end = h.End()
		return fn(&h, ids)
	}
	// Read all of it, although only the log matters: bbolt reads everything when it
	// opens a file for writing, and crashes on damage in any bucket.
	err := p.WalkAll(m, [][]byte{bucketInfo, bucketLog}, func(bucket string, k, v []byte) error {
		if bucket != string(bucketLog) {
			return nil
		}
		seq, piece, ok := splitKey(k)
		if !ok || uint64(seq>>32) != num {
			return format.Damaged("foreign key in the log")
		}
		if piece == 0 {
			if err := flush(); err != nil {
				return err
			}
			first, next, data = seq, 0, data[:0]
		}
		if seq != first || piece != next {
			return format.Damaged("chunk %x: piece %d is missing", uint64(first), next)
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

// Examined is the result of Examine.
type Examined struct {
	Sum    Summary
	IDs    []ids.Known
	Torn   bool // some chunks are not reachable from the newest meta page
	Voided bool // the file contains void chunks, which Sum and IDs leave out

	all []queue.Seq // first sequence of each chunk in the tree
}

// Examine verifies a segment that was not sealed. It leaves out chunks for which void
// returns true. It returns seal.ErrDamaged if not even the older meta page is intact.
func (s *File) Examine(void func(h *chunk.Header) bool, wantIDs bool) (Examined, error) {
	var best Examined
	err := boltdb.Read(s.Path, func(p *boltscan.File) error {
		p.ReadAhead()
		var first error
		for i, m := range p.Metas() {
			var x Examined
			next := s.First()
			err := verify(p, m, s.Num, func(h *chunk.Header, rows []byte) error {
				if h.First != next { // chunks are removed from sealed segments only
					return format.Damaged("chunks between %x and %x are missing", uint64(next), uint64(h.First))
				}
				next = h.End()
				x.all = append(x.all, h.First)
				if void(h) {
					x.Voided = true
					return nil
				}
				x.Sum.Add(h)
				if wantIDs {
					x.IDs = ids.Append(x.IDs, rows)
				}
				return nil
			})
			switch {
			case err == nil:
				best = x
				// A page that was not written can be an older version of itself. The tree
				// is intact then but lacks chunks, and possibly not as many as the commit
				// added. The older meta page reveals it: an unsealed tree only grows, at its
				// end, so all chunks under the older page must be under the newer one too.
				best.Torn = i > 0 || len(p.Metas()) > 1 && !startsWith(x.all, p, p.Metas()[1])
				best.all = nil
				return nil
			case errors.Is(err, format.ErrNewer), errors.Is(err, files.ErrOlderFormat):
				return err
			case first == nil:
				first = err
			}
		}
		return first
	})
	if boltdb.Unreadable(err) {
		err = format.Damaged("cannot be read: %v", err)
	}
	return best, err
}

// startsWith reports whether all begins with the chunks under meta page m. It returns
// true if the tree of m is damaged.
func startsWith(all []queue.Seq, p *boltscan.File, m boltscan.Meta) bool {
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
