package admin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
	"relay/relay/internal/drain"
)

// memQueue is a queue in memory, for what a test needs to provoke at will;
// removed_test.go runs the same server on a real one.
type memQueue struct {
	mu      sync.Mutex
	broken  error
	stats   queue.Stats
	records []queue.Record
	dead    []queue.DeadLetter
	counts  map[string]map[string]int64
	dropped []string
	moved   [][2]string
}

func (q *memQueue) CanAppend() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.broken
}

func (q *memQueue) Stats() queue.Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	st := q.stats
	st.Dead = int64(len(q.dead))
	return st
}

// hold has the queue hold these records, too.
func (q *memQueue) hold(records ...queue.Record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = append(q.records, records...)
}

func (q *memQueue) Lanes() []queue.LaneStat {
	q.mu.Lock()
	defer q.mu.Unlock()
	by := map[string]*queue.LaneStat{}
	for _, r := range q.records {
		for _, l := range r.Lanes {
			st := by[l]
			if st == nil {
				st = &queue.LaneStat{Name: l, Oldest: r.Received, Cursor: r.Seq, Counts: map[string]int64{}}
				by[l] = st
			}
			st.Pending++
			st.Bytes += int64(len(r.Body))
		}
	}
	for l, c := range q.counts {
		if by[l] == nil {
			by[l] = &queue.LaneStat{Name: l}
		}
		by[l].Counts = c
	}
	var out []queue.LaneStat
	for _, st := range by {
		out = append(out, *st)
	}
	slices.SortFunc(out, func(a, b queue.LaneStat) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (q *memQueue) Lane(name string) (queue.LaneStat, bool) {
	for _, l := range q.Lanes() {
		if l.Name == name {
			return l, true
		}
	}
	return queue.LaneStat{}, false
}

func (q *memQueue) Read(lane string, from queue.Seq, n int, _ int64) (queue.Batch, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var b queue.Batch
	for _, r := range q.records {
		if r.Seq < from || !slices.Contains(r.Lanes, lane) {
			continue
		}
		if len(b.Records) == n {
			b.More = true
			break
		}
		b.Records = append(b.Records, r)
		b.Next = r.Seq + 1
	}
	return b, nil
}

func (q *memQueue) IsPending(string, queue.Seq) bool { return true }

func (q *memQueue) DeadLetters(after string, fn func(queue.DeadLetter) bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.broken != nil {
		return q.broken
	}
	for _, d := range q.dead {
		if d.ID > after && !fn(d) {
			return nil
		}
	}
	return nil
}

func (q *memQueue) DeadLetter(id string) (queue.DeadLetter, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range q.dead {
		if d.ID == id {
			return d, nil
		}
	}
	return queue.DeadLetter{}, fmt.Errorf("dead letter %s: %w", id, queue.ErrNotFound)
}

func (q *memQueue) DropDead(ids ...string) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := len(q.dead)
	q.dead = slices.DeleteFunc(q.dead, func(d queue.DeadLetter) bool { return slices.Contains(ids, d.ID) })
	return before - len(q.dead), nil
}

func (q *memQueue) Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	q.dead = slices.DeleteFunc(q.dead, func(d queue.DeadLetter) bool {
		if !slices.Contains(ids, d.ID) {
			return false
		}
		lanes := route(d)
		if len(lanes) == 0 {
			return false
		}
		q.records = append(q.records, queue.Record{Seq: queue.Seq(1<<40 + n), ID: d.MessageID, Lanes: lanes, Received: d.ReceivedAt, Body: d.Body})
		n++
		return true
	})
	return n, nil
}

func (q *memQueue) DropLane(name string) error {
	q.dropped = append(q.dropped, name)
	return nil
}

func (q *memQueue) MoveLane(from, to string, _ ...queue.Seq) (int, error) {
	q.moved = append(q.moved, [2]string{from, to})
	n := 0
	for _, r := range q.records {
		if slices.Contains(r.Lanes, from) {
			n++
		}
	}
	return n, nil
}

func (q *memQueue) Forget(f queue.Forget) (n queue.Forgotten, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.records = slices.DeleteFunc(q.records, func(r queue.Record) bool {
		if !f.Record(&r) {
			return false
		}
		n.Waiting++
		return !f.Dry
	})
	q.dead = slices.DeleteFunc(q.dead, func(d queue.DeadLetter) bool {
		if !f.Letter(&d) {
			return false
		}
		n.Letters++
		return !f.Dry
	})
	return n, nil
}

func (q *memQueue) Backup(_ context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "dead"), 0o700); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, "meta.db"), []byte("cursors"), 0o600),
		os.WriteFile(filepath.Join(dir, "dead", "1"), []byte("letters"), 0o600))
}

// memDrain is lanes that do as they are told.
type memDrain struct {
	mu     sync.Mutex
	lanes  []drain.LaneStatus
	paused []string
	woken  []drain.Reason
	held   []string
}

func (d *memDrain) Status() []drain.LaneStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lanes)
}

// Received adds to a time in 1970 what a clock was off by.
func (d *memDrain) Received(rec *queue.Record) time.Time {
	if rec.Flags.ClockPeriod() == 1 {
		return rec.Received.AddDate(56, 0, 0)
	}
	return rec.Received
}

func (d *memDrain) Pause(lane string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = append(d.paused, lane)
	for i := range d.lanes {
		if d.lanes[i].Lane == lane {
			d.lanes[i].State, d.lanes[i].Paused = drain.ManuallyPaused, true
		}
	}
	return nil
}

func (d *memDrain) Resume(lane string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.lanes {
		if d.lanes[i].Lane == lane {
			d.lanes[i].State, d.lanes[i].Paused = drain.Idle, false
		}
	}
	return nil
}

func (d *memDrain) Wake(reason drain.Reason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.woken = append(d.woken, reason)
}

func (d *memDrain) Forget(fn func() error) error {
	d.Wake(drain.Forget)
	return fn()
}

func (d *memDrain) Exclusive(lane string, fn func([]queue.Seq) error) error {
	d.held = append(d.held, lane)
	return fn(nil)
}

// memMapping sends Order Completed to one set; hold makes it hold.
type memMapping struct {
	hold bool
}

const (
	setA = "701000000000001"
	setB = "701000000000002"
	setC = "701000000000003" // not in the mapping
)

func (m memMapping) Digest() string { return "3f2a9c10" }

func (m memMapping) Routes(event string) []string {
	switch event {
	case "Order Completed":
		return []string{setA}
	case "Product Added":
		return []string{setA, setB}
	}
	return nil
}

func (m memMapping) MapLane(ev mapper.Event, set string, _ time.Time, _ bool) []mapper.Outcome {
	o := mapper.Outcome{MessageID: ev.MessageID, EventSet: set, Kind: mapper.Send}
	if m.hold {
		o.Kind, o.Reason = mapper.Hold, mapper.ReasonMissingCurrency
	}
	return []mapper.Outcome{o}
}

func (m memMapping) Sets() []rules.Set {
	return []rules.Set{{ID: setA, Name: "stores", API: meta.Conversions}, {ID: setB, API: meta.Conversions}}
}
