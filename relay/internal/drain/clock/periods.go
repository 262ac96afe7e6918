package clock

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/queue"
	"relay/relay/internal/drain/batch"
)

// periods are the recent times during which Clock was not trusted. Records that are received in one of
// them carry its number, so that they can be dated later: once the time is known, the error of Clock in
// each period of the same boot is known too, since the time since boot does not jump.
//
// Invariant: a record carries the number of a period only if the period is stored in notes.
type periods struct {
	boot  boot
	notes Notes // nil: no period is recorded

	mu    sync.Mutex // held while a note is stored
	list  []period   // oldest first
	known time.Time  // monotonic, when the last period's time became known
	dates batch.Dates
}

// period is a time during which Clock was not trusted and did not jump. Before the time was known, a step
// of the wall clock begins another one; later, Clock does not follow the wall clock.
type period struct {
	N     uint8         `json:"n"`              // 1 to 255
	Boot  string        `json:"boot"`           // identifies the boot of the machine
	Up    time.Duration `json:"up"`             // time since boot when the period began …
	Wall  time.Time     `json:"wall"`           // … and what Clock returned then …
	Right time.Time     `json:"right,omitzero"` // … and the time; zero: not known yet
}

// boot identifies a boot of the machine and measures the time since it, including sleep.
type boot struct {
	id string
	up func() time.Duration
}

// bootOf returns the current boot. What the system does not tell is of this process.
func bootOf(read func() (string, func() time.Duration)) boot {
	start := time.Now()
	b := boot{rand.Text(), func() time.Duration { return time.Since(start) }}
	if read == nil {
		return b
	}
	id, up := read()
	if up != nil {
		b.up = up
	}
	if id != "" {
		b.id = id
	}
	return b
}

const (
	notePeriods = "clock"
	maxPeriods  = 32
	// lateStamp is how long after the end of a period its records can still arrive at Stamp.
	lateStamp = time.Minute
)

// recall loads the periods that earlier processes recorded.
func (p *periods) recall() {
	if p.notes == nil {
		return
	}
	if err := json.Unmarshal(p.notes.Note(notePeriods), &p.list); err != nil {
		p.list = nil // records of earlier periods keep the time they have
	}
	p.setDates()
}

// Stamp marks entries that were received by a clock that is not trusted with the number of the
// current period, so that Dates can correct their times of receipt later. It leaves entries alone
// whose time of receipt is not of this period. On error they are not marked.
func (c *Clock) Stamp(entries []queue.Entry) error {
	p := &c.periods
	if p.notes == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, trusted := c.Now()
	if trusted && !p.open() && time.Since(p.known) > lateStamp {
		return nil
	}
	last, up := p.last(), p.boot.up()
	if trusted {
		err := p.learn(now, up)
		if last != nil && time.Since(p.known) <= lateStamp {
			// The clock may have become trusted between the receipt of the entries and this call.
			wrong := last.Wall.Add(up - last.Up)
			last.stamp(entries, func(t time.Time) bool { return t.Sub(wrong).Abs() < t.Sub(now).Abs() })
		}
		return err
	}
	if last == nil || !last.Right.IsZero() || (now.Sub(last.Wall)-(up-last.Up)).Abs() > MaxDrift {
		var err error
		if last, err = p.begin(now, up); err != nil {
			return err
		}
	}
	from, to := last.Wall.Add(-time.Second), now.Add(time.Minute)
	last.stamp(entries, func(t time.Time) bool { return !t.Before(from) && !t.After(to) })
	return nil
}

// stamp marks the entries whose time of receipt is of the period.
func (p *period) stamp(entries []queue.Entry, is func(received time.Time) bool) {
	for i := range entries {
		if e := &entries[i]; is(e.Received) {
			e.Flags = e.Flags.WithClockPeriod(p.N)
		}
	}
}

// Dates returns the corrections that are known. On error they are not stored, and the next process
// may not know them.
func (c *Clock) Dates() (batch.Dates, error) {
	p := &c.periods
	p.mu.Lock()
	defer p.mu.Unlock()
	now, trusted := c.Now()
	var err error
	if trusted {
		err = p.learn(now, p.boot.up())
	}
	return p.dates, err
}

// learn derives what the time was in the periods of this boot from what it is now.
func (p *periods) learn(now time.Time, up time.Duration) error {
	changed := false
	for i := range p.list {
		if x := &p.list[i]; p.isOpen(*x) {
			x.Right, changed = now.Add(x.Up-up), true
			if tolerable(x.Wall, x.Right) {
				x.Right = x.Wall
			}
		}
	}
	if !changed {
		return nil
	}
	p.known = time.Now()
	p.setDates()
	return p.save()
}

// isOpen reports whether what the time was in a period can still become known.
func (p *periods) isOpen(x period) bool { return x.Boot == p.boot.id && x.Right.IsZero() }

func (p *periods) open() bool { return slices.ContainsFunc(p.list, p.isOpen) }

// last returns the newest period of this boot, if it is the newest of all; else nil.
func (p *periods) last() *period {
	if n := len(p.list); n > 0 && p.list[n-1].Boot == p.boot.id {
		return &p.list[n-1]
	}
	return nil
}

// begin records a new period.
func (p *periods) begin(wall time.Time, up time.Duration) (*period, error) {
	n := uint8(1)
	if len(p.list) > 0 {
		n = p.list[len(p.list)-1].N%255 + 1
	}
	before := p.list
	p.list = append(slices.Clone(p.list[max(0, len(p.list)-maxPeriods+1):]), period{N: n, Boot: p.boot.id, Up: up, Wall: wall})
	if err := p.save(); err != nil {
		p.list = before
		return nil, err
	}
	p.setDates()
	return &p.list[len(p.list)-1], nil
}

func (p *periods) save() error {
	b, err := json.Marshal(p.list)
	if err == nil {
		err = p.notes.SetNote(notePeriods, b)
	}
	if err != nil {
		return fmt.Errorf("store clock periods: %w", err)
	}
	return nil
}

func (p *periods) setDates() {
	p.dates = nil
	for _, x := range p.list {
		if !x.Right.IsZero() {
			p.dates = append(p.dates, batch.Shift{Period: x.N, Wrong: x.Wall, Right: x.Right})
		}
	}
}
