package drain

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
)

// The rule of doubt. Meta may have stored a conversion that was in a request without
// a readable answer. From the first such request until its fate is known its bytes
// stay as they are, so that Meta can tell the repeat; with which others it travels
// may change. Before a request leaves, the lane's durable state has a note of it, and
// of all else in doubt: which conversions, the hash of each, and the recipe that makes
// the same bytes again. So doubt survives a restart, a forget, other settings and
// another mapping. Where it has to end otherwise it is said and counted.

// maxNotes bounds how many recipes a lane has conversions in doubt of. With more of
// them it goes on with the mapping that it has.
const maxNotes = 8

// metaForgets is how long Meta knows an event that is sent again (facts: meta-wire 5.3).
const metaForgets = 7 * 24 * time.Hour

// doubtful are notes of what is in doubt, and of the items of a request that is about to leave.
func (b *batch) doubtful(leaving []int, at time.Time) (out []*note) {
	leaves := make(map[int]bool, len(leaving))
	for _, i := range leaving {
		leaves[i] = true
		if b.items[i].since.IsZero() {
			b.items[i].since = at
		}
	}
	lists := make(map[*recipe][]sent)
	of := make(map[*recipe]*note)
	for i := range b.items {
		it := &b.items[i]
		if !it.doubt && !leaves[i] || b.done.has(it.slot) {
			continue
		}
		n := of[it.how]
		if n == nil {
			n = &note{Mapping: it.how.m.Digest(), At: it.how.at, Ages: it.how.ages, First: it.how.unset.first, Wrong: it.how.unset.wrong, Right: it.how.unset.right, Encoding: mapper.Encoding, Sent: it.since.UTC()}
			of[it.how] = n
			out = append(out, n)
		}
		n.N = max(n.N, int(it.rec)+1)
		if it.since.Before(n.Sent) {
			n.Sent = it.since.UTC()
		}
		lists[it.how] = append(lists[it.how], b.sent(i))
	}
	for how, n := range of {
		n.Items = encodeSent(lists[how])
	}
	return out
}

// sent is an item as a note has it.
func (b *batch) sent(i int) sent {
	it := &b.items[i]
	return sent{seq: b.Records[it.rec].Seq, slot: it.slot % slotsPerRecord, hash: [8]byte(it.hash[:])}
}

// inDoubt are the batch's items in doubt.
func (b *batch) inDoubt() (out []item) {
	for i := range b.items {
		if it := &b.items[i]; it.doubt && !b.done.has(it.slot) {
			out = append(out, *it)
		}
	}
	return out
}

// InDoubt are the records of which Meta may have stored something, by the state of
// their lane.
func InDoubt(state []byte) []queue.Seq {
	d, err := decodeState(state)
	if err != nil {
		return nil // as for a lane: nothing is known to be in doubt
	}
	return inDoubt(d.Notes)
}

// inDoubt are the records that notes name, ascending.
func inDoubt(notes []*note) (seqs []queue.Seq) {
	for _, n := range notes {
		items, _ := decodeSent(n.Items)
		for _, it := range items {
			seqs = append(seqs, it.seq)
		}
	}
	slices.Sort(seqs)
	return slices.Compact(seqs)
}

// recipes counts what they were made with.
func recipes(items []item) int {
	of := make(map[*recipe]bool)
	for i := range items {
		of[items[i].how] = true
	}
	return len(of)
}

// restore reads a batch among whose records is all that the notes have in doubt, and as
// many behind it as otherwise, and makes those conversions again. false: look again.
func (l *lane) restore(ctx context.Context) bool {
	n := l.settings().MaxEvents
	for _, note := range l.st.Notes {
		n = max(n, note.N+l.settings().MaxEvents)
	}
	found, err := l.s.o.Log.Read(l.name, 0, n, 1<<62)
	if seqs := inDoubt(l.st.Notes); err == nil && found.More && len(seqs) > 0 && found.Next <= seqs[len(seqs)-1] {
		// What waits before them was passed over (held.go).
		found, err = l.s.o.Log.Read(l.name, seqs[0], n, 1<<62)
	}
	if err != nil {
		l.storage(ctx, "read", err)
		return false
	}
	l.badRead = 0
	var doubt []item
	for _, note := range l.st.Notes {
		items, changed, why := l.remake(found, note)
		doubt = append(doubt, items...)
		if changed > 0 {
			l.s.o.Metrics.RebuildMismatch(l.name)
			l.log.Warn("a request in doubt cannot be made again as it was; its events are mapped afresh and may arrive twice",
				"code", logs.RebuildMismatch, "why", why, "events", changed)
		}
	}
	if len(doubt) > 0 {
		l.log.Info("events are in doubt; sending them again, unchanged", "code", logs.DoubtRebuilt, "events", len(doubt))
	}
	if len(doubt) == 0 { // settled, forgotten, or mapped afresh with the others
		l.st.Notes, l.dirty = nil, true
		return false
	}
	l.work = l.make(found, l.recipe(), l.limits(), doubt)
	l.work.recall(l.search.of)
	l.search.of = nil
	return true
}

// remake makes the conversions of a note again, those whose records are there: what
// was forgotten is gone. It says how many came out otherwise, and why.
func (l *lane) remake(found queue.Batch, n *note) (items []item, changed int, why string) {
	list, err := decodeSent(n.Items)
	if err != nil {
		return nil, 1, err.Error()
	}
	at := make(map[queue.Seq]int, len(found.Records))
	for i := range found.Records {
		at[found.Records[i].Seq] = i
	}
	how := &recipe{m: l.s.mappingBy(n.Mapping), at: n.At, ages: n.Ages, unset: shift{n.First, n.Wrong, n.Right}}
	b := &batch{Batch: found, how: how}
	for _, s := range list {
		i, ok := at[s.seq]
		if !ok || found.Records[i].Settled&(1<<s.slot) != 0 {
			continue
		}
		if how.m == nil {
			changed, why = changed+1, "the mapping it was made with is not kept any more"
			continue
		}
		it, ok := b.item(l.name, i, s)
		if !ok {
			changed, why = changed+1, "made again it has other data"
			if n.Encoding != mapper.Encoding {
				why = "relay was upgraded since: it writes conversions otherwise now"
			}
			continue
		}
		it.how, it.doubt, it.asked, it.since = how, true, true, n.Sent
		items = append(items, it)
	}
	return items, changed, why
}

// item makes the conversion of record i that a note has; false: it comes out otherwise.
func (b *batch) item(lane string, i int, s sent) (item, bool) {
	outs := b.mapOne(lane, &b.Records[i], b.how)
	for j, out := range outs {
		slot := slotOf(i, out.List, outs[:j])
		if out.Kind != mapper.Send || slot%slotsPerRecord != s.slot {
			continue
		}
		it := item{out: out, hash: sha256.Sum256(out.Conversion), rec: int32(i), slot: slot}
		return it, slices.Equal(it.hash[:8], s.hash[:])
	}
	return item{}, false
}
