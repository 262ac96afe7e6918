package clock_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/relay/internal/drain/clock"
	"relay/relay/internal/graph"
)

var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// machine is a computer whose clock is wrong by off.
type machine struct {
	*clock.Clock
	start  time.Time
	off    time.Duration
	synced bool
	boot   string
	notes  notes
}

type notes map[string][]byte

func (n notes) Note(key string) []byte { return n[key] }

func (n notes) SetNote(key string, val []byte) error {
	if n["full"] != nil {
		return errors.New("disk full")
	}
	n[key] = val
	return nil
}

// newMachine starts at noon. The caller runs in a synctest bubble.
func newMachine(off time.Duration) *machine {
	m := &machine{start: time.Now(), off: off, boot: "boot 1", notes: notes{}}
	m.open()
	return m
}

// open makes a new Clock, as a new process does.
func (m *machine) open() {
	m.Clock = clock.New(clock.Options{
		Wall: m.wall, Synced: func() bool { return m.synced }, Notes: m.notes, Patience: time.Minute,
		Boot: func() (string, func() time.Duration) {
			return m.boot, func() time.Duration { return time.Since(m.start) }
		},
	})
}

func (m *machine) now() time.Time  { return noon.Add(time.Since(m.start)) }
func (m *machine) wall() time.Time { return m.now().Add(m.off) }

// learnTime receives an answer with the time.
func (m *machine) learnTime() {
	m.Observe(graph.Result{Class: graph.Delivered, ServerTime: m.now().Truncate(time.Second)})
}

// receive stamps an event that arrives now.
func (m *machine) receive(t *testing.T) queue.Record {
	t.Helper()
	e := []queue.Entry{{Received: m.Received()}}
	if err := m.Stamp(e); err != nil {
		t.Fatal(err)
	}
	return queue.Record{Received: e[0].Received, Flags: e[0].Flags}
}

// wantDate fails if the record is not dated at the given time.
func (m *machine) wantDate(t *testing.T, what string, rec queue.Record, at time.Time) {
	t.Helper()
	dates, err := m.Dates()
	if err != nil {
		t.Fatal(err)
	}
	if got, known := dates.Received(&rec); !known || got.Sub(at).Abs() > 2*time.Second {
		t.Errorf("%s: dated %s, known %v; want %s", what, got, known, at)
	}
}

// Observe returns how far this machine's clock is ahead of the server's, and whether that is
// new.
func TestObserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(3 * time.Hour)
		answer := func() graph.Result { return graph.Result{Class: graph.Delivered, ServerTime: m.now()} }
		if skew, news := m.Observe(answer()); !news || (skew-3*time.Hour).Abs() > 2*time.Second {
			t.Errorf("first answer: skew %s, new %v", skew, news)
		}
		if skew, news := m.Observe(answer()); news || (skew-3*time.Hour).Abs() > 2*time.Second {
			t.Errorf("same skew: %s, new %v", skew, news)
		}
		if _, news := m.Observe(graph.Result{Class: graph.Delivered}); news {
			t.Error("an answer without a time is new")
		}
		m.off = 0
		if skew, news := m.Observe(answer()); !news || skew != 0 {
			t.Errorf("corrected clock: skew %s, new %v", skew, news)
		}
	})
}

// The time is asked for until an answer has it. Answers without it end that after the
// patience, until the clock jumps.
func TestAsking(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(0)
		check := func(what string, want bool) {
			t.Helper()
			if got := m.Asking(); got != want {
				t.Errorf("%s: asking %v", what, got)
			}
		}
		check("at the start", true)
		m.Observe(graph.Result{Class: graph.Retry})
		time.Sleep(time.Hour)
		check("without an answer", true)
		m.Observe(graph.Result{Class: graph.Delivered})
		time.Sleep(59 * time.Second)
		m.Observe(graph.Result{Class: graph.Delivered})
		check("after an answer without a time", true)
		time.Sleep(time.Second)
		check("after the patience", false)
		m.learnTime()
		check("once the time is known", false)
		m.off = time.Hour
		check("after a jump", true)
		m.synced = true
		check("kept by NTP", false)
	})
}

// Events that arrive while the clock is wrong are dated right once the time is known, also if
// the clock jumps in between, and by the next process of the same boot.
func TestPeriods(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"behind": -365 * 24 * time.Hour, "ahead": 3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMachine(off)
				at := []time.Time{m.now()}
				recs := []queue.Record{m.receive(t)}
				add := func() { at, recs = append(at, m.now()), append(recs, m.receive(t)) }
				time.Sleep(time.Hour)
				add()
				m.off = -off / 2 // set by hand to another wrong time
				add()
				if recs[0].Flags.ClockPeriod() != recs[1].Flags.ClockPeriod() || recs[1].Flags.ClockPeriod() == recs[2].Flags.ClockPeriod() {
					t.Errorf("clock periods %d, %d and %d: want a new one only after the jump", recs[0].Flags.ClockPeriod(), recs[1].Flags.ClockPeriod(), recs[2].Flags.ClockPeriod())
				}
				dates, err := m.Dates()
				if _, known := dates.Received(&recs[0]); known || err != nil {
					t.Errorf("known %v before any answer (%v)", known, err)
				}
				m.open()
				time.Sleep(time.Hour)
				m.learnTime()
				for i := range recs {
					m.wantDate(t, fmt.Sprint("event ", i), recs[i], at[i])
				}
				if rec := m.receive(t); rec.Flags.ClockPeriod() != 0 {
					t.Errorf("clock period %d by a trusted clock", rec.Flags.ClockPeriod())
				}
				m.boot = "boot 2"
				m.open()
				m.wantDate(t, "after the next boot", recs[0], at[0])
			})
		})
	}
}

// What arrived before a boot by a clock that was never compared cannot be dated, because the
// time since boot began anew.
func TestPeriodsOfAnotherBoot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(-365 * 24 * time.Hour)
		rec := m.receive(t)
		m.boot = "boot 2"
		m.open()
		m.learnTime()
		dates, err := m.Dates()
		if at, known := dates.Received(&rec); known || !at.Equal(rec.Received) || err != nil {
			t.Errorf("dated %s, known %v (%v)", at, known, err)
		}
	})
}

// A clock that turns out to be right, or nearly, changes no time of receipt: it is what the
// tills see.
func TestSmallErrorsStay(t *testing.T) {
	t.Parallel()
	for off, corrected := range map[time.Duration]bool{0: false, -clock.MaxError + 2*time.Second: false, -clock.MaxError - 2*time.Second: true, clock.MaxError: true} {
		synctest.Test(t, func(t *testing.T) {
			m := newMachine(off)
			rec, at := m.receive(t), m.now()
			m.learnTime()
			if !corrected {
				at = rec.Received
			}
			m.wantDate(t, off.String(), rec, at)
		})
	}
}

// Events with a time of receipt of their own, such as imported ones, are not stamped. One that
// arrived just before the time was known still is.
func TestStampChecksTheTimeOfReceipt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(-365 * 24 * time.Hour)
		m.receive(t)
		time.Sleep(time.Hour)
		e := []queue.Entry{{Received: m.wall()}, {Received: m.wall().AddDate(0, -1, 0)}, {Received: m.now()}}
		if err := m.Stamp(e); err != nil {
			t.Fatal(err)
		}
		if e[0].Flags.ClockPeriod() == 0 || e[1].Flags.ClockPeriod() != 0 || e[2].Flags.ClockPeriod() != 0 {
			t.Errorf("stamped with %d, %d, %d: want only the first", e[0].Flags.ClockPeriod(), e[1].Flags.ClockPeriod(), e[2].Flags.ClockPeriod())
		}
		arrived, wrong := m.now(), m.wall()
		m.learnTime()
		e = []queue.Entry{{Received: wrong}, {Received: m.now()}}
		if err := m.Stamp(e); err != nil {
			t.Fatal(err)
		}
		m.wantDate(t, "arrived before the answer", queue.Record{Received: e[0].Received, Flags: e[0].Flags}, arrived)
		m.wantDate(t, "arrived after it", queue.Record{Received: e[1].Received, Flags: e[1].Flags}, arrived)
		time.Sleep(2 * time.Minute)
		e = []queue.Entry{{Received: wrong}}
		if err := m.Stamp(e); err != nil || e[0].Flags.ClockPeriod() != 0 {
			t.Errorf("stamped with %d long after the answer (%v)", e[0].Flags.ClockPeriod(), err)
		}
	})
}

// No record carries a period that is not stored: after a restart it would be undatable, or be
// dated by another period with the same number.
func TestPeriodNotStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(-365 * 24 * time.Hour)
		m.notes["full"] = []byte{1}
		e := []queue.Entry{{Received: m.wall()}}
		if err := m.Stamp(e); err == nil || e[0].Flags.ClockPeriod() != 0 {
			t.Errorf("error %v, clock period %d", err, e[0].Flags.ClockPeriod())
		}
		delete(m.notes, "full")
		rec := m.receive(t)
		if rec.Flags.ClockPeriod() == 0 {
			t.Error("not stamped once notes can be stored")
		}
		at := m.now()
		m.open()
		m.notes["full"] = []byte{1}
		m.learnTime()
		if _, err := m.Dates(); err == nil {
			t.Error("no error for a correction that is not stored")
		}
		delete(m.notes, "full")
		m.wantDate(t, "by the next process", rec, at)
	})
}

// However often a clock is changed, the note stays small, and the latest events can be dated.
func TestPeriodsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(-365 * 24 * time.Hour)
		var last queue.Record
		for range 300 { // more than there are numbers
			m.off += time.Hour
			if last = m.receive(t); last.Flags.ClockPeriod() == 0 {
				t.Fatal("not stamped")
			}
			time.Sleep(time.Second)
		}
		if n := len(m.notes["clock"]); n > 8<<10 {
			t.Errorf("a note of %d bytes", n)
		}
		at := m.now().Add(-time.Second)
		m.learnTime()
		m.wantDate(t, "the last event", last, at)
	})
}
