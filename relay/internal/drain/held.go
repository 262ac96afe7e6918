package drain

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"relay/internal/logs"
	"relay/mapper"
	"relay/relay/internal/advice"
)

// The same breaker that saves a queue from a mapping that Meta refuses saves it from
// one that lets nothing pass: a new mapping with a mistake in it would turn the whole
// backlog into dead letters at the speed of the disk.

// byMapping are the reasons to hold a conversion that a mistake in a mapping can bring
// about for every event.
var byMapping = []string{
	mapper.ReasonUnrouted, mapper.ReasonExpression, mapper.ReasonMissingValue, mapper.ReasonInvalidValue,
	mapper.ReasonMissingCurrency, mapper.ReasonInvalidCurrency,
}

// lettersOfMapping says whether the batch, of which nothing is left to send, would make
// letters of too many events in a row by a mapping that has delivered none, and opens
// the breaker then. The very first mapping has nothing to be compared with.
func (l *lane) lettersOfMapping() bool {
	b := l.work
	digest := b.how.m.Digest()
	if l.st.Mapping == "" || l.st.Mapping == digest || len(b.holds) == 0 {
		return false
	}
	if l.pause == BreakerOpen && l.heldBack > 0 {
		return true
	}
	why := make(map[string]int)
	for i := range b.holds {
		if r := b.holds[i].letter.Reason; slices.Contains(byMapping, r) {
			why[r]++
		}
	}
	if !b.looked { // else finish could not store all of its letters
		b.looked = true
		for _, n := range why {
			l.heldBack += n
		}
	}
	if len(why) == 0 || l.heldBack < l.settings().BreakerAfter {
		return false
	}
	reasons := strings.Join(slices.SortedFunc(maps.Keys(why), func(a, b string) int { return cmp.Compare(why[b], why[a]) }), ", ")
	at, _ := l.s.clock.now()
	what := advice.Held()
	l.problem = &Problem{At: at, Class: advice.HeldClass, Message: "held by the mapping: " + reasons, Advice: what.String()}
	if l.pause != BreakerOpen {
		l.st.Breaker, l.dirty = true, true
		l.pause, l.alone = BreakerOpen, true
		l.log.Error("a new mapping lets no event pass: the event set is paused and the events are kept; look at the mapping",
			"code", logs.BreakerOpen, "class", advice.HeldClass, "reasons", reasons, "events", l.heldBack, "mapping", digest, "advice", what.String())
	}
	return true
}
