package mapper

import (
	"fmt"
	"time"
)

// Meta's age rules (docs/meta.md 5.2; docs/contract.md 5.3).
const (
	maxStoreAge = 62 * 24 * time.Hour
	maxOtherAge = 7 * 24 * time.Hour
	maxAhead    = 60 * time.Second
)

// age says what the event's time makes of it at the time of the attempt.
func (s *subject) age(c *conversion) verdict {
	switch {
	case s.undated:
		return verdict{Hold, ReasonUnknownTime, "it has no timestamp, and came when the clock of this machine was not set"}
	case s.set.noAge:
		return verdict{}
	}
	limit, days := maxStoreAge, 62
	if c.actionSource != physicalStore {
		limit, days = maxOtherAge, 7
	}
	switch age := s.now.Sub(s.when); {
	case age > limit:
		return verdict{Hold, ReasonExpired, fmt.Sprintf("event_time is %d days old; Meta takes at most %d", int64(age/(24*time.Hour)), days)}
	case age < -maxAhead:
		return verdict{Hold, ReasonFuture, fmt.Sprintf("event_time is %s ahead", (-age).Truncate(time.Second))}
	}
	return verdict{}
}
