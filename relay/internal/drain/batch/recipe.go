package batch

import (
	"time"

	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
)

// Mapping is what drain needs of a mapping; Live makes one of *mapper.Mapping.
type Mapping interface {
	Digest() string
	Routes(event string) []string
	Sets() []rules.Set
	// MapLane maps an event for one event set; ages false leaves out the
	// rules that need a clock to be believed (expired, future).
	MapLane(ev mapper.Event, eventSet string, now time.Time, ages bool) []mapper.Outcome
}

// Recipe is what conversions are made with, beside their records.
type Recipe struct {
	Mapping Mapping
	Made    time.Time // monotonic; for whoever made it
	At      time.Time
	Ages    bool
	Age     time.Duration // since receipt; 0: no limit

	Unset Shift // of what was received before the clock was set

	By     func(digest string) Mapping // for records that have a recipe of their own; nil: none has
	others map[string]*Recipe
}

// of is what a record is made with: by the mapping it was sent with, if Meta may have
// stored it and that mapping is kept.
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

// received is when a record was received: by the clock as it was then, or by what is
// known of it since.
func (h *Recipe) received(rec *queue.Record) time.Time {
	if u := &h.Unset; !u.Wrong.IsZero() && !Plausible(rec.Received) && rec.Seq >= u.First && !rec.Received.Before(u.Wrong) {
		return u.Right.Add(rec.Received.Sub(u.Wrong))
	}
	return rec.Received
}

// Shift says how to date what was received by a clock that nobody had set.
type Shift struct {
	First        queue.Seq // of what was
	Wrong, Right time.Time // what that clock showed at a moment, and what it was; zero: nothing can be dated
}

// Plausible says whether a time of receipt may be one. A machine without a battery
// begins in 1970, or on the day its system was made, until somebody sets its clock.
func Plausible(t time.Time) bool { return t.Year() >= 2020 }

// tooOld applies queue.max_age: only by a clock that is believed, and only to
// a time of receipt that can be one (a till's clock may have stood at 1970).
func (h *Recipe) tooOld(rec *queue.Record) bool {
	return h.Age > 0 && h.Ages && Plausible(rec.Received) && h.At.Sub(rec.Received) > h.Age
}

// recent says that by its own time the event is younger than queue.max_age
// allows: then the clock was wrong when it was received, and it is not old.
func (h *Recipe) recent(outs []mapper.Outcome) bool {
	for i := range outs {
		if outs[i].Kind == mapper.Send && h.At.Sub(outs[i].EventTime) <= h.Age {
			return true
		}
	}
	return false
}
