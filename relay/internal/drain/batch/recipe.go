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
	// trusted clock (expired, future) do not apply.
	MapLane(ev mapper.Event, eventSet string, now time.Time, ages bool) []mapper.Outcome
}

// Recipe is everything besides the records that determines the conversions.
type Recipe struct {
	Mapping Mapping
	Made    time.Time     // when the recipe was made, monotonic
	At      time.Time     // the time of the attempt
	Ages    bool          // the clock is trusted
	Age     time.Duration // queue.max_age; 0: no limit

	Dates Dates // corrects times of receipt

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

// tooOld applies queue.max_age: only with a trusted clock, and only to a plausible time of
// receipt.
func (h *Recipe) tooOld(rec *queue.Record) bool {
	if h.Age <= 0 || !h.Ages {
		return false
	}
	at, known := h.Dates.Received(rec)
	return known && Plausible(at) && h.At.Sub(at) > h.Age
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
