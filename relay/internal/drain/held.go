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

// The breaker protects the queue from a mapping that Meta refuses, and also from one that
// holds every event: a new mapping with a mistake would turn the whole backlog into dead
// letters as fast as the disk allows.

// byMapping has the reasons for holding a conversion that a mistake in a mapping can cause
// for every event.
var byMapping = []string{
	mapper.ReasonUnrouted, mapper.ReasonExpression, mapper.ReasonMissingValue, mapper.ReasonInvalidValue,
	mapper.ReasonMissingCurrency, mapper.ReasonInvalidCurrency,
}

// mappingHoldsTooMuch reports whether the current batch, which has nothing left to send,
// would make dead letters of too many events in a row with a mapping that has delivered
// none. It does not apply to the first mapping, which has nothing to be compared with.
func (l *lane) mappingHoldsTooMuch() bool {
	b := l.work
	if l.State.Mapping == "" || l.State.Mapping == b.How.Mapping.Digest() {
		return false
	}
	why := make(map[string]int)
	for i := range b.Holds {
		if r := b.Holds[i].Reason; slices.Contains(byMapping, r) {
			why[r]++
		}
	}
	if !b.HoldsCounted { // count a batch once, even if finish is called for it several times
		b.HoldsCounted = true
		for _, n := range why {
			l.heldBack += n
		}
	}
	if len(why) == 0 || l.heldBack < l.settings().BreakerAfter {
		return false
	}
	if !l.skipped {
		l.reportHeld(why)
	}
	return true
}

// skipBatch leaves the batch pending and continues behind it. If a later event is delivered
// with this mapping, the mapping is right, and the skipped records are read again.
func (l *lane) skipBatch() {
	b := l.work
	l.recordDecisions()
	l.position, l.last, l.skipped = b.Next, b.Next, true
	l.work, l.attempt, l.search.on = nil, nil, false
}

// rereadSkipped has the skipped records read again.
func (l *lane) rereadSkipped() {
	if l.skipped {
		l.skipped, l.heldBack, l.unstored = false, 0, true
	}
}

func (l *lane) reportHeld(why map[string]int) {
	reasons := strings.Join(slices.SortedFunc(maps.Keys(why), func(a, b string) int { return cmp.Compare(why[b], why[a]) }), ", ")
	at, _ := l.s.clock.Now()
	what := advice.Held()
	l.problem = &Problem{At: at, Class: advice.HeldClass, Message: "held by the mapping: " + reasons, Advice: what.String()}
	l.log.Error("the new mapping holds every event; none becomes a dead letter until the mapping has delivered one: check the mapping",
		"code", logs.BreakerOpen, "class", advice.HeldClass, "reasons", reasons, "events", l.heldBack, "mapping", l.work.How.Mapping.Digest(), "advice", what.String())
}
