package batch

import (
	"slices"
	"time"

	"relay/queue"
)

// Dates corrects times of receipt: one Shift for each known period in which the clock was wrong
// and not trusted. It is never changed after it was made.
type Dates []Shift

// Shift corrects the times of receipt of one clock period.
type Shift struct {
	Period uint8     `json:"period"` // queue.Flags.ClockPeriod of its records
	Wrong  time.Time `json:"wrong"`  // what the clock showed at some moment
	Right  time.Time `json:"right"`  // the time at that moment
}

// Received returns the time of receipt of a record, corrected if it was received by a clock that
// was not trusted. known is false if that clock has not been compared with a trusted one, so that
// the time can be wrong.
func (d Dates) Received(rec *queue.Record) (at time.Time, known bool) {
	n := rec.Flags.ClockPeriod()
	if n == 0 {
		return rec.Received, true
	}
	for _, s := range d {
		if s.Period == n {
			return s.Right.Add(rec.Received.Sub(s.Wrong)), true
		}
	}
	return rec.Received, false
}

// Dated returns the time of receipt and the flags for a copy of a record: without the clock
// period, if the time is corrected.
func (d Dates) Dated(rec *queue.Record) (time.Time, queue.Flags) {
	at, known := d.Received(rec)
	if known {
		return at, rec.Flags.WithClockPeriod(0)
	}
	return rec.Received, rec.Flags
}

// with returns d with the shift that all has for period, if any.
func (d Dates) with(all Dates, period uint8) Dates {
	is := func(s Shift) bool { return s.Period == period }
	if i := slices.IndexFunc(all, is); i >= 0 && !slices.ContainsFunc(d, is) {
		return append(d, all[i])
	}
	return d
}

// Plausible reports whether t can be a time of receipt. The clock of a machine without a battery
// starts in 1970, or on the day its system was built, until somebody sets it.
func Plausible(t time.Time) bool { return t.Year() >= 2020 }
