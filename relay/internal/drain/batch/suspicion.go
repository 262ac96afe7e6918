package batch

import (
	"math"
	"slices"
	"time"

	"relay/queue"
)

// Place is where a conversion is, whatever batch it is in.
type Place struct {
	seq  queue.Seq
	slot int
}

// Suspects are the suspicions of what is open, by slot.
func (b *Batch) Suspects() map[Place]Suspicion {
	of := make(map[Place]Suspicion)
	for i := range b.Items {
		if it := &b.Items[i]; it.later > 0 && !b.done.has(it.Slot) {
			of[Place{b.Records[it.Rec].Seq, it.Slot % slotsPerRecord}] = it.Suspicion
		}
	}
	return of
}

// Recall takes up what was held against events before they were read again.
func (b *Batch) Recall(of map[Place]Suspicion) {
	if len(of) == 0 {
		return
	}
	for i := range b.Items {
		it := &b.Items[i]
		if s, ok := of[Place{b.Records[it.Rec].Seq, it.Slot % slotsPerRecord}]; ok {
			it.Suspicion = s
		}
	}
	b.Cut()
}

// Untried says whether something is open that has not failed alone.
func (b *Batch) Untried() bool {
	return slices.ContainsFunc(b.Items, func(it Item) bool { return !it.lone && !b.done.has(it.Slot) })
}

// Suspicion is what speaks against an event.
type Suspicion struct {
	later  int  // an acceptance with this number, or a later one, shows that others get through; 0: it was in no failed request
	before int  // Trials.failed by then
	fails  int  // times that it failed alone
	alone  int  // of them while the connection was known to work
	own    int  // of Trials.failed, those
	lone   bool // it failed alone, and none that failed like it was accepted since
}

// Trials are what is known of a connection on which requests fail without naming an
// event: how often they pass, and how often those with a single event fail.
type Trials struct {
	accepts int       // requests that were accepted
	last    time.Time // the last of them
	failed  int       // requests that failed with a single event which was accepted later, or may yet be
	row     int       // requests with a single event that failed since the last acceptance
}

const (
	// well is how long an acceptance says that the connection works.
	well = 10 * time.Minute
	// Of the failures in a row so many count, for some may be those of others that are to
	// blame; and of each event that is accepted in the end, so many.
	undecided, innocent = 5, 30
	// innocence is how improbable the failures of an event must be, were it not to blame.
	innocence = 1e-4
)

// Accepted is how many requests were accepted.
func (t *Trials) Accepted() int { return t.accepts }

// Row is how many requests with a single event have failed since the last acceptance.
func (t *Trials) Row() int { return t.row }

// Lone says whether an event failed alone, and none that failed like it was accepted
// since.
func (it *Item) Lone() bool { return it.lone }

// Suspect notes that an event was in a request that failed.
func (t *Trials) Suspect(it *Item) {
	if it.later == 0 {
		it.later, it.before = t.accepts+1, t.failed
	}
}

// OthersPass says whether a request was accepted since an event was first in one that
// failed.
func (t *Trials) OthersPass(it *Item) bool { return it.later > 0 && t.accepts >= it.later }

// Failed counts the failure of a request with a single event. One without an
// acceptance for long speaks against the connection, not against the event: an outage
// has gaps.
func (t *Trials) Failed(it *Item, now time.Time) {
	it.lone = true
	it.fails++
	t.row++
	counts := t.row <= undecided
	if counts {
		t.failed++
	}
	if now.Sub(t.last) < well {
		it.alone++
		if counts {
			it.own++
		}
	}
}

// Blames says whether an event that failed alone at least so often is the reason. Were
// it not, it would fail as often as the others do: of their requests since it was first
// suspected, some were accepted and some failed.
func (t *Trials) Blames(it *Item, least int) bool {
	return t.OthersPass(it) && it.alone >= least &&
		inARow(it.alone, t.accepts-it.later+1, max(t.failed-it.before-it.own, 0)) < innocence
}

// Explained takes back the failures of an event that was to blame.
func (t *Trials) Explained(it *Item) { t.failed = max(t.failed-it.own, 0) }

// Passed takes note of an acceptance. It says whether one of the accepted had failed
// alone before: then others that failed no more often are none that failed alone.
func (t *Trials) Passed(b *Batch, accepted []int, now time.Time) bool {
	t.accepts, t.last, t.row = t.accepts+1, now, 0
	most := 0
	for _, i := range accepted {
		if it := &b.Items[i]; it.lone {
			most = max(most, it.fails)
			t.failed += min(it.fails, innocent)
		}
	}
	for i := range b.Items {
		if it := &b.Items[i]; it.fails <= most {
			it.lone = false
		}
	}
	return most > 0
}

// inARow is the chance that n requests fail in a row on a connection on which so many
// others passed and failed: Laplace's rule of succession, begun with three that passed.
func inARow(n, passed, failed int) float64 {
	a, b := float64(failed+1), float64(passed+3)
	log := 0.0
	for _, x := range []float64{a + float64(n), a + b} {
		g, _ := math.Lgamma(x)
		log += g
	}
	for _, x := range []float64{a, a + b + float64(n)} {
		g, _ := math.Lgamma(x)
		log -= g
	}
	return math.Exp(log)
}
