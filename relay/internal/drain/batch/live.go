package batch

import (
	"time"

	"relay/mapper"
)

// Live makes a Mapping of a *mapper.Mapping; nil stays nil.
func Live(m *mapper.Mapping) Mapping {
	if m == nil {
		return nil
	}
	return live{m}
}

type live struct{ *mapper.Mapping }

func (l live) MapLane(ev mapper.Event, eventSet string, now time.Time, ages bool) []mapper.Outcome {
	if ages {
		return l.Mapping.MapLane(ev, eventSet, now)
	}
	return l.Mapping.MapLane(ev, eventSet, now, mapper.WithoutAgeChecks())
}
