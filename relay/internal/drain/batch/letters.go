package batch

import (
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/track"
)

// hold makes a dead letter that is settled with the batch.
func (b *Batch) hold(lane string, slot int, out mapper.Outcome) {
	if b.done.has(slot) {
		return
	}
	d := b.Letter(lane, slot, out, out.Reason, out.Message)
	if out.Reason == mapper.ReasonFuture {
		d.ReleaseAt = out.EventTime
	}
	b.Holds = append(b.Holds, d)
	b.held = append(b.held, slot)
}

// Letter returns the dead letter of a conversion, by its slot. The caller adds the attempts
// and Meta's error.
func (b *Batch) Letter(lane string, slot int, out mapper.Outcome, reason, message string) queue.DeadLetter {
	r := &b.Records[slot/slotsPerRecord]
	received, flags := b.How.Dates.Dated(r)
	d := queue.DeadLetter{
		Seq: r.Seq, Slot: uint8(slot % slotsPerRecord), Lanes: r.AllLanes(),
		MessageID: r.ID, Store: r.Store, Event: out.Event, List: out.List, EventSet: lane,
		Reason: reason, Message: message,
		ReceivedAt: received, DeadAt: b.How.At,
		Flags: flags.WithSlots(b.elsewhere(slot))&^flagLists | ListFlag(out.List), Body: r.Body,
	}
	if b.How.Mapping != nil {
		d.MappingHash = b.How.Mapping.Digest()
	}
	if !track.IsEventSet(lane) {
		d.EventSet = ""
	}
	return d
}

// elsewhere returns the other conversions of a slot's record. They have outcomes of their own
// and must not be sent again when the letter is redriven.
func (b *Batch) elsewhere(slot int) queue.Slots {
	rec := slot / slotsPerRecord
	all := b.decided(rec) | b.Records[rec].Settled
	if rec < len(b.makes) {
		all |= b.makes[rec]
	}
	return all &^ (1 << (slot % slotsPerRecord))
}

// Bury marks the first n of Holds as decided and removes them.
func (b *Batch) Bury(n int) {
	for _, slot := range b.held[:n] {
		b.done.set(slot)
	}
	b.Holds, b.held = b.Holds[n:], b.held[n:]
}

// Unusable returns the letters of messages that can never become a conversion, one for each
// record.
func Unusable(lane string, found queue.Batch, how *Recipe) []queue.DeadLetter {
	b := &Batch{Batch: found, How: how}
	letters := make([]queue.DeadLetter, 0, len(found.Records))
	for i := range found.Records {
		rec := &found.Records[i]
		var outs []mapper.Outcome
		if how.Mapping != nil { // the mapper finds out what is wrong
			outs = b.mapOne(lane, rec, how)
		}
		out := track.Unusable(outs, rec.Body, rec.ID, rec.Flags)
		letters = append(letters, b.Letter(lane, slotOf(i, out.List, nil), out, out.Reason, out.Message))
	}
	return letters
}
