package batch

import (
	"math"
	"slices"
	"time"

	"relay/queue"
)

// Place identifies a conversion across batches.
type Place struct {
	seq  queue.Seq
	slot int
}

// Suspects returns the suspicions against undecided items.
func (b *Batch) Suspects() map[Place]Suspicion {
	of := make(map[Place]Suspicion)
	for i := range b.Items {
		if it := &b.Items[i]; it.later > 0 && !b.done.has(it.Slot) {
			of[Place{b.Records[it.Rec].Seq, it.Slot % slotsPerRecord}] = it.Suspicion
		}
	}
	return of
}

// Recall restores the suspicions against events that were read again.
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

// Untried reports whether an undecided item has not failed alone.
func (b *Batch) Untried() bool {
	return slices.ContainsFunc(b.Items, func(it Item) bool { return !it.lone && !b.done.has(it.Slot) })
}

// Suspicion is the evidence against an event.
type Suspicion struct {
	later  int  // number of the first acceptance that counts as others succeeding; 0: it was in no failed request
	before int  // Trials.failed when it was first suspected
	fails  int  // how often it failed alone
	alone  int  // how often it failed alone while the connection was known to work
	own    int  // its part of Trials.failed
	lone   bool // it failed alone, and no event that failed as often was accepted since
}

// Trials is the history of requests that fail without identifying an event: how often requests
// succeed, and how often those with a single event fail.
type Trials struct {
	accepts int       // accepted requests
	last    time.Time // time of the last accepted request
	failed  int       // failed requests with a single event that is not to blame, or not yet known to be
	row     int       // failed requests with a single event since the last accepted request
}

const (
	// connectionWorks is how long an accepted request shows that the connection works.
	connectionWorks = 10 * time.Minute
	// maxRowCounted limits how many failures in a row count, since other events that are to
	// blame can cause them. maxFailsCounted limits how many failures count of an event that
	// is accepted in the end.
	maxRowCounted, maxFailsCounted = 5, 30
	// maxChance is the highest probability of an event's failures, if it were not to blame, at
	// which it is blamed.
	maxChance = 1e-4
)

// Accepted returns the number of accepted requests.
func (t *Trials) Accepted() int { return t.accepts }

// Row returns how many requests with a single event have failed since the last accepted one.
func (t *Trials) Row() int { return t.row }

// Lone reports whether the event failed alone, and no event that failed as often was accepted
// since.
func (it *Item) Lone() bool { return it.lone }

// Suspect records that an event was in a request that failed.
func (t *Trials) Suspect(it *Item) {
	if it.later == 0 {
		it.later, it.before = t.accepts+1, t.failed
	}
}

// OthersPass reports whether a request was accepted since the event was first in a failed one.
func (t *Trials) OthersPass(it *Item) bool { return it.later > 0 && t.accepts >= it.later }

// Failed counts the failure of a request with a single event. If nothing was accepted for long,
// the failure is evidence against the connection, not against the event.
func (t *Trials) Failed(it *Item, now time.Time) {
	it.lone = true
	it.fails++
	t.row++
	counts := t.row <= maxRowCounted
	if counts {
		t.failed++
	}
	if now.Sub(t.last) < connectionWorks {
		it.alone++
		if counts {
			it.own++
		}
	}
}

// Blames reports whether an event is to blame that failed alone at least least times. If it were
// not, it would fail only as often as the requests of other events have since it was first
// suspected.
func (t *Trials) Blames(it *Item, least int) bool {
	return t.OthersPass(it) && it.alone >= least &&
		inARow(it.alone, t.accepts-it.later+1, max(t.failed-it.before-it.own, 0)) < maxChance
}

// Explained removes the failures of an event that was to blame.
func (t *Trials) Explained(it *Item) { t.failed = max(t.failed-it.own, 0) }

// Passed records an accepted request. It reports whether one of its events had failed alone
// before. If so, other events that failed no more often no longer count as having failed alone.
func (t *Trials) Passed(b *Batch, accepted []int, now time.Time) bool {
	t.accepts, t.last, t.row = t.accepts+1, now, 0
	most := 0
	for _, i := range accepted {
		if it := &b.Items[i]; it.lone {
			most = max(most, it.fails)
			t.failed += min(it.fails, maxFailsCounted)
		}
	}
	for i := range b.Items {
		if it := &b.Items[i]; it.fails <= most {
			it.lone = false
		}
	}
	return most > 0
}

// inARow returns the probability that n requests fail in a row on a connection on which passed
// others succeeded and failed others failed: Laplace's rule of succession, starting with three
// successes.
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
