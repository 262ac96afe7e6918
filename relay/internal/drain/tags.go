package drain

import (
	"time"

	"relay/internal/logs"
)

// maxTagsPerDay is how many upload tags an event set may have in a day before it
// is said: each is a request of its own, and a template that names what every
// event has otherwise makes as many requests as events.
const maxTagsPerDay = 20

// tagCount counts the tags of a day, as far as it matters.
type tagCount struct {
	day  time.Time
	seen map[string]bool
}

// add counts a tag, and says whether it is the first one too many of its day (UTC).
func (t *tagCount) add(tag string, at time.Time) bool {
	if day := at.UTC().Truncate(24 * time.Hour); !day.Equal(t.day) {
		t.day, t.seen = day, make(map[string]bool, 1)
	}
	if len(t.seen) > maxTagsPerDay || t.seen[tag] {
		return false
	}
	t.seen[tag] = true
	return len(t.seen) > maxTagsPerDay
}

// tagged counts the tag of a request that Meta has taken.
func (l *lane) tagged(tag string, at time.Time) {
	if l.tags.add(tag, at) {
		l.log.Warn("this event set has more upload tags than fit a day: each is a request of its own",
			"code", logs.ManyUploadTags, "most", maxTagsPerDay)
	}
}
