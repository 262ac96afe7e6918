package local

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/queue/internal/chunk"
	"relay/queue/local/internal/segment"
	"relay/queue/local/internal/settled"
)

// Read returns up to maxRecords records of a lane that are not settled, in order,
// starting at from (0: with the first of them), as long as their bodies stay within maxBytes; the
// first is returned whatever its size. Zero bounds mean 1,000 and 4 MiB. What
// it returns are copies: nothing stays open or pinned.
//
// A Read that finds the disk hanging ends with ErrStalled after
// Options.IOTimeout. Damaged chunks are passed over, and counted in Stats.
func (q *Queue) Read(lane string, from Seq, maxRecords int, maxBytes int64) (Batch, error) {
	if maxRecords <= 0 {
		maxRecords = 1000
	}
	if maxBytes <= 0 {
		maxBytes = 4 << 20
	}
	var out Batch
	err := q.bounded("read "+lane, func() (err error) {
		var b Batch
		b, err = q.read(lane, from, maxRecords, maxBytes)
		if err == nil {
			out = b
		}
		return err
	})
	if err != nil {
		return Batch{}, fmt.Errorf("read lane: %w", err)
	}
	return out, nil
}

// bounded runs fn, which waits for the disk, for at most IOTimeout. One that
// hangs keeps its goroutine; further calls of that name wait for it, they start none.
func (q *Queue) bounded(name string, fn func() error) error {
	type call struct {
		done chan struct{}
		err  error
	}
	t := time.NewTimer(q.o.IOTimeout)
	defer t.Stop()
	for {
		q.callsMu.Lock()
		if q.callsClosed {
			q.callsMu.Unlock()
			return ErrClosed
		}
		running, busy := q.calls[name]
		if !busy {
			c := &call{done: make(chan struct{})}
			q.calls[name] = c.done
			q.wg.Add(1)
			q.callsMu.Unlock()
			go func() { // ends with the disk's answer; Close waits for it
				defer q.wg.Done()
				c.err = fn()
				q.callsMu.Lock()
				delete(q.calls, name)
				q.callsMu.Unlock()
				close(c.done)
			}()
			select {
			case <-c.done:
				return c.err
			case <-t.C:
				return ErrStalled
			}
		}
		q.callsMu.Unlock()
		select {
		case <-running:
		case <-t.C:
			return ErrStalled
		}
	}
}

func (q *Queue) read(name string, from Seq, maxRecords int, maxBytes int64) (Batch, error) {
	q.mu.Lock()
	l := q.known(name)
	if l == nil {
		next := q.endSeq()
		q.mu.Unlock()
		return Batch{Next: next}, nil
	}
	set, gen, changes := l.set, l.gen, q.counting.changes
	from = max(from, set.Cursor())
	q.mu.Unlock()

	rd := laneReader{q: q, lane: name, set: set, next: from, maxRecords: maxRecords, maxBytes: maxBytes}
	for {
		s, err := q.segmentAt(rd.next)
		if err != nil {
			return Batch{}, err
		}
		if s == nil {
			break
		}
		installed := s.installed.Load()
		done, err := rd.segment(s)
		if errors.Is(err, segment.ErrGone) {
			continue // unlinked meanwhile: look again
		}
		if errors.Is(err, errDamaged) {
			if err := q.repair(s, installed, err); err != nil {
				return Batch{}, err
			}
			continue
		}
		if err != nil {
			return Batch{}, err
		}
		if done {
			break
		}
	}
	b := rd.batch
	b.From, b.Next = from, rd.next
	found := seen{from, b.Next, make([]sized, len(b.Records))}
	for i := range b.Records {
		found.records[i] = sized{b.Records[i].Seq, int64(len(b.Records[i].Body))}
	}
	q.mu.Lock()
	if q.counting.changes == changes {
		l.seen = [2]seen{found, l.seen[0]}
	}
	if from == set.Cursor() && l.gen == gen && len(b.Records) > 0 {
		l.oldest = b.Records[0].Received.UnixMilli()
	}
	q.mu.Unlock()
	return b, nil
}

// segmentAt gives the segment that holds or follows seq, once it may be read;
// nil when there is nothing more.
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

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// laneReader gathers a batch.
type laneReader struct {
	q          *Queue
	lane       string
	set        settled.Set // what the lane had settled when it began
	next       Seq
	maxRecords int
	maxBytes   int64
	batch      Batch
	bytes      int64
}

// segment reads on in s, and says whether the batch is complete.
func (rd *laneReader) segment(s *seg) (done bool, err error) {
	q := rd.q
	q.mu.Lock()
	end := s.First() + Seq(s.end.Load())
	c := s.sum.Lane(rd.lane)
	nothing := c == nil || s.First()+Seq(c.Last) < rd.next
	q.mu.Unlock()
	if nothing {
		rd.next = max(rd.next, end) // never behind it: the tail goes on growing
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

// take copies what is for the lane out of a chunk's records.
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
		c.Lanes, c.Had = slices.Clone(r.Lanes), slices.Clone(r.Had)
		rd.batch.Records = append(rd.batch.Records, c)
	}
	rd.bytes += int64(size)
	rd.next = stop
	return nil
}

// wants says whether a record is one that the lane waits for.
func (rd *laneReader) wants(r *Record) bool {
	return r.Seq >= rd.next && !rd.set.Has(r.Seq) && slices.Contains(r.Lanes, rd.lane)
}

// decoded gives the records of a chunk, decoding it once for all lanes that
// pass it in step. They are shared: read only.
func (q *Queue) decoded(h *chunk.Header, body func() ([]byte, []byte, error)) ([]Record, error) {
	if recs := q.cache.get(h.First, h.Sum()); recs != nil {
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
	q.cache.put(h.First, h.Sum(), recs, int64(h.RawLen()))
	return recs, nil
}

// chunkCache holds the chunks decoded last, up to a few MiB.
type chunkCache struct {
	mu    sync.Mutex
	items []cachedChunk // the one used last is last
	bytes int64
}

type cachedChunk struct {
	first Seq
	crc   uint32
	recs  []Record
	bytes int64
}

const cacheBytes = 4 << 20

func (c *chunkCache) get(first Seq, sum uint32) []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, it := range slices.Backward(c.items) {
		if it.first == first && it.crc == sum {
			c.items = append(append(c.items[:i], c.items[i+1:]...), it)
			return it.recs
		}
	}
	return nil
}

func (c *chunkCache) put(first Seq, sum uint32, recs []Record, bytes int64) {
	bytes += int64(len(recs)) * 160 // what a Record costs beside its body
	if bytes > cacheBytes/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = append(c.items, cachedChunk{first, sum, recs, bytes})
	c.bytes += bytes
	n := 0
	for c.bytes > cacheBytes || len(c.items)-n > 64 {
		c.bytes -= c.items[n].bytes
		n++
	}
	c.items = slices.Delete(c.items, 0, n)
}

// forget drops everything: what was rewritten must not be read from memory.
func (c *chunkCache) forget() {
	c.mu.Lock()
	c.items, c.bytes = nil, 0
	c.mu.Unlock()
}
