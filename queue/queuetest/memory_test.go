package queuetest_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"relay/queue"
	"relay/queue/queuetest"
)

// memory is an open log.
type memory struct {
	disk   *disk
	c      *content
	closed bool
}

func (m *memory) Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error) {
	d := m.disk
	if err := d.answers(ctx); err != nil {
		if d.fault == keepsRefused {
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, e := range entries {
				d.kept = append(d.kept, bytes.Clone(e.Body))
			}
		}
		return queue.Appended{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.closed {
		return queue.Appended{}, queue.ErrClosed
	}
	m.pass()
	m.see()
	var fresh []queue.Entry
	size := m.size()
	for _, e := range entries {
		size += int64(len(e.Body))
		if len(e.Lanes) == 0 || slices.ContainsFunc(e.Lanes, func(l string) bool { return l == "" || !utf8.ValidString(l) }) {
			if d.fault == storesRefused {
				m.publish(entries[:1])
			}
			return queue.Appended{}, queue.ErrInvalid
		}
	}
	if d.max > 0 && size > d.max {
		if d.fault == storesFull {
			m.publish(entries[:1])
		}
		return queue.Appended{}, &queue.FullError{RetryAfter: time.Second, Reason: "max_size"}
	}
	var out queue.Appended
	store := func(e queue.Entry) {
		m.c.ids[d.keyOf(e)] = e.Fingerprint
		fresh = append(fresh, e)
	}
	for i, e := range entries {
		print, known := m.c.ids[d.keyOf(e)]
		switch {
		case known && e.Space == queue.ByID && print != 0 && e.Fingerprint != 0 && print != e.Fingerprint && d.fault != takesAnyEvent:
			e.Space, e.Lanes, e.Flags = byContent, queue.ConflictLanes(e.Lanes), e.Flags|queue.FlagIDConflict
			if _, kept := m.c.ids[d.keyOf(e)]; kept {
				out.Duplicates++
				continue
			}
			store(e)
			out.Conflicts++
		case known && d.fault != storesTwice:
			out.Duplicates++
			if e.Space == queue.BySale && print != 0 && e.Fingerprint != 0 && print != e.Fingerprint {
				out.Changed++
			}
		case d.fault == dropsOne && i == 3:
			out.Stored++
		default:
			store(e)
			out.Stored++
		}
	}
	m.publish(fresh)
	return out, nil
}

func (m *memory) lane(name string) *queuetest.Lane {
	l := m.c.lanes[name]
	if l == nil {
		l = &queuetest.Lane{Name: name, Revision: 1, Counts: make(map[string]int64)}
		m.c.lanes[name] = l
		m.c.settled[name], m.c.parts[name] = make(map[queue.Seq]bool), make(map[queue.Seq]queue.Slots)
	}
	return l
}

// placed is a record and its position.
type placed struct {
	queue.Record
	at queuetest.Position
}

// open returns the pending records of a lane, in order. The caller holds disk.mu.
func (m *memory) open(lane string) (out []placed) {
	for _, c := range m.chunks() {
		for i, r := range c.records {
			copied := m.c.home[c.keys[i]] != r.Seq && m.disk.fault != readsCopies && m.disk.fault != storesTwice
			if !copied && slices.Contains(r.Lanes, lane) && !m.c.settled[lane][r.Seq] {
				r.Settled = m.c.parts[lane][r.Seq]
				out = append(out, placed{r, queuetest.Position(c.at<<20 | uint64(i))})
			}
		}
	}
	if m.disk.fault == reorders && len(out) > 6 {
		out[5].Record, out[6].Record = out[6].Record, out[5].Record
	}
	return out
}

// size is the number of bytes pending in any lane. The caller holds disk.mu.
func (m *memory) size() (n int64) {
	if m.disk.max == 0 {
		return 0
	}
	for _, c := range m.chunks() {
		for i, r := range c.records {
			waits := slices.ContainsFunc(r.Lanes, func(l string) bool { return !m.c.settled[l][r.Seq] })
			if m.disk.fault == staysFull || waits && m.c.home[c.keys[i]] == r.Seq {
				n += int64(len(r.Body))
			}
		}
	}
	return n
}

func (m *memory) Read(ctx context.Context, lane string, from queuetest.Position, limit queuetest.Limit) (queuetest.Batch, error) {
	if err := ctx.Err(); err != nil {
		return queuetest.Batch{}, fmt.Errorf("read: %w", err)
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	if limit.Records == 0 {
		limit.Records = 1000
	}
	if limit.Bytes == 0 || m.disk.fault == readsTooMuch {
		limit.Bytes = 4 << 20
	}
	m.pass()
	m.see()
	out := queuetest.Batch{Next: max(from, queuetest.Position((m.c.at+1)<<20))}
	size := int64(0)
	for _, r := range m.open(lane) {
		if r.at < from {
			continue
		}
		if n := len(out.Records); n == limit.Records || n > 0 && size+int64(len(r.Body)) > limit.Bytes {
			out.Next, out.More = r.at, m.disk.fault != hidesMore
			break
		}
		size += int64(len(r.Body))
		if m.disk.fault != sharesRecords {
			r.Lanes, r.Body = slices.Clone(r.Lanes), bytes.Clone(r.Body)
		}
		out.Records = append(out.Records, r.Record)
	}
	for _, s := range m.c.streams {
		out.Covers = append(out.Covers, m.covered(s.chunks[:s.shown], from, out.Next)...)
	}
	return out, nil
}

// covered returns the sequence numbers of a stream's records between two positions.
func (m *memory) covered(chunks []chunk, from, to queuetest.Position) (out []queue.Range) {
	for _, c := range chunks {
		for i, r := range c.records {
			if at := queuetest.Position(c.at<<20 | uint64(i)); at >= from && at < to {
				if n := len(out); n > 0 && out[n-1].To == r.Seq {
					out[n-1].To++
				} else {
					out = append(out, queue.Range{From: r.Seq, To: r.Seq + 1})
				}
			}
		}
	}
	return out
}

func (m *memory) Settle(ctx context.Context, lane string, s queuetest.Settlement) (queuetest.Revision, error) {
	if err := m.disk.answers(ctx); err != nil {
		return 0, err
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.pass()
	m.see()
	l := m.lane(lane)
	switch {
	case s.ID != 0 && s.ID == m.c.last[lane] && m.disk.fault != repeatsSettled:
		return l.Revision, nil
	case s.Revision != 0 && s.Revision != l.Revision && m.disk.fault != ignoresRevision:
		return 0, queue.ErrStale
	case s.Revision == 0 && m.disk.fault != voidsNothing:
		l.Invalidations++
	}
	m.c.last[lane] = s.ID
	for _, r := range m.open(lane) {
		if slices.ContainsFunc(s.Settled, func(in queue.Range) bool {
			return r.Seq < in.To && (r.Seq >= in.From || m.disk.fault == settlesBefore)
		}) {
			m.c.settled[lane][r.Seq] = true
			if m.disk.fault == settlesEveryLane {
				for _, of := range m.c.settled {
					of[r.Seq] = true
				}
			}
		}
	}
	for _, p := range s.Parts {
		m.c.parts[lane][p.Seq] |= p.Slots
	}
	for _, d := range s.Dead {
		d.ID, d.Lane = fmt.Sprintf("%08d", len(m.c.letters)), lane
		d.Record.Body = bytes.Clone(d.Record.Body)
		m.c.letters = append(m.c.letters, d)
	}
	if s.State != nil {
		l.State = bytes.Clone(s.State)
	}
	for k, n := range s.Counts {
		l.Counts[k] += n
	}
	l.Revision++
	return l.Revision, nil
}

func (m *memory) Lanes(ctx context.Context) ([]queuetest.Lane, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lanes: %w", err)
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.pass()
	m.see()
	var out []queuetest.Lane
	for _, l := range m.c.lanes {
		c := *l
		c.State, c.Counts = bytes.Clone(l.State), maps.Clone(l.Counts)
		for i, r := range m.open(l.Name) {
			c.Pending++
			c.Bytes += int64(len(r.Body))
			if i == 0 {
				c.Oldest = r.Received
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func (m *memory) Changed(lane string) <-chan struct{} {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	c := m.c.changed[lane]
	if c == nil {
		c = make(chan struct{})
		m.c.changed[lane] = c
	}
	return c
}

func (m *memory) Dead(ctx context.Context, after string, n int) ([]queuetest.Letter, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dead: %w", err)
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	var out []queuetest.Letter
	for _, l := range m.c.letters {
		if l.ID > after && len(out) < n {
			out = append(out, l)
		}
	}
	return out, nil
}

func (m *memory) Close() error {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.closed = true
	return nil
}
