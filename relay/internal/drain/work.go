package drain

import (
	"slices"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/batch"
)

// recipe returns the recipe for a batch made now.
func (l *lane) recipe() *batch.Recipe {
	at, trusted := l.s.clock.Now()
	return &batch.Recipe{Made: time.Now(), Mapping: l.s.o.Mapping(), At: at, Ages: trusted, Age: l.settings().MaxAge, Dates: l.s.dates(), By: l.s.o.MappingByDigest}
}

// limits returns the current limits of a request.
func (l *lane) limits() batch.Limits {
	set := l.settings()
	most := batch.Limits{Events: set.MaxEvents, Bytes: set.MaxBytes}
	if l.State.Size > 0 {
		most.Bytes = min(most.Bytes, l.State.Size)
	}
	if l.s.clock.Asking() {
		// Until an answer has told the time, it is unknown which events are too old and
		// which can share a request: send a single event first.
		most.Events = 1
	}
	return most
}

func (l *lane) make(found queue.Batch, how *batch.Recipe, most batch.Limits, doubt []batch.Item) *batch.Batch {
	b := batch.Make(l.name, found, how, most, batch.Decisions{Doubt: doubt})
	if b.Panics > 0 {
		l.log.Error("events could not be mapped because of an internal error; they become dead letters", "code", logs.MapPanic, "events", b.Panics)
	}
	return b
}

// maxStale is how long a batch can wait before it is mapped again, since its events grow
// older.
const maxStale = time.Minute

// refresh maps the current batch again if the mapping or the limits changed, time has
// passed, or the clock is trusted now; never while its current request is in doubt.
func (l *lane) refresh() {
	b := l.work
	if b == nil || l.attempt != nil && l.attempt.doubt {
		return
	}
	m := l.s.o.Mapping()
	if m == nil {
		return
	}
	_, trusted := l.s.clock.Now()
	if m.Digest() == b.How.Mapping.Digest() && time.Since(b.How.Made) < maxStale && trusted == b.How.Ages && b.Limits == l.limits() ||
		batch.Recipes(b.InDoubt()) >= maxNotes {
		return
	}
	l.remap()
	l.work.Resume(b)
}

// remap maps the batch's records again. Decisions and conversions in doubt stay as they
// are.
func (l *lane) remap() {
	b := l.work
	l.work, l.attempt = batch.Make(l.name, b.Batch, l.recipe(), l.limits(), b.Decisions()), nil
	l.work.Recall(b.Suspects())
}

// pick sets the current request if there is none. It is false when the batch is done.
func (l *lane) pick() bool {
	if l.attempt != nil {
		return true
	}
	lo, hi, open, ok := l.work.Head(l.State.Streak + l.search.Row())
	if ok {
		l.attempt = newAttempt(l.name, l.work, lo, hi, open)
	}
	return ok
}

// pickProbe picks one event at random as a probe. If it always picked the first and only
// that one were bad, the pause would never end.
func (l *lane) pickProbe() {
	i := l.random()
	l.work.Try(i, i+1)
	l.attempt = newAttempt(l.name, l.work, i, i+1, []int{i})
	l.attempt.probe = true
}

// random returns an undecided item of the batch, if possible one that has not failed
// alone.
func (l *lane) random() int {
	open := l.work.Alive(0, len(l.work.Items))
	if l.work.Untried() {
		open = slices.DeleteFunc(open, func(i int) bool { return l.work.Items[i].Lone() })
	}
	return open[min(int(l.s.o.Rand()*float64(len(open))), len(open)-1)]
}
