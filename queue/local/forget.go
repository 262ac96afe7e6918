package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/directory"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/segment"
)

// Forget removes every record and dead letter that f matches. It rewrites the files that
// contain one, and searches them afterwards, including unused pages, to verify that it is
// gone. It removes files quarantined as .bad, since they can contain anything. With f.Dry it
// only counts, with the same search. Records being moved or redriven are waited for.
func (q *Queue) Forget(f queue.Forget) (n queue.Forgotten, err error) {
	if q.readOnly {
		return n, ErrReadOnly
	}
	q.moving.Lock() // a record being moved can be missed in both places
	defer q.moving.Unlock()
	// Records can be removed from sealed segments only.
	if err := q.onTail(func(w *writer) error {
		if w.tail == nil || w.tail.end.Load() == 0 {
			return nil
		}
		return w.rotate()
	}); err != nil {
		return n, fmt.Errorf("forget: %w", err)
	}
	q.mu.Lock()
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	for _, s := range segs {
		one, err := q.forgetIn(s, f)
		n.Add(one)
		if err != nil {
			q.recount()
			return n, fmt.Errorf("forget: %w", err)
		}
	}
	if !f.Dry {
		q.recount()
	}
	letters, err := q.dead.opened()
	if err == nil {
		n.Letters, err = letters.Forget(func(d DeadLetter) bool { return f.Letter(&d) }, f.Dry)
	}
	if !f.Dry {
		q.counters.dropped(queue.DropForgotten, int64(n.Found()))
	}
	if err == nil {
		n.Quarantined, err = q.removeQuarantined(f.Dry)
	}
	if err != nil {
		return n, fmt.Errorf("forget: %w", err)
	}
	return n, nil
}

func (q *Queue) forgetIn(s *seg, f queue.Forget) (n queue.Forgotten, err error) {
	for {
		q.mu.Lock()
		ready, tail, gone := s.ready, s.tail, s.gone
		q.mu.Unlock()
		if gone || tail {
			return n, q.ensureUnlinked(s)
		}
		select {
		case <-ready:
		case <-q.stop:
			return n, ErrClosed
		}
		installed := s.installed.Load()
		n, err = q.countMatches(s, f)
		lingers := false
		if err == nil && n.Found() == 0 {
			lingers, err = q.matchInUnusedPages(s, f)
		}
		switch {
		case errors.Is(err, segment.ErrGone):
			return queue.Forgotten{}, q.ensureUnlinked(s)
		case errors.Is(err, errDamaged):
			if err := q.repair(s, installed, err); err != nil {
				return queue.Forgotten{}, err
			}
			continue
		case err != nil:
			return queue.Forgotten{}, err
		case f.Dry || n.Found() == 0 && !lingers:
			return n, nil
		}
		_, done, err := q.rewriteAs(s, func(r *Record) bool { return !f.Record(r) }, true)
		if err != nil || !done {
			q.mu.Lock()
			gone, busy := s.gone, !isClosed(s.ready)
			q.mu.Unlock()
			switch {
			case gone: // all lanes have settled it meanwhile
				return n, q.ensureUnlinked(s)
			case err == nil && busy: // it is being repaired: try again
				continue
			}
			return queue.Forgotten{}, errors.Join(err, fmt.Errorf("segment %016x cannot be rewritten now: %w", s.Num, ErrUnavailable))
		}
		left, err := q.countMatches(s, f)
		if errors.Is(err, segment.ErrGone) {
			return n, q.ensureUnlinked(s)
		}
		lingers = false // from here on: in the new file
		if err == nil && left.Found() == 0 {
			lingers, err = q.matchInUnusedPages(s, f)
		}
		if left.Found() > 0 || lingers || err != nil {
			return n, errors.Join(err, fmt.Errorf("segment %016x still contains a match", s.Num))
		}
		return n, nil
	}
}

// ensureUnlinked waits until the file of a segment that is gone was removed.
func (q *Queue) ensureUnlinked(s *seg) error {
	q.noting.Lock() // held while segments are removed
	defer q.noting.Unlock()
	q.mu.Lock()
	gone := s.gone
	q.mu.Unlock()
	if !gone { // the empty tail
		return nil
	}
	return files.Remove(s.Path)
}

// countMatches counts the records of s that f matches.
func (q *Queue) countMatches(s *seg, f queue.Forget) (n queue.Forgotten, err error) {
	err = q.chunks(s, 0, func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
		_, pay, err := body()
		if err != nil {
			return false, err
		}
		recs, err := q.zstd.Decode(q.ring, h, pay)
		if err != nil {
			return false, err
		}
		for i := range recs {
			if !f.Record(&recs[i]) {
				continue
			}
			q.mu.Lock()
			n.Count(recs[i].Lanes, func(lane string) bool { l := q.lanes[lane]; return l == nil || !l.set.Has(recs[i].Seq) })
			q.mu.Unlock()
		}
		return true, nil
	})
	return n, err
}

// matchInUnusedPages reports whether an unused page of s contains a record that f matches:
// from a failed or void commit.
func (q *Queue) matchInUnusedPages(s *seg, f queue.Forget) (found bool, err error) {
	q.repairing.Lock() // so that the file is not replaced
	defer q.repairing.Unlock()
	q.mu.Lock()
	gone := s.gone
	q.mu.Unlock()
	if gone {
		return false, nil
	}
	err = segment.Find(s.Path, s.Num, func(p *segment.Found) error {
		return p.Each(func(h *chunk.Header, data, _ []byte) error {
			_, pay, err := h.Split(data)
			if err != nil || found {
				return nil //nolint:nilerr // an incomplete chunk is unused and unreadable
			}
			recs, err := q.zstd.Decode(q.ring, h, pay)
			if err != nil {
				return nil //nolint:nilerr // as above
			}
			for i := range recs {
				found = found || f.Record(&recs[i])
			}
			return nil
		})
	})
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return found, err
}

// removeQuarantined removes quarantined files, and returns how many there were.
func (q *Queue) removeQuarantined(dry bool) (n int, err error) {
	es, err := os.ReadDir(q.dir)
	if err != nil {
		return 0, fmt.Errorf("list quarantined files: %w", err)
	}
	for _, e := range es {
		if !directory.Quarantined(e.Name()) {
			continue
		}
		if !dry {
			if err := files.Remove(filepath.Join(q.dir, e.Name())); err != nil {
				return n, err
			}
		}
		n++
	}
	if !dry {
		q.measureOtherFiles()
	}
	return n, nil
}
