package batch

import (
	"time"

	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
)

// Mapping is the part of a mapping that drain uses. Live makes one of a *mapper.Mapping.
type Mapping interface {
	Digest() string
	Routes(event string) []string
	Sets() []rules.Set
	// MapLane maps an event for one event set. Without ages, the rules that need a
	// believed clock (expired, future) do not apply.
	MapLane(ev mapper.Event, eventSet string, now time.Time, ages bool) []mapper.Outcome
}

// Recipe is everything besides the records that determines the conversions.
type Recipe struct {
	Mapping Mapping
	Made    time.Time     // when the recipe was made, monotonic
	At      time.Time     // the time of the attempt
	Ages    bool          // the clock is believed
	Age     time.Duration // queue.max_age; 0: no limit

	Unset Shift // for records received before the clock was set

	By     func(digest string) Mapping // for records that must be mapped with another mapping; nil: none
	others map[string]*Recipe
}

// of returns the recipe for a record: with the mapping that it was sent with, if Meta might
// have stored it and that mapping is kept.
func (h *Recipe) of(rec *queue.Record) *Recipe {
	if rec.Recipe == "" || h.By == nil || h.Mapping != nil && rec.Recipe == h.Mapping.Digest() {
		return h
	}
	if other, ok := h.others[rec.Recipe]; ok {
		return other
	}
	other := h
	if m := h.By(rec.Recipe); m != nil {
		same := *h
		same.Mapping, other = m, &same
	}
	if h.others == nil {
		h.others = map[string]*Recipe{}
	}
	h.others[rec.Recipe] = other
	return other
}

// received returns when a record was received. A time from a clock that was not set is
// corrected if possible.
func (h *Recipe) received(rec *queue.Record) time.Time {
	if u := &h.Unset; !u.Wrong.IsZero() && !Plausible(rec.Received) && rec.Seq >= u.First && !rec.Received.Before(u.Wrong) {
		return u.Right.Add(rec.Received.Sub(u.Wrong))
	}
	return rec.Received
}

// Shift is how to date records that were received before the clock was set.
type Shift struct {
	First        queue.Seq // first such record
	Wrong, Right time.Time // what that clock showed at a moment, and the true time; zero: unknown
}

// Plausible reports whether a time of receipt can be right. A machine without a battery starts
// in 1970, or on the day its system was built, until its clock is set.
func Plausible(t time.Time) bool { return t.Year() >= 2020 }

// tooOld applies queue.max_age: only with a believed clock, and only to a plausible time of
// receipt.
func (h *Recipe) tooOld(rec *queue.Record) bool {
	return h.Age > 0 && h.Ages && Plausible(rec.Received) && h.At.Sub(rec.Received) > h.Age
}

// recent reports whether the event's own time is within queue.max_age: then the clock was wrong
// when it was received, and the event is not too old.
func (h *Recipe) recent(outs []mapper.Outcome) bool {
	for i := range outs {
		if outs[i].Kind == mapper.Send && h.At.Sub(outs[i].EventTime) <= h.Age {
			return true
		}
	}
	return false
}
