package local

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/capacity"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// writer is the state of the writer's goroutine, which alone writes the tail.
type writer struct {
	q        *Queue
	run      chan func(w *writer) // what is to be done between two commits
	idsReady chan struct{}        // closed once the ids of before are known
	sync     func(*seg) error     // what confirms a commit; tests have it fail
	// committing is when the commit under way began, Unix ns; 0: none is.
	committing atomic.Int64

	tail    *seg      // nil before the first; changed under index.mu, which others hold who look at it
	tailIDs *ids.Tail // of its records

	reqs []*request
	last int // requests in the commit before

	batch   map[ids.Hash]uint64 // ids of this commit, and their fingerprints
	ids     []ids.Known
	builder *chunk.Builder
	data    []byte // encoded chunks
	packed  []segment.Chunk
}

// commit writes what is new in reqs to the tail, syncs once and answers all.
func (w *writer) commit(reqs []*request) {
	q := w.q
	w.search(reqs)
	if w.dedup(reqs, true) == 0 {
		w.answer(reqs, nil)
		return
	}
	if err := w.usable(); err != nil {
		w.answer(reqs, err)
		return
	}
	reqs, err := w.copy(reqs)
	if err != nil || len(w.packed) == 0 {
		w.answer(reqs, err)
		return
	}
	tail := w.tail
	size := int64(0)
	for _, c := range w.packed {
		size += int64(len(c.Data))
	}
	if err := w.admit(size); err != nil {
		w.answer(reqs, err)
		return
	}
	w.committing.Store(time.Now().UnixNano())
	used, err := tail.Put(w.packed, !q.o.NoSync)
	start := time.Now()
	doubt := err != nil && !disk.NoSpace(err)
	if err == nil && !q.o.NoSync {
		if err = w.sync(tail); err != nil {
			doubt = true
		}
	}
	took := time.Since(start)
	w.committing.Store(0)
	if err != nil {
		w.fail(tail, err, doubt)
		if doubt {
			w.answer(reqs, fmt.Errorf("%w: %w", ErrDoubt, err))
		} else {
			w.answer(reqs, &FullError{RetryAfter: 30 * time.Second, Reason: capacity.DiskFull})
		}
		_ = w.usable() // go on at once when the disk lets us; the keeper tries again otherwise
		return
	}
	w.publish(tail, took)
	w.answer(reqs, nil)
	q.nearFull()
	if used >= q.o.SegmentSize || tail.end.Load() >= maxTailIDs {
		if err := w.rotate(); err != nil {
			q.o.Logger.Error("cannot start a new segment", "code", logs.SegmentNotStarted, "err", err)
			q.setBroken(err)
		}
	}
}

// copy takes reqs from their callers, who may give up until then, and encodes
// what is new in them. It returns those it took. From here on the writer needs
// nothing more of the callers' memory.
func (w *writer) copy(reqs []*request) ([]*request, error) {
	w.q.in.building.Lock()
	defer w.q.in.building.Unlock()
	taken := reqs[:0]
	for _, r := range reqs {
		if r.state.CompareAndSwap(stateWaiting, stateTaken) {
			taken = append(taken, r)
		}
	}
	w.packed = w.packed[:0]
	if len(taken) < len(reqs) && w.dedup(taken, false) == 0 {
		return taken, nil
	}
	return taken, w.build(taken)
}

// usable gives the tail that takes the commit, a new one after a failure.
func (w *writer) usable() error {
	q := w.q
	if q.health.why() == nil && w.tail != nil {
		return nil
	}
	if full := q.space.why(); full == capacity.DiskFull { // the keeper says when there is room again
		return &FullError{RetryAfter: 30 * time.Second, Reason: full}
	}
	if err := w.rotate(); err != nil {
		q.setBroken(err)
		if disk.NoSpace(err) {
			q.setFull(capacity.DiskFull)
			return &FullError{RetryAfter: 30 * time.Second, Reason: capacity.DiskFull}
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// build encodes the new records of reqs as chunks.
func (w *writer) build(reqs []*request) error {
	w.data = w.data[:0]
	b := w.builder
	b.Start(w.tail.First() + Seq(w.tail.end.Load()))
	for _, r := range reqs {
		for i := range r.pending {
			p := &r.pending[i]
			if !p.fresh {
				continue
			}
			e := &r.entries[i]
			if b.Count() > 0 && b.Size()+recordSize(e) > chunkTarget {
				next, err := w.finishChunk()
				if err != nil {
					return err
				}
				b.Start(next)
			}
			setKey, lanes, flags := p.laneKey, p.lanes, e.Flags
			if p.conflict {
				lanes = queue.ConflictLanes(p.lanes)
				setKey, flags = chunk.SetKey(lanes), flags|queue.FlagIDConflict
			}
			b.Add(&chunk.Item{
				Hash: p.key(), Fingerprint: p.print, Lanes: lanes, SetKey: setKey,
				Received: p.received, Flags: flags, ID: e.ID, SeenBy: e.SeenBy, Recipe: e.Recipe, Store: e.Store, Body: e.Body,
			})
		}
	}
	if b.Count() == 0 {
		return nil
	}
	_, err := w.finishChunk()
	return err
}

// finishChunk encodes what has been gathered and says where the next chunk begins.
func (w *writer) finishChunk() (next Seq, err error) {
	at := len(w.data)
	data, h, err := w.builder.Finish(w.data)
	if err != nil {
		return 0, fmt.Errorf("pack chunk: %w", err)
	}
	w.data = data
	w.packed = append(w.packed, segment.Chunk{Header: h, Data: data[at:len(data):len(data)]})
	return h.End(), nil
}

// publish makes a confirmed commit visible.
func (w *writer) publish(tail *seg, took time.Duration) {
	q := w.q
	disk := tail.OnDisk()
	q.ids.Add(w.tailIDs, w.ids, q.ages.last())
	q.mu.Lock()
	for i := range w.packed {
		h := &w.packed[i].Header
		tail.sum.Add(h)
		for j := range h.Lanes {
			c := &h.Lanes[j]
			l := q.lane(c.Name)
			if l.pending == 0 {
				l.oldest = c.Min
			}
			l.pending += int64(c.Count)
			l.bytes += int64(c.Bytes)
			l.published.add(int64(c.Count), int64(c.Bytes))
			l.dropped = false
		}
	}
	tail.end.Store(tail.sum.Next)
	tail.disk = disk
	q.counters.committed(int64(len(w.ids)), took)
	q.health.confirmed()
	q.bump()
	q.mu.Unlock()
}

// fail handles a commit that did not come off. The tail is closed to writing,
// the range made void for good, and the next append starts a new one: pages of
// the commit may lie in the file, which must not be mixed with those of another
// for the same sequence numbers. In doubt, the commit as a whole may.
func (w *writer) fail(tail *seg, err error, doubt bool) {
	q := w.q
	records := int64(len(w.ids))
	last := w.packed[len(w.packed)-1].Header
	q.meta.AddVoid(meta.Void{First: w.packed[0].Header.First, End: last.End()})
	q.counters.count(func(st *Stats) {
		if st.Failures++; doubt {
			st.Voided += records
		}
	})
	if doubt {
		q.mu.Lock()
		tail.doubt = true
		q.mu.Unlock()
	}
	if doubt {
		q.o.Logger.Error("the disk did not confirm a commit; going on in a new segment", "code", logs.CommitFailed, "records", records, "err", err)
	} else {
		q.o.Logger.Warn("no room on the volume for a commit", "code", logs.VolumeFull, "err", err)
	}
	q.setBroken(err)
}

// setBroken says why the tail takes nothing.
func (q *Queue) setBroken(err error) {
	if disk.NoSpace(err) {
		q.setFull(capacity.DiskFull) // first: this is the answer to give
	}
	q.health.broke(err, q.now())
}

// answer tells each caller what became of its entries.
func (w *writer) answer(reqs []*request, err error) {
	dups := int64(0)
	for _, r := range reqs {
		res := result{}
		anew := false
		for i := range r.pending {
			p := &r.pending[i]
			switch {
			case p.fresh && p.conflict:
				res.Conflicts++
				anew = true
			case p.fresh:
				res.Stored++
				anew = true
			default:
				res.Duplicates++
				if p.changed {
					res.Changed++
				}
				if _, ok := w.batch[p.key()]; ok {
					anew = true // a copy of one in this commit
				}
			}
		}
		if err != nil && anew {
			res = result{err: err}
		}
		dups += int64(res.Duplicates)
		r.done <- res
	}
	w.q.counters.count(func(st *Stats) { st.Duplicates += dups })
}

// rotate seals the tail, if there is one, and starts the next. A range in doubt
// is on record before the new tail takes anything.
func (w *writer) rotate() error {
	q := w.q
	if err := q.meta.SaveVoids(); err != nil {
		return err
	}
	num := q.nextNum()
	if err := segment.Create(q.dir, q.segInfo(num), q.o.NoSync); err != nil {
		return err
	}
	s := newSeg(q.dir, num)
	s.tail = true
	close(s.ready)
	if err := s.OpenTail(q.o.SegmentSize); err != nil {
		return errors.Join(err, files.Remove(s.Path))
	}
	s.disk = s.OnDisk()
	tailIDs := q.ids.Begin(num)
	q.mu.Lock()
	old, oldIDs := w.tail, w.tailIDs
	w.tail, w.tailIDs = s, tailIDs
	q.segs = append(q.segs, s)
	q.lastNum = num
	q.health.renewed()
	if old != nil {
		old.tail, old.filing = false, true
		if old.doubt {
			old.ready = make(chan struct{})
		}
	}
	q.mu.Unlock()
	if old != nil {
		q.keep(task{seal: old, ids: oldIDs, repair: old.doubt})
	}
	return nil
}
