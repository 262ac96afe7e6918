// Package batch decides what a lane sends. It maps records to conversions, sorts them and
// cuts them into requests. From the answers it derives what is delivered, which event is to
// blame, what is in doubt and what is sent next. It is pure: no waiting, no clock, no network.
//
//	records + Recipe ──Make──► Batch ──Head──► Request
//	                             ▲                │
//	     Accept, Refuse, Kill,   └──── answer ────┘     Settled, Intent: what the lane stores
//	     Trials.Failed/Passed
//
// Guarantees: the same records and recipe make the same bytes. A conversion that is decided or
// in doubt does not change with another mapping (Decisions). An event is blamed only if the
// answers for other events rule out an outage (Trials).
package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/graph"
	"relay/relay/internal/track"
)

// Batch is the result of mapping one read of a lane: conversions in the order in which they
// are sent, and what is settled with the last of them.
//
//	records ──map──► items  [ group A ........ | group B ... | old ... ]
//	                          request  request   request       request
//
// The same records, mapping, time and limits make the same items, byte for byte. After a crash
// a request in doubt is made again that way.
type Batch struct {
	queue.Batch

	How    *Recipe
	Limits Limits
	Items  []Item
	done   slots         // decided conversions
	closed slots         // records that are decided as a whole
	makes  []queue.Slots // by record: the conversions that it was mapped to
	skips  slots         // records with a skipped conversion: counted and settled with the batch
	stack  []span
	aged   map[int]bool // groups whose youngest item was tried for its age

	Holds        []queue.DeadLetter // of conversions that must not be sent
	held         []int              // their slots
	HoldsCounted bool               // its holds were counted by the lane
	Counts       map[string]int     // skips, settled with the batch
	Notes        map[string]int
	Panics       int // events that made the mapper panic
}

// Limits are the limits of a request.
type Limits struct {
	Events int
	Bytes  int64
}

// Item is one conversion to send.
type Item struct {
	Out   mapper.Outcome
	hash  [sha256.Size]byte // of the conversion; set once it was in a request
	Rec   int32
	Slot  int
	Group int
	Tries int // answered attempts that it was part of

	How        *Recipe   // that it was made with
	Doubt      bool      // Meta may have stored it: its bytes stay as they are until that is known
	Unanswered bool      // and of a request with it there was no readable answer
	Since      time.Time // when it was first sent
	Suspicion
}

// span is a range of items: not yet sent, or known to hold a bad one.
type span struct {
	lo, hi  int
	suspect bool
}

type groupKey struct {
	api       meta.API
	uploadTag string
	testCode  string
	old       bool
	doubt     *Recipe // of conversions in doubt: they keep to themselves
}

// Decisions are the parts of a batch that stay the same when it is made again.
type Decisions struct {
	done   slots  // conversions that are delivered or dead letters
	closed slots  // records whose conversions all are: another mapping adds none
	Doubt  []Item // conversions in doubt
}

// Decisions returns the decisions of the batch so far.
func (b *Batch) Decisions() Decisions {
	so := Decisions{done: b.done, closed: slices.Clone(b.closed), Doubt: b.InDoubt()}
	for i, open := range b.openRecords() {
		if !open {
			so.closed.set(i)
		}
	}
	return so
}

// Make maps records for a lane, except those already decided in so. Conversions that are
// settled are made too, so that the order does not depend on them, but they are not sent.
func Make(lane string, found queue.Batch, how *Recipe, most Limits, so Decisions) *Batch {
	b := &Batch{Batch: found, How: how, Limits: most, done: so.done, closed: so.closed, Counts: map[string]int{}, Notes: map[string]int{}}
	recs := found.Records
	for i := range recs {
		for s := range slotsPerRecord {
			if recs[i].Settled&(1<<s) != 0 {
				b.done.set(i*slotsPerRecord + s)
			}
		}
	}
	groups := make(map[groupKey]int)
	var keys []groupKey
	add := func(it Item, k groupKey) {
		g, ok := groups[k]
		if !ok {
			g = len(keys)
			groups[k] = g
			keys = append(keys, k)
		}
		it.Group = g
		b.Items = append(b.Items, it)
	}
	b.Items, b.makes = make([]Item, 0, len(recs)), make([]queue.Slots, len(recs))
	var taken slots
	for _, it := range so.Doubt {
		if !b.done.has(it.Slot) {
			taken.set(it.Slot)
			add(it, groupKey{api: it.Out.API, uploadTag: it.Out.UploadTag, testCode: it.Out.TestEventCode, doubt: it.How})
		}
	}
	for i := range recs {
		rec, how := &recs[i], how.of(&recs[i])
		outs := b.mapOne(lane, rec, how)
		if taken.any(i) && !slices.ContainsFunc(outs, func(o mapper.Outcome) bool { return taken.has(slotOf(i, o.List, nil)) }) {
			continue // this mapping puts it in another list: only the conversion in doubt is sent
		}
		if how.tooOld(rec) && !how.recent(outs) && !taken.any(i) && !b.closed.has(i) {
			b.hold(lane, slotOf(i, "", nil), mapper.Outcome{
				MessageID: rec.ID, Reason: mapper.ReasonExpired,
				Message: fmt.Sprintf("waited in the queue for longer than %s (queue.max_age)", how.Age),
			})
			continue
		}
		for j, out := range outs {
			slot := slotOf(i, out.List, outs[:j])
			if out.Kind != mapper.Skip {
				b.makes[i] |= 1 << (slot % slotsPerRecord)
			}
			if taken.has(slot) || b.closed.has(i) && (out.Kind != mapper.Send || !b.done.has(slot)) {
				continue
			}
			for _, n := range out.Notes {
				b.Notes[n.Code]++
			}
			switch out.Kind {
			case mapper.Skip:
				b.Counts["skip:"+out.Reason]++
				b.skips.set(i)
			case mapper.Hold:
				b.hold(lane, slot, out)
			case mapper.Send:
				add(Item{Out: out, Rec: int32(i), Slot: slot, How: how},
					groupKey{api: out.API, uploadTag: out.UploadTag, testCode: out.TestEventCode, old: how.At.Sub(out.EventTime) > meta.EventAge})
			}
		}
	}
	b.order(keys)
	return b
}

// mapOne maps one record. An event that makes the mapper panic is held, so that it does not
// stop all others, now and after each restart.
func (b *Batch) mapOne(lane string, rec *queue.Record, how *Recipe) (outs []mapper.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			b.Panics++
			outs = []mapper.Outcome{{
				MessageID: rec.ID, Kind: mapper.Hold, Reason: mapper.ReasonInvalid,
				Message: "relay could not map this event: an internal error",
			}}
		}
	}()
	received, _ := how.Dates.Received(rec)
	ev := track.Mapped(rec.Body, rec.ID, received, rec.Flags)
	ev.Store = rec.Store
	outs = how.Mapping.MapLane(ev, lane, how.At, how.Ages)
	if only := rec.Flags & flagLists; only != 0 {
		if of := slices.DeleteFunc(slices.Clone(outs), func(o mapper.Outcome) bool { return ListFlag(o.List) != only }); len(of) > 0 {
			return of // otherwise the current mapping has it in another list
		}
	}
	return outs
}

// slotOf returns the slot of a conversion of record rec. before are the record's earlier
// conversions: if a list occurs twice, the second conversion gets the spare slot.
func slotOf(rec int, list string, before []mapper.Outcome) int {
	slot := ListSlot(list)
	if slices.ContainsFunc(before, func(o mapper.Outcome) bool { return o.Kind != mapper.Skip && o.List == list }) {
		slot = slotsPerRecord - 1
	}
	return rec*slotsPerRecord + slot
}

// Request returns the upload of the given items, which must be of one group, and the hash of
// its data.
func (b *Batch) Request(lane string, items []int) (graph.Request, string) {
	first := &b.Items[items[0]].Out
	r := graph.Request{
		EventSet: lane, API: first.API, UploadTag: first.UploadTag, TestEventCode: first.TestEventCode,
		Data: make([][]byte, len(items)),
	}
	h := sha256.New()
	for i, at := range items {
		it := &b.Items[at]
		it.hash = sha256.Sum256(it.Out.Conversion)
		r.Data[i] = it.Out.Conversion
		h.Write(it.hash[:])
	}
	for _, s := range []string{string(r.API), r.UploadTag, r.TestEventCode} {
		h.Write([]byte{0})
		h.Write([]byte(s))
	}
	return r, hex.EncodeToString(h.Sum(nil)[:16])
}

// Settled returns what is decided: whole records, and parts of others. A record with a skipped
// conversion is undecided until the batch is done.
func (b *Batch) Settled() (whole []queue.Range, parts []queue.Part) {
	open := b.openRecords()
	for i := range b.Records {
		if slots := b.decided(i); open[i] && slots&^b.Records[i].Settled != 0 {
			parts = append(parts, queue.Part{Seq: b.Records[i].Seq, Slots: slots})
		}
	}
	return b.RangesExcept(func(i int) bool { return open[i] }), parts
}

// decided returns the decided slots of a record.
func (b *Batch) decided(rec int) (s queue.Slots) {
	for slot := range slotsPerRecord {
		if b.done.has(rec*slotsPerRecord + slot) {
			s |= 1 << slot
		}
	}
	return s
}

// OpenCount returns the number of undecided records.
func (b *Batch) OpenCount() (n int) {
	for _, open := range b.openRecords() {
		if open {
			n++
		}
	}
	return n
}

// openRecords reports, for each record, whether some of it is undecided.
func (b *Batch) openRecords() []bool {
	open := make([]bool, len(b.Records))
	some := make([]bool, len(b.Records))
	for i := range b.Items {
		it := &b.Items[i]
		open[it.Rec] = open[it.Rec] || !b.done.has(it.Slot)
		some[it.Rec] = true
	}
	for i := range b.held {
		open[b.held[i]/slotsPerRecord] = true
	}
	for i := range open {
		open[i] = !b.closed.has(i) && (open[i] || b.skips.has(i) || !some[i] && b.decided(i) == 0)
	}
	return open
}
