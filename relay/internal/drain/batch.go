package drain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/graph"
	"relay/relay/internal/track"
)

// batch is what one read of a lane became: conversions in the order in which
// they are sent, and what is settled with the last of them.
//
//	records ──map──► items  [ group A ........ | group B ... | old ... ]
//	                          request  request   request       request
//
// The same records, mapping, time and limits make the same items, byte for
// byte: that is how a request in doubt comes back after a crash.
type batch struct {
	queue.Batch

	how    *recipe
	limits limits
	made   time.Time // monotonic
	items  []item
	done   slots         // decided conversions
	closed slots         // records that are decided as a whole
	makes  []queue.Slots // by record: the conversions that were made of it
	skips  slots         // records with a conversion that is skipped: counted, and so settled, with the batch
	stack  []span
	aged   map[int]bool // groups whose youngest was tried for its age

	holds  []held
	looked bool           // its holds were counted (held.go)
	counts map[string]int // of skips, settled with the batch
	notes  map[string]int
	broke  int // events the mapping could not be applied to at all
}

// recipe is what conversions are made with, beside their records.
type recipe struct {
	m    Mapping
	at   time.Time
	ages bool
	age  time.Duration // since receipt; 0: no limit

	unset shift // of what was received before the clock was set

	by     func(digest string) Mapping // for records that have a recipe of their own; nil: none has
	others map[string]*recipe
}

// of is what a record is made with: by the mapping it was sent with, if Meta may have
// stored it and that mapping is kept.
func (h *recipe) of(rec *queue.Record) *recipe {
	if rec.Recipe == "" || h.by == nil || h.m != nil && rec.Recipe == h.m.Digest() {
		return h
	}
	if other, ok := h.others[rec.Recipe]; ok {
		return other
	}
	other := h
	if m := h.by(rec.Recipe); m != nil {
		same := *h
		same.m, other = m, &same
	}
	if h.others == nil {
		h.others = map[string]*recipe{}
	}
	h.others[rec.Recipe] = other
	return other
}

// received is when a record was received: by the clock as it was then, or by what is
// known of it since.
func (h *recipe) received(rec *queue.Record) time.Time {
	if u := &h.unset; !u.wrong.IsZero() && !plausible(rec.Received) && rec.Seq >= u.first && !rec.Received.Before(u.wrong) {
		return u.right.Add(rec.Received.Sub(u.wrong))
	}
	return rec.Received
}

// limits bound a request.
type limits struct {
	events int
	bytes  int64
}

// held is a conversion that becomes a dead letter without having been sent.
type held struct {
	letter queue.DeadLetter
	slot   int
}

// item is one conversion to send.
type item struct {
	out   mapper.Outcome
	hash  [sha256.Size]byte // of the conversion, once it was in a request
	rec   int32
	slot  int
	group int
	tries int // answered attempts it was part of

	how   *recipe   // that it was made with
	doubt bool      // Meta may have stored it: its bytes stay as they are until that is known
	asked bool      // and of a request with it there was no readable answer
	since time.Time // when it was first sent
	suspicion
}

// span is a range of items: not yet sent, or known to hold a bad one.
type span struct {
	lo, hi  int
	suspect bool
}

type groupKey struct {
	api       mapper.API
	uploadTag string
	testCode  string
	old       bool
	doubt     *recipe // of conversions in doubt: they keep to themselves
}

// decisions are what of a batch stays as it is when it is made again.
type decisions struct {
	done   slots  // conversions that are delivered, or letters
	closed slots  // records of which all are: another mapping makes nothing more of them
	doubt  []item // conversions in doubt
}

// decisions of a batch so far.
func (b *batch) decisions() decisions {
	so := decisions{done: b.done, closed: slices.Clone(b.closed), doubt: b.inDoubt()}
	for i, open := range b.openRecords() {
		if !open {
			so.closed.set(i)
		}
	}
	return so
}

// makeBatch maps records for a lane, but for what is decided so. What of them is
// settled already is made too, so that the order never depends on it, but not sent.
func makeBatch(lane string, found queue.Batch, how *recipe, most limits, so decisions) *batch {
	b := &batch{Batch: found, how: how, limits: most, made: time.Now(), done: so.done, closed: so.closed, counts: map[string]int{}, notes: map[string]int{}}
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
	add := func(it item, k groupKey) {
		g, ok := groups[k]
		if !ok {
			g = len(keys)
			groups[k] = g
			keys = append(keys, k)
		}
		it.group = g
		b.items = append(b.items, it)
	}
	b.items, b.makes = make([]item, 0, len(recs)), make([]queue.Slots, len(recs))
	var taken slots
	for _, it := range so.doubt {
		if !b.done.has(it.slot) {
			taken.set(it.slot)
			add(it, groupKey{api: it.out.API, uploadTag: it.out.UploadTag, testCode: it.out.TestEventCode, doubt: it.how})
		}
	}
	for i := range recs {
		rec, how := &recs[i], how.of(&recs[i])
		outs := b.mapOne(lane, rec, how)
		if taken.any(i) && !slices.ContainsFunc(outs, func(o mapper.Outcome) bool { return taken.has(slotOf(i, o.List, nil)) }) {
			continue // another mapping calls it otherwise: it goes as what Meta may have
		}
		if how.tooOld(rec) && !how.recent(outs) && !taken.any(i) && !b.closed.has(i) {
			b.hold(lane, slotOf(i, "", nil), mapper.Outcome{
				MessageID: rec.ID, Reason: mapper.ReasonExpired,
				Message: fmt.Sprintf("waited in the queue for longer than %s (queue.max_age)", how.age),
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
				b.notes[n.Code]++
			}
			switch out.Kind {
			case mapper.Skip:
				b.counts["skip:"+out.Reason]++
				b.skips.set(i)
			case mapper.Hold:
				b.hold(lane, slot, out)
			case mapper.Send:
				add(item{out: out, rec: int32(i), slot: slot, how: how},
					groupKey{api: out.API, uploadTag: out.UploadTag, testCode: out.TestEventCode, old: how.at.Sub(out.EventTime) > youngAge})
			}
		}
	}
	b.order(keys)
	return b
}

// tooOld applies queue.max_age: only by a clock that is believed, and only to
// a time of receipt that can be one (a till's clock may have stood at 1970).
func (h *recipe) tooOld(rec *queue.Record) bool {
	return h.age > 0 && h.ages && plausible(rec.Received) && h.at.Sub(rec.Received) > h.age
}

// recent says that by its own time the event is younger than queue.max_age
// allows: then the clock was wrong when it was received, and it is not old.
func (h *recipe) recent(outs []mapper.Outcome) bool {
	for i := range outs {
		if outs[i].Kind == mapper.Send && h.at.Sub(outs[i].EventTime) <= h.age {
			return true
		}
	}
	return false
}

// mapOne maps one record. An event that makes the mapper panic is held: it
// must not take the others with it, now and after each restart.
func (b *batch) mapOne(lane string, rec *queue.Record, how *recipe) (outs []mapper.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			b.broke++
			outs = []mapper.Outcome{{
				MessageID: rec.ID, Kind: mapper.Hold, Reason: mapper.ReasonInvalid,
				Message: "relay could not map this event: an internal error",
			}}
		}
	}()
	outs = how.m.MapLane(track.Mapped(rec.Body, rec.ID, how.received(rec), rec.Flags), lane, how.at, how.ages)
	if only := rec.Flags & flagLists; only != 0 {
		if of := slices.DeleteFunc(slices.Clone(outs), func(o mapper.Outcome) bool { return listFlag(o.List) != only }); len(of) > 0 {
			return of // else today's mapping has it in another list
		}
	}
	return outs
}

// slotOf is the slot of a conversion of record rec; before are those that the
// record made before it. Should a list occur twice, the second takes the spare one.
func slotOf(rec int, list string, before []mapper.Outcome) int {
	slot := listSlot(list)
	if slices.ContainsFunc(before, func(o mapper.Outcome) bool { return o.Kind != mapper.Skip && o.List == list }) {
		slot = slotsPerRecord - 1
	}
	return rec*slotsPerRecord + slot
}

// hold makes a dead letter that is settled with the batch.
func (b *batch) hold(lane string, slot int, out mapper.Outcome) {
	if b.done.has(slot) {
		return
	}
	d := b.letter(lane, slot, out, out.Reason, out.Message)
	if out.Reason == mapper.ReasonFuture {
		d.ReleaseAt = out.EventTime
	}
	b.holds = append(b.holds, held{d, slot})
}

// letter is the dead letter of a conversion, by its slot; Attempts and Meta's words are added by
// who knows them.
func (b *batch) letter(lane string, slot int, out mapper.Outcome, reason, message string) queue.DeadLetter {
	r := &b.Records[slot/slotsPerRecord]
	d := queue.DeadLetter{
		Seq: r.Seq, Slot: uint8(slot % slotsPerRecord), Lanes: r.Everywhere(),
		MessageID: r.ID, Event: out.Event, List: out.List, EventSet: lane,
		Reason: reason, Message: message,
		ReceivedAt: r.Received, DeadAt: b.how.at,
		Flags: r.Flags.WithSlots(b.elsewhere(slot))&^flagLists | listFlag(out.List), Body: r.Body,
	}
	if b.how.m != nil {
		d.MappingHash = b.how.m.Digest()
	}
	if !track.IsEventSet(lane) {
		d.EventSet = ""
	}
	return d
}

// elsewhere are the other conversions of a slot's record: what becomes of them is
// decided there, and they are not sent again with the letter of this one.
func (b *batch) elsewhere(slot int) queue.Slots {
	rec := slot / slotsPerRecord
	all := b.decided(rec) | b.Records[rec].Settled
	if rec < len(b.makes) {
		all |= b.makes[rec]
	}
	return all &^ (1 << (slot % slotsPerRecord))
}

// order brings the items into the order of their requests and cuts it into
// requests. Those in doubt come first, as they were sent. Old ones come last, the
// youngest first, so that one refusal for age decides all behind it.
func (b *batch) order(keys []groupKey) {
	rank := make([]int, len(keys))
	for i, k := range keys { // the groups in doubt are the first
		rank[i] = i
		if k.old {
			rank[i] += len(keys)
		}
	}
	if len(keys) > 1 || len(keys) == 1 && keys[0].old {
		slices.SortStableFunc(b.items, func(x, y item) int {
			if d := rank[x.group] - rank[y.group]; d != 0 {
				return d
			}
			if keys[x.group].old {
				return y.out.EventTime.Compare(x.out.EventTime)
			}
			return 0
		})
	}
	b.cut()
}

// cut cuts the items into requests, as if none of them had been sent yet; but those
// that failed alone come last, each by itself.
func (b *batch) cut() {
	var cuts, lone []span
	size := int64(0)
	for i := range b.items {
		it := &b.items[i]
		if it.lone {
			if !b.done.has(it.slot) {
				lone = append(lone, span{lo: i, hi: i + 1})
			}
			continue
		}
		n := int64(len(it.out.Conversion)) + 1
		if last := len(cuts) - 1; last < 0 || cuts[last].hi != i || b.items[cuts[last].lo].group != it.group || i-cuts[last].lo >= b.limit(i) || size+n > b.limits.bytes {
			cuts, size = append(cuts, span{lo: i, hi: i}), 0
		}
		cuts[len(cuts)-1].hi = i + 1
		size += n
	}
	b.stack = append(cuts, lone...)
	slices.Reverse(b.stack) // its end is its top
}

// firstOld says once for each group that its youngest may be tried.
func (b *batch) firstOld(i int) bool {
	if b.aged == nil {
		b.aged = map[int]bool{}
	}
	g := b.items[i].group
	was := b.aged[g]
	b.aged[g] = true
	return !was
}

// limit is how many conversions a request like the one of item i may have.
func (b *batch) limit(i int) int {
	if b.items[i].out.API == mapper.Offline {
		return min(b.limits.events, maxOffline)
	}
	return min(b.limits.events, maxConversions)
}

func (b *batch) isOld(i int) bool { return b.how.at.Sub(b.items[i].out.EventTime) > youngAge }

// alive lists the items of [lo,hi) whose fate is open.
func (b *batch) alive(lo, hi int) []int {
	open := make([]int, 0, hi-lo)
	for i := lo; i < hi; i++ {
		if !b.done.has(b.items[i].slot) {
			open = append(open, i)
		}
	}
	return open
}

// request is the upload of the given items, which are all of one group, and
// the hash of its data.
func (b *batch) request(lane string, items []int) (graph.Request, string) {
	first := &b.items[items[0]].out
	r := graph.Request{
		EventSet: lane, API: first.API, UploadTag: first.UploadTag, TestEventCode: first.TestEventCode,
		Data: make([][]byte, len(items)),
	}
	h := sha256.New()
	for i, at := range items {
		it := &b.items[at]
		it.hash = sha256.Sum256(it.out.Conversion)
		r.Data[i] = it.out.Conversion
		h.Write(it.hash[:])
	}
	for _, s := range []string{string(r.API), r.UploadTag, r.TestEventCode} {
		h.Write([]byte{0})
		h.Write([]byte(s))
	}
	return r, hex.EncodeToString(h.Sum(nil)[:16])
}

// settled says what of the batch is decided: records as a whole, and conversions of
// others. A record that has a conversion to skip is open until the batch is done.
func (b *batch) settled() (whole []queue.Range, parts []queue.Part) {
	open := b.openRecords()
	for i := range b.Records {
		if slots := b.decided(i); open[i] && slots&^b.Records[i].Settled != 0 {
			parts = append(parts, queue.Part{Seq: b.Records[i].Seq, Slots: slots})
		}
	}
	return b.Done(func(i int) bool { return open[i] }), parts
}

// openRecords says of which records something is not decided.
func (b *batch) openRecords() []bool {
	open := make([]bool, len(b.Records))
	some := make([]bool, len(b.Records))
	for i := range b.items {
		it := &b.items[i]
		open[it.rec] = open[it.rec] || !b.done.has(it.slot)
		some[it.rec] = true
	}
	for i := range b.holds {
		open[b.holds[i].slot/slotsPerRecord] = true
	}
	for i := range open {
		open[i] = !b.closed.has(i) && (open[i] || b.skips.has(i) || !some[i] && b.decided(i) == 0)
	}
	return open
}

// decided are the slots of a record that are.
func (b *batch) decided(rec int) (s queue.Slots) {
	for slot := range slotsPerRecord {
		if b.done.has(rec*slotsPerRecord + slot) {
			s |= 1 << slot
		}
	}
	return s
}
