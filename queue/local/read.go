package local

import (
	"errors"
	"fmt"
	"slices"

	"relay/queue/internal/chunk"
	"relay/queue/local/internal/segment"
	"relay/queue/local/internal/settled"
)

// Read returns up to maxRecords records of a lane that are not settled, in order, starting
// at from (0: at the lane's first), as long as their bodies fit into maxBytes. The first
// record is returned whatever its size. Zero limits mean 1,000 records and 4 MiB. The
// records are copies; nothing stays open or locked.
//
// If the disk hangs Read returns ErrStalled after Options.IOTimeout. It skips damaged
// chunks and counts them in Stats.
func (q *Queue) Read(lane string, from Seq, maxRecords int, maxBytes int64) (Batch, error) {
	if maxRecords <= 0 {
		maxRecords = 1000
	}
	if maxBytes <= 0 {
		maxBytes = 4 << 20
	}
	rd := laneReader{q: q, lane: lane, next: from, maxRecords: maxRecords, maxBytes: maxBytes}
	if err := q.calls.Do("read "+lane, rd.read); err != nil {
		return Batch{}, fmt.Errorf("read lane: %w", err) // if the disk hangs, rd is still being written: do not read it
	}
	return rd.batch, nil
}

// laneReader collects a batch.
type laneReader struct {
	q          *Queue
	lane       string
	set        settled.Set // what the lane had settled when the read began
	next       Seq
	maxRecords int
	maxBytes   int64
	batch      Batch
	bytes      int64
}

// read reads from next on until the batch is complete.
func (rd *laneReader) read() error {
	q := rd.q
	q.mu.Lock()
	l := q.findLane(rd.lane)
	if l == nil {
		rd.batch.Next = q.endSeq()
		q.mu.Unlock()
		return nil
	}
	gen, changes := l.gen, q.changes
	rd.set = l.set
	rd.next = max(rd.next, rd.set.Cursor())
	from := rd.next
	q.mu.Unlock()

	for {
		s, err := q.segmentAt(rd.next)
		if err != nil {
			return err
		}
		if s == nil {
			break
		}
		installed := s.installed.Load()
		done, err := rd.segment(s)
		if errors.Is(err, segment.ErrGone) {
			continue // unlinked meanwhile: find the next one
		}
		if errors.Is(err, errDamaged) {
			if err := q.repair(s, installed, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	b := &rd.batch
	b.From, b.Next = from, rd.next
	found := readResult{from, b.Next, make([]sizedSeq, len(b.Records))}
	for i := range b.Records {
		found.records[i] = sizedSeq{b.Records[i].Seq, int64(len(b.Records[i].Body))}
	}
	q.mu.Lock()
	if q.changes == changes {
		l.recent = [2]readResult{found, l.recent[0]}
	}
	if from == rd.set.Cursor() && l.gen == gen && len(b.Records) > 0 {
		l.oldest = b.Records[0].Received.UnixMilli()
	}
	q.mu.Unlock()
	return nil
}

// segmentAt waits until the segment that contains or follows seq is readable, and returns it.
// It returns nil if there is none.
func (q *Queue) segmentAt(seq Seq) (*seg, error) {
	for {
		q.mu.Lock()
		i, _ := slices.BinarySearchFunc(q.segs, uint64(seq>>32), func(s *seg, n uint64) int {
			return int(int64(s.Num) - int64(n))
		})
		for ; i < len(q.segs) && (q.segs[i].gone || (isClosed(q.segs[i].ready) && q.segs[i].First()+Seq(q.segs[i].end.Load()) <= seq)); i++ {
		}
		if i == len(q.segs) {
			q.mu.Unlock()
			return nil, nil
		}
		s := q.segs[i]
		ready := s.ready
		failed := s.failed
		q.mu.Unlock()
		if failed != nil {
			return nil, failed
		}
		if isClosed(ready) {
			return s, nil
		}
		select {
		case <-ready:
		case <-q.stop:
			return nil, ErrClosed
		}
	}
}

// segment reads the lane's records in s. done is whether the batch is complete.
func (rd *laneReader) segment(s *seg) (done bool, err error) {
	q := rd.q
	q.mu.Lock()
	end := s.First() + Seq(s.end.Load())
	c := s.sum.Lane(rd.lane)
	nothing := c == nil || s.First()+Seq(c.Last) < rd.next
	q.mu.Unlock()
	if nothing {
		rd.next = max(rd.next, end) // not beyond end: the tail is still growing
		return false, nil
	}
	rd.next = rd.set.Next(max(rd.next, s.First()))
	err = q.chunks(s, uint32(rd.next), func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
		l := h.Lane(rd.lane)
		if l == nil || s.First()+Seq(l.Last) < rd.next || rd.set.All(max(rd.next, h.First), h.End()) {
			rd.next = h.End()
			return true, nil
		}
		recs, err := q.decoded(h, body)
		if err != nil {
			return false, err
		}
		if err := rd.take(h, recs); err != nil {
			return false, err
		}
		done = rd.batch.More
		return !done, nil
	})
	if err == nil && !done {
		rd.next = max(rd.next, end)
	}
	return done, err
}

// take copies the lane's records from the records of a chunk.
func (rd *laneReader) take(h *chunk.Header, recs []Record) error {
	size := 0
	n := 0
	stop := h.End()
	for i := range recs {
		r := &recs[i]
		if !rd.wants(r) {
			continue
		}
		have := len(rd.batch.Records) + n
		if have >= rd.maxRecords || (have > 0 && rd.bytes+int64(size+len(r.Body)) > rd.maxBytes) {
			stop = r.Seq
			rd.batch.More = true
			break
		}
		n++
		size += len(r.Body)
	}
	arena := make([]byte, 0, size)
	for i := range recs {
		r := &recs[i]
		if r.Seq >= stop || !rd.wants(r) {
			continue
		}
		c := *r
		c.Settled = r.Flags.Slots() | rd.set.Slots(r.Seq)
		at := len(arena)
		arena = append(arena, r.Body...)
		c.Body = arena[at:len(arena):len(arena)]
		c.Lanes, c.SeenBy = slices.Clone(r.Lanes), slices.Clone(r.SeenBy)
		rd.batch.Records = append(rd.batch.Records, c)
	}
	rd.bytes += int64(size)
	rd.next = stop
	return nil
}

// wants reports whether the lane reads record r.
func (rd *laneReader) wants(r *Record) bool {
	return r.Seq >= rd.next && !rd.set.Has(r.Seq) && slices.Contains(r.Lanes, rd.lane)
}

// decoded returns the records of a chunk, from the cache if possible, so that lanes reading
// at the same pace decode it once. The records are shared: read only.
func (q *Queue) decoded(h *chunk.Header, body func() ([]byte, []byte, error)) ([]Record, error) {
	if recs := q.cache.Get(h.First, h.Sum()); recs != nil {
		return recs, nil
	}
	_, pay, err := body()
	if err != nil {
		return nil, err
	}
	recs, err := q.zstd.Decode(q.ring, h, pay)
	if err != nil {
		return nil, err
	}
	q.cache.Put(h.First, h.Sum(), recs, int64(h.RawLen()))
	return recs, nil
}
