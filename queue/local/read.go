package local

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/queue/local/internal/chunk"
)

// Read returns up to maxRecords records of a lane, in order, starting at from
// (0: at the lane's cursor), as long as their bodies stay within maxBytes; the
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
	if from == 0 || from < l.cursor {
		from = l.cursor
	}
	cursor := l.cursor
	q.mu.Unlock()

	rd := laneReader{q: q, lane: name, next: from, maxRecords: maxRecords, maxBytes: maxBytes}
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
		if errors.Is(err, errGone) {
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
	b.Next = rd.next
	q.mu.Lock()
	if from == cursor && l.cursor == cursor {
		l.span = span{cursor, b.Next, int64(len(b.Records)), rd.bytes}
		if len(b.Records) > 0 {
			l.oldest = b.Records[0].Received.UnixMilli()
		}
	}
	q.mu.Unlock()
	return b, nil
}

// segmentAt gives the segment that holds or follows seq, once it may be read;
// nil when there is nothing more.
func (q *Queue) segmentAt(seq Seq) (*segment, error) {
	for {
		q.mu.Lock()
		i, _ := slices.BinarySearchFunc(q.segs, uint64(seq>>32), func(s *segment, n uint64) int {
			return int(int64(s.num) - int64(n))
		})
		for ; i < len(q.segs) && (q.segs[i].gone || (isClosed(q.segs[i].ready) && q.segs[i].first()+Seq(q.segs[i].end.Load()) <= seq)); i++ {
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
	next       Seq
	maxRecords int
	maxBytes   int64
	batch      Batch
	bytes      int64
}

// segment reads on in s, and says whether the batch is complete.
func (rd *laneReader) segment(s *segment) (done bool, err error) {
	q := rd.q
	q.mu.Lock()
	end := s.first() + Seq(s.end.Load())
	c := s.sum.lane(rd.lane)
	nothing := c == nil || s.first()+Seq(c.Last) < rd.next
	q.mu.Unlock()
	if nothing {
		rd.next = max(rd.next, end) // never behind it: the tail goes on growing
		return false, nil
	}
	from := uint32(0)
	if rd.next > s.first() {
		from = uint32(rd.next)
	}
	rd.next = max(rd.next, s.first())
	err = q.chunks(s, from, func(h *chunk.Header, body func() ([]byte, []byte, error)) (bool, error) {
		l := h.Lane(rd.lane)
		if l == nil || s.first()+Seq(l.Last) < rd.next {
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
		if r.Seq < rd.next || !slices.Contains(r.Lanes, rd.lane) {
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
		if r.Seq < rd.next || r.Seq >= stop || !slices.Contains(r.Lanes, rd.lane) {
			continue
		}
		c := *r
		at := len(arena)
		arena = append(arena, r.Body...)
		c.Body = arena[at:len(arena):len(arena)]
		c.Lanes = slices.Clone(r.Lanes)
		rd.batch.Records = append(rd.batch.Records, c)
	}
	rd.bytes += int64(size)
	rd.next = stop
	return nil
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
