package drain

import (
	"maps"
	"time"
)

// show puts the lane's state where others see it. until is the next attempt.
func (l *lane) show(s State, until time.Time) {
	now, _ := l.s.clock.now()
	next := time.Time{}
	if !until.IsZero() {
		next = now.Add(time.Until(until))
	}
	l.mu.Lock()
	v := &l.shown
	was := v.State
	if was != s {
		v.State, v.Since = s, now
	}
	v.NextAttempt = next
	v.Failures = l.st.Failures
	v.Paused = l.st.Manual
	v.Retired = s == Retired
	v.InDoubt = l.cur != nil && l.cur.doubt
	v.Usage = l.pace.usage
	v.InFlight = 0
	if s == Sending && l.cur != nil {
		v.InFlight = len(l.cur.open)
		v.LastAttempt = now
	}
	v.MappedWith = ""
	if l.work != nil && l.work.how.m != nil {
		v.MappedWith = l.work.how.m.Digest()
	}
	v.DryRun = nil
	if s == DryRun {
		v.DryRun = maps.Clone(l.dry.counts)
	}
	since := v.Since
	l.mu.Unlock()
	if was != s {
		l.s.o.Metrics.StateChanged(l.name, s, since)
	}
}

func (l *lane) view() LaneStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.shown
	v.Rate = l.rate.perSecond(time.Now())
	return v
}

func (l *lane) settled(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate.add(time.Now(), n)
}

// rateMeter counts over the last half minute, in slots of five seconds.
type rateMeter struct {
	start time.Time
	slot  [6]int
	at    int64 // number of the newest slot since start
}

const meterSlot = 5 * time.Second

func (m *rateMeter) move(now time.Time) {
	if m.start.IsZero() {
		m.start = now
	}
	n := int64(now.Sub(m.start) / meterSlot)
	for i := m.at + 1; i <= n && i <= m.at+int64(len(m.slot)); i++ {
		m.slot[i%int64(len(m.slot))] = 0
	}
	m.at = max(m.at, n)
}

func (m *rateMeter) add(now time.Time, n int) {
	m.move(now)
	m.slot[m.at%int64(len(m.slot))] += n
}

func (m *rateMeter) perSecond(now time.Time) float64 {
	if m.start.IsZero() {
		return 0
	}
	m.move(now)
	sum := 0
	for _, n := range m.slot {
		sum += n
	}
	window := min(now.Sub(m.start), time.Duration(len(m.slot))*meterSlot)
	return float64(sum) / max(window.Seconds(), 1)
}
