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
// letters of too many events in a row by a mapping that has delivered none. The very
// first mapping has nothing to be compared with.
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
	if !b.Looked { // else finish could not store all of its letters
		b.Looked = true
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

// passOver leaves the batch where it is and goes on behind it: should something there
// be delivered by this mapping, it is right, and what was passed over is read again.
func (l *lane) skipBatch() {
	b := l.work
	l.recordDecisions()
	l.position, l.last, l.skipped = b.Next, b.Next, true
	l.work, l.attempt, l.search.on = nil, nil, false
}

// lookAgain reads what was passed over again.
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
	l.log.Error("a new mapping lets no event pass: none becomes a dead letter until it has delivered one; look at the mapping",
		"code", logs.BreakerOpen, "class", advice.HeldClass, "reasons", reasons, "events", l.heldBack, "mapping", l.work.How.Mapping.Digest(), "advice", what.String())
}
