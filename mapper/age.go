package mapper

import (
	"fmt"
	"time"

	"relay/internal/meta"
	"relay/mapper/rules"
)

// checkAge checks the event's time against the time of the attempt by Meta's rules (docs/meta.md
// 5.2; docs/contract.md 5.3).
func (s *subject) checkAge(c *conversion) verdict {
	switch {
	case s.undated:
		return verdict{Hold, ReasonUnknownTime, "the event has no timestamp, and it arrived while this machine's clock was not set"}
	case s.set.noAge:
		return verdict{}
	}
	limit := meta.StoreAge
	if c.actionSource != rules.PhysicalStore {
		limit = meta.EventAge
	}
	switch age := s.now.Sub(s.when); {
	case age > limit:
		return verdict{Hold, ReasonExpired, fmt.Sprintf("event_time is %d days old; Meta accepts at most %d", age/(24*time.Hour), limit/(24*time.Hour))}
	case age < -meta.Ahead:
		return verdict{Hold, ReasonFuture, fmt.Sprintf("event_time is %s ahead", (-age).Truncate(time.Second))}
	}
	return verdict{}
}
