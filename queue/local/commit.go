package local

import (
	"fmt"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/capacity"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// commit writes the new entries of reqs to the tail, syncs once and answers all requests.
func (w *writer) commit(reqs []*request) {
	q := w.q
	w.lookUpIDs(reqs)
	if w.markFresh(reqs, true) == 0 {
		w.answer(reqs, nil)
		return
	}
	if err := w.ensureTail(); err != nil {
		w.answer(reqs, err)
		return
	}
	reqs, err := w.takeAndEncode(reqs)
	if err != nil || len(w.packed) == 0 {
		w.answer(reqs, err)
		return
	}
	tail := w.tail
	size := int64(0)
	for _, c := range w.packed {
		size += int64(len(c.Data))
	}
	if err := w.makeSpace(size); err != nil {
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
		w.abandonCommit(tail, err, doubt)
		if doubt {
			w.answer(reqs, fmt.Errorf("%w: %w", ErrDoubt, err))
		} else {
			w.answer(reqs, &FullError{RetryAfter: 30 * time.Second, Reason: capacity.DiskFull})
		}
		_ = w.ensureTail() // start a new tail at once if the disk allows it; otherwise the background goroutine tries again
		return
	}
	w.publish(tail, took)
	w.answer(reqs, nil)
	q.checkHighMark()
	if used >= q.o.SegmentSize || tail.end.Load() >= maxTailIDs {
		if err := w.rotate(); err != nil {
			q.o.Logger.Error("cannot start a new segment", "code", logs.SegmentNotStarted, "err", err)
			q.markBroken(err)
		}
	}
}

// takeAndEncode takes the requests, whose callers can give up until then, and encodes their
// new entries. It returns the requests taken. Afterwards the writer no longer uses the
// callers' memory.
func (w *writer) takeAndEncode(reqs []*request) ([]*request, error) {
	w.q.in.building.Lock()
	defer w.q.in.building.Unlock()
	taken := reqs[:0]
	for _, r := range reqs {
		if r.state.CompareAndSwap(stateWaiting, stateTaken) {
			taken = append(taken, r)
		}
	}
	w.packed = w.packed[:0]
	if len(taken) < len(reqs) && w.markFresh(taken, false) == 0 {
		return taken, nil
	}
	return taken, w.build(taken)
}

// build encodes the new entries of reqs as chunks.
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
				Hash: p.key(), Fingerprint: p.fingerprint, Lanes: lanes, SetKey: setKey,
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

// finishChunk encodes the entries of the current chunk and returns where the next one begins.
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
	q.notifyReaders()
	q.mu.Unlock()
}

// abandonCommit handles a failed commit. The tail is closed for writing, the commit's range
// becomes void for good, and the next append starts a new tail: pages of the commit can be in
// the file and must not mix with those of another commit under the same numbers. In doubt,
// the whole commit can be in the file.
func (w *writer) abandonCommit(tail *seg, err error, doubt bool) {
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
		q.o.Logger.Error("the disk did not confirm a commit; continuing in a new segment", "code", logs.CommitFailed, "records", records, "err", err)
	} else {
		q.o.Logger.Warn("the volume is too full for a commit", "code", logs.VolumeFull, "err", err)
	}
	q.markBroken(err)
}

// markBroken records why the tail takes no commits.
func (q *Queue) markBroken(err error) {
	if disk.NoSpace(err) {
		q.setFull(capacity.DiskFull) // first, since callers should get this error
	}
	q.health.setBroken(err, q.o.Now())
}

// answer sends each caller the result of its append.
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
					anew = true // a duplicate of an entry in this commit
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
