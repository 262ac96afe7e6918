package drain

import (
	"slices"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/batch"
)

// recipe is how a batch would be made now.
func (l *lane) recipe() *batch.Recipe {
	at, believed := l.s.clock.Now()
	return &batch.Recipe{Made: time.Now(), Mapping: l.s.o.Mapping(), At: at, Ages: believed, Age: l.settings().MaxAge, Unset: l.s.clock.Start(), By: l.s.o.MappingByDigest}
}

// limits are those of requests now.
func (l *lane) limits() batch.Limits {
	set := l.settings()
	most := batch.Limits{Events: set.MaxEvents, Bytes: set.MaxBytes}
	if l.State.Size > 0 {
		most.Bytes = min(most.Bytes, l.State.Size)
	}
	if l.s.clock.Asking() {
		// Who is too old, and who may travel with whom, is not known before an
		// answer has told the time: ask with a single event.
		most.Events = 1
	}
	return most
}

func (l *lane) make(found queue.Batch, how *batch.Recipe, most batch.Limits, doubt []batch.Item) *batch.Batch {
	b := batch.Make(l.name, found, how, most, batch.Decisions{Doubt: doubt})
	if b.Broke > 0 {
		l.log.Error("events could not be mapped: an internal error; they become dead letters", "code", logs.MapPanic, "events", b.Broke)
	}
	return b
}

// maxStale is how old a batch may be that waits to be sent: what time can
// change is looked at again.
const maxStale = time.Minute

// refresh maps the batch at hand again when the mapping is another one, time
// has passed, or the clock is believed now; never while a request of it is in doubt.
func (l *lane) refresh() {
	b := l.work
	if b == nil || l.attempt != nil && l.attempt.doubt {
		return
	}
	m := l.s.o.Mapping()
	if m == nil {
		return
	}
	_, believed := l.s.clock.Now()
	if m.Digest() == b.How.Mapping.Digest() && time.Since(b.How.Made) < maxStale && believed == b.How.Ages && b.Limits == l.limits() ||
		batch.Recipes(b.InDoubt()) >= maxNotes {
		return
	}
	l.remap()
	l.work.Resume(b)
}

// remap maps the batch's records again; what is decided stays so, and what is in doubt
// as it is.
func (l *lane) remap() {
	b := l.work
	l.work, l.attempt = batch.Make(l.name, b.Batch, l.recipe(), l.limits(), b.Decisions()), nil
	l.work.Recall(b.Suspects())
}

// pick makes sure there is a request at hand; false: the batch is done.
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

// pickProbe takes one event at random to find out whether the pause may end:
// should the first one be the only bad one, another will pass.
func (l *lane) pickProbe() {
	i := l.random()
	l.work.Try(i, i+1)
	l.attempt = newAttempt(l.name, l.work, i, i+1, []int{i})
	l.attempt.probe = true
}

// random is an open item of the batch, one that has not failed alone if there is any.
func (l *lane) random() int {
	open := l.work.Alive(0, len(l.work.Items))
	if l.work.Untried() {
		open = slices.DeleteFunc(open, func(i int) bool { return l.work.Items[i].Lone() })
	}
	return open[min(int(l.s.o.Rand()*float64(len(open))), len(open)-1)]
}
