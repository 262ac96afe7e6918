package queuetest_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"relay/queue"
	"relay/queue/queuetest"
)

// disk holds the logs of the in-memory engine. It can be frozen.
type disk struct {
	fault fault
	max   int64 // bytes of bodies that a log may hold; 0: no limit

	mu     sync.Mutex
	logs   map[string]*content
	thawed chan struct{} // not nil: the disk hangs until this is closed
	kept   [][]byte      // for the fault keepsRefused
}

// content is the content of a log, open or not.
type content struct {
	streams [3]stream
	late    []late // copies that have not appeared yet
	at      uint64 // of the newest chunk
	rng     *rand.Rand
	settled map[string]map[queue.Seq]bool
	parts   map[string]map[queue.Seq]queue.Slots
	ids     map[key]uint64    // fingerprints
	home    map[key]queue.Seq // where the confirmed copy is
	letters []queuetest.Letter
	lanes   map[string]*queuetest.Lane // without counts of pending records
	changed map[string]chan struct{}
	last    map[string]uint64 // last settlement of each lane
}

// key is what an entry is de-duplicated by.
type key struct {
	space queue.Space
	text  string
	print uint64 // in the spaces ByRefusedID and byContent
}

// byContent is the space of events whose id belongs to another event.
const byContent queue.Space = 255

func (d *disk) keyOf(e queue.Entry) key {
	k := key{space: e.Space, text: e.ID}
	switch e.Space {
	case queue.ByKey:
		k.text = e.Key
	case queue.ByRefusedID, byContent:
		k.print = e.Fingerprint
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
		c = &content{rng: rand.New(rand.NewPCG(uint64(len(d.logs)), 7)), home: make(map[key]queue.Seq), settled: make(map[string]map[queue.Seq]bool), parts: make(map[string]map[queue.Seq]queue.Slots), ids: make(map[key]uint64), lanes: make(map[string]*queuetest.Lane), last: make(map[string]uint64)}
		d.logs[dir] = c
	}
	c.changed = make(map[string]chan struct{})
	switch d.fault {
	case losesRecords:
		c.loseLast()
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

// Dir is a log's directory: any name works.
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

// answers waits for the disk, but not long.
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
		if err := ctx.Err(); err != nil { // on a busy machine both channels are ready
			return fmt.Errorf("wait for the disk: %w", err)
		}
		return queue.ErrStalled
	}
}

// stream is one stream of a log. A reader may see less than it holds.
type stream struct {
	chunks []chunk
	n      queue.Seq // records so far
	shown  int       // number of chunks in the copy that is read
}

// chunk is what one Append stored.
type chunk struct {
	at      uint64 // chunks of all streams are ordered by this
	records []queue.Record
	keys    []key
}

// late is a copy of a chunk whose confirmation came too late: the chunk was then stored in another
// stream, and the copy appears all the same.
type late struct {
	to      int
	entries []queue.Entry
	calls   int // after this many calls
}

// publish stores entries as one chunk in one of the streams.
func (m *memory) publish(entries []queue.Entry) {
	to := m.c.rng.IntN(len(m.c.streams))
	if m.c.rng.IntN(3) == 0 {
		m.c.late = append(m.c.late, late{to, entries, m.c.rng.IntN(5)})
		to = (to + 1) % len(m.c.streams)
	}
	m.put(to, entries, true)
}

// put adds a chunk to a stream. Only the records of the confirmed copy are read.
func (m *memory) put(to int, entries []queue.Entry, confirmed bool) {
	if len(entries) == 0 {
		return
	}
	s := &m.c.streams[to]
	m.c.at++
	c := chunk{at: m.c.at}
	for _, e := range entries {
		s.n++
		body := e.Body
		if m.disk.fault != keepsBodies {
			body = bytes.Clone(body)
		}
		lanes := slices.Compact(slices.Sorted(slices.Values(e.Lanes)))
		r := queue.Record{Seq: queue.Seq(to)<<56 | s.n, ID: e.ID, Lanes: lanes, Received: e.Received, Flags: e.Flags, Body: body}
		c.records, c.keys = append(c.records, r), append(c.keys, m.disk.keyOf(e))
		if !confirmed {
			continue
		}
		if k := m.disk.keyOf(e); m.disk.fault != storesTwice || m.c.home[k] == 0 {
			m.c.home[k] = r.Seq
		}
		for _, lane := range lanes {
			m.lane(lane)
			if ch := m.c.changed[lane]; ch != nil && m.disk.fault != wakesNone {
				close(ch)
				delete(m.c.changed, lane)
			}
			if m.disk.fault == wakesOne {
				break
			}
		}
	}
	s.chunks = append(s.chunks, c)
}

// pass is the time one call takes: late copies appear.
func (m *memory) pass() {
	rest := m.c.late[:0]
	for _, l := range m.c.late {
		if l.calls--; l.calls > 0 {
			rest = append(rest, l)
			continue
		}
		for i := range l.entries {
			l.entries[i].Body = bytes.Clone(m.bodyOf(m.disk.keyOf(l.entries[i])))
		}
		m.put(l.to, l.entries, false)
	}
	m.c.late = rest
}

// bodyOf returns the body of a confirmed record.
func (m *memory) bodyOf(k key) []byte {
	for _, c := range m.chunks() {
		if i := slices.Index(c.keys, k); i >= 0 && c.records[i].Seq == m.c.home[k] {
			return c.records[i].Body
		}
	}
	return nil
}

// see reads the streams, each from a copy that may be behind: missing chunks appear later.
func (m *memory) see() {
	for i := range m.c.streams {
		s := &m.c.streams[i]
		for s.shown < len(s.chunks) {
			s.shown += m.c.rng.IntN(2)
			if m.disk.fault == trustsStale {
				break
			}
		}
	}
}

// chunks returns the visible chunks of all streams, in order.
func (m *memory) chunks() (out []chunk) {
	for _, s := range m.c.streams {
		out = append(out, s.chunks[:s.shown]...)
	}
	slices.SortFunc(out, func(a, b chunk) int { return cmp.Compare(a.at, b.at) })
	return out
}

// loseLast removes the record that was stored last.
func (c *content) loseLast() {
	var last *chunk
	for i := range c.streams {
		for j := range c.streams[i].chunks {
			k := &c.streams[i].chunks[j]
			if last == nil || k.at > last.at {
				last = k
			}
		}
	}
	if last != nil {
		n := len(last.records) - 1
		for key, at := range c.home {
			if key == last.keys[n] && at != last.records[n].Seq {
				c.home[key] = 0 // its copy: the one that is read is removed
			}
		}
		last.records, last.keys = last.records[:n], last.keys[:n]
	}
}
