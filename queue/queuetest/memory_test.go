package queuetest_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"relay/queue"
	"relay/queue/queuetest"
)

// disk is where the logs of an engine in memory lie. It hangs on demand.
type disk struct {
	fault fault
	max   int64 // bytes of bodies that a log may hold; 0: no bound

	mu     sync.Mutex
	logs   map[string]*content
	thawed chan struct{} // not nil: it hangs until this is closed
	kept   [][]byte      // by the fault keepsRefused
}

// content is what a log holds, open or not.
type content struct {
	records []queue.Record
	settled map[string]map[queue.Seq]bool
	parts   map[string]map[queue.Seq]queue.Slots
	ids     map[key]uint64 // fingerprints
	letters []queuetest.Letter
	lanes   map[string]*queuetest.Lane // without what is counted
	changed map[string]chan struct{}
	last    map[string]uint64 // of each lane, the settlement
	seq     queue.Seq
}

// key is what an entry is de-duplicated by.
type key struct {
	space queue.Space
	text  string
	print uint64 // in the spaces ByRefusedID and byContent
}

// byContent is the space of events whose id is another event's.
const byContent queue.Space = 255

func (d *disk) keyOf(e queue.Entry) key {
	k := key{space: e.Space, text: e.ID}
	switch e.Space {
	case queue.ByKey:
		k.text = e.Key
	case queue.ByRefusedID, byContent:
		k.print = e.Print
	}
	if d.fault == mixesSpaces {
		k.space = 0
	}
	return k
}

func (d *disk) open(dir string) (queuetest.Log, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.logs[dir]
	if c == nil {
		c = &content{settled: make(map[string]map[queue.Seq]bool), parts: make(map[string]map[queue.Seq]queue.Slots), ids: make(map[key]uint64), lanes: make(map[string]*queuetest.Lane), last: make(map[string]uint64)}
		d.logs[dir] = c
	}
	c.changed = make(map[string]chan struct{})
	switch d.fault {
	case losesRecords:
		c.records = c.records[:max(0, len(c.records)-1)]
	case losesIDs:
		clear(c.ids)
	case losesSettled:
		clear(c.settled)
	case losesParts:
		for _, of := range c.parts {
			clear(of)
		}
	case losesLetters:
		c.letters = nil
	case losesCounts:
		for _, l := range c.lanes {
			clear(l.Counts)
		}
	}
	return &memory{disk: d, c: c}, nil
}

// Dir is a log's directory: any name does.
func (d *disk) Dir() string { return "frozen" }

func (d *disk) Freeze() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.thawed = make(chan struct{})
}

func (d *disk) Thaw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.thawed != nil {
		close(d.thawed)
		d.thawed = nil
	}
}

// answers waits for the disk, not for long.
func (d *disk) answers(ctx context.Context) error {
	if err := ctx.Err(); err != nil && d.fault != ignoresContext {
		return fmt.Errorf("wait for the disk: %w", err)
	}
	d.mu.Lock()
	thawed := d.thawed
	d.mu.Unlock()
	if thawed == nil || d.fault == confirmsFrozen {
		return nil
	}
	late := time.NewTimer(100 * time.Millisecond)
	defer late.Stop()
	select {
	case <-thawed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the disk: %w", ctx.Err())
	case <-late.C:
		if err := ctx.Err(); err != nil { // on a busy machine both are over
			return fmt.Errorf("wait for the disk: %w", err)
		}
		return queue.ErrStalled
	}
}

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
	size := m.size()
	for _, e := range entries {
		size += int64(len(e.Body))
		if len(e.Lanes) == 0 || slices.ContainsFunc(e.Lanes, func(l string) bool { return l == "" || !utf8.ValidString(l) }) {
			if d.fault == storesRefused {
				m.store(entries[0])
			}
			return queue.Appended{}, queue.ErrInvalid
		}
	}
	if d.max > 0 && size > d.max {
		if d.fault == storesFull {
			m.store(entries[0])
		}
		return queue.Appended{}, &queue.FullError{RetryAfter: time.Second, Reason: "max_size"}
	}
	var out queue.Appended
	for i, e := range entries {
		print, known := m.c.ids[d.keyOf(e)]
		switch {
		case known && e.Space == queue.ByID && print != 0 && e.Print != 0 && print != e.Print && d.fault != takesAnyEvent:
			e.Space, e.Lanes, e.Flags = byContent, []string{queue.LaneConflict}, e.Flags|queue.FlagIDConflict
			if _, kept := m.c.ids[d.keyOf(e)]; kept {
				out.Duplicates++
				continue
			}
			m.store(e)
			out.Conflicts++
		case known && d.fault != storesTwice:
			out.Duplicates++
		case d.fault == dropsOne && i == 3:
			out.Stored++
		default:
			m.store(e)
			out.Stored++
		}
	}
	return out, nil
}

// store adds one record. The caller holds disk.mu.
func (m *memory) store(e queue.Entry) {
	m.c.seq++
	body := bytes.Clone(e.Body)
	if m.disk.fault == keepsBodies {
		body = e.Body
	}
	lanes := slices.Compact(slices.Sorted(slices.Values(e.Lanes)))
	r := queue.Record{Seq: m.c.seq, ID: e.ID, Lanes: lanes, Received: e.Received, Flags: e.Flags, Body: body}
	m.c.ids[m.disk.keyOf(e)] = e.Print
	if m.disk.fault == reorders && len(m.c.records)%7 == 6 {
		m.c.records = slices.Insert(m.c.records, len(m.c.records)-1, r)
	} else {
		m.c.records = append(m.c.records, r)
	}
	for _, lane := range lanes {
		m.lane(lane)
		if c := m.c.changed[lane]; c != nil && m.disk.fault != wakesNobody {
			close(c)
			delete(m.c.changed, lane)
		}
		if m.disk.fault == wakesOne {
			break
		}
	}
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

// open gives the records of a lane that wait. The caller holds disk.mu.
func (m *memory) open(lane string) (out []queue.Record) {
	for _, r := range m.c.records {
		if slices.Contains(r.Lanes, lane) && !m.c.settled[lane][r.Seq] {
			r.Settled = m.c.parts[lane][r.Seq]
			out = append(out, r)
		}
	}
	return out
}

// size counts what any lane waits for. The caller holds disk.mu.
func (m *memory) size() (n int64) {
	if m.disk.max == 0 {
		return 0
	}
	for _, r := range m.c.records {
		if m.disk.fault == staysFull || slices.ContainsFunc(r.Lanes, func(l string) bool { return !m.c.settled[l][r.Seq] }) {
			n += int64(len(r.Body))
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
	out := queuetest.Batch{From: from, Next: max(from, queuetest.Position(m.c.seq+1))}
	size := int64(0)
	for _, r := range m.open(lane) {
		if queuetest.Position(r.Seq) < from {
			continue
		}
		if n := len(out.Records); n == limit.Records || n > 0 && size+int64(len(r.Body)) > limit.Bytes {
			out.Next, out.More = queuetest.Position(r.Seq), m.disk.fault != hidesMore
			break
		}
		size += int64(len(r.Body))
		if m.disk.fault != sharesRecords {
			r.Lanes, r.Body = slices.Clone(r.Lanes), bytes.Clone(r.Body)
		}
		out.Records = append(out.Records, r)
	}
	return out, nil
}

func (m *memory) Settle(ctx context.Context, lane string, s queuetest.Settlement) (queuetest.Revision, error) {
	if err := m.disk.answers(ctx); err != nil {
		return 0, err
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	l := m.lane(lane)
	switch {
	case s.ID != 0 && s.ID == m.c.last[lane] && m.disk.fault != repeatsSettled:
		return l.Revision, nil
	case s.Revision != 0 && s.Revision != l.Revision && m.disk.fault != ignoresRevision:
		return 0, queue.ErrStale
	case s.Revision == 0 && m.disk.fault != voidsNothing:
		l.Void++
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
