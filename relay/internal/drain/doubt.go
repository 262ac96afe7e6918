package drain

import (
	"context"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/ledger"
)

// The rule of doubt: Meta might have stored a conversion that was in a request without a
// readable answer. From that request until the outcome is known, the conversion's bytes do
// not change, so that Meta can recognize the repeat; the other conversions in its request
// can change. Before a request is sent, the lane's durable state has a note of every
// conversion in it and of every other one in doubt, with its hash and the recipe that makes
// the same bytes again. So doubt survives a restart, a forget, other settings and another
// mapping. If doubt has to end in another way, that is logged and counted.

// maxNotes limits the number of recipes of a lane's conversions in doubt. Beyond it, the
// lane does not map its batch with a newer mapping.
const maxNotes = 8

// InDoubt returns the records of which Meta might have stored something, from the state of
// their lane.
func InDoubt(state []byte) []queue.Seq {
	d, err := ledger.Decode(state)
	if err != nil {
		return nil // as lane.load does: nothing is known to be in doubt
	}
	return batch.InDoubt(d.Notes)
}

// restore reads a batch that contains every record in the notes, and as many behind them
// as fetch would, and makes the conversions in doubt again. If it returns false, the caller
// starts over.
func (l *lane) restore(ctx context.Context) bool {
	found, err := l.readDoubt()
	if err != nil {
		l.readFailed(ctx, "read", err)
		return false
	}
	l.badRead = 0
	var doubt []batch.Item
	for _, note := range l.State.Notes {
		items, changed, why := l.remake(found, note)
		doubt = append(doubt, items...)
		if changed > 0 {
			l.s.o.Metrics.RebuildMismatch(l.name)
			l.log.Warn("a request in doubt cannot be made again with the same bytes; its events are mapped again and can be counted twice",
				"code", logs.RebuildMismatch, "why", why, "events", changed)
		}
	}
	if len(doubt) > 0 {
		l.log.Info("sending events in doubt again, unchanged", "code", logs.DoubtRebuilt, "events", len(doubt))
	}
	if len(doubt) == 0 { // settled, forgotten, or mapped again with the others
		l.State.Notes, l.Dirty = nil, true
		return false
	}
	l.work = l.make(found, l.recipe(), l.limits(), doubt)
	l.work.Recall(l.search.of)
	l.search.of = nil
	return true
}

func (l *lane) readDoubt() (queue.Batch, error) {
	seqs := batch.InDoubt(l.State.Notes)
	if log, ok := l.s.o.Log.(ByNumber); ok {
		return log.ReadSeqs(l.name, seqs) //nolint:wrapcheck // the caller logs it
	}
	n := l.settings().MaxEvents
	for _, note := range l.State.Notes {
		n = max(n, note.N+l.settings().MaxEvents)
	}
	found, err := l.s.o.Log.Read(l.name, 0, n, 1<<62)
	if err == nil && found.More && len(seqs) > 0 && found.Next <= seqs[len(seqs)-1] {
		// The records before them were skipped (held.go).
		return l.s.o.Log.Read(l.name, seqs[0], n, 1<<62) //nolint:wrapcheck // the caller logs it
	}
	return found, err //nolint:wrapcheck // the caller logs it
}

// remake makes the conversions of a note again, except those whose records were removed by
// a forget. It returns how many came out different, and why.
func (l *lane) remake(found queue.Batch, n *batch.Note) (items []batch.Item, changed int, why string) {
	list, err := n.Conversions()
	if err != nil {
		return nil, 1, err.Error()
	}
	at := make(map[queue.Seq]int, len(found.Records))
	for i := range found.Records {
		at[found.Records[i].Seq] = i
	}
	how := &batch.Recipe{Mapping: l.s.mappingBy(n.Mapping), At: n.At, Ages: n.Ages, Dates: n.Dates}
	b := &batch.Batch{Batch: found, How: how}
	for _, s := range list {
		i, ok := at[s.Seq]
		if !ok || found.Records[i].Settled&(1<<s.Slot) != 0 {
			continue
		}
		if how.Mapping == nil {
			changed, why = changed+1, "the mapping it was made with is no longer kept"
			continue
		}
		it, ok := b.Item(l.name, i, s)
		if !ok {
			changed, why = changed+1, "the new data differs"
			if n.Encoding != mapper.Encoding {
				why = "relay was upgraded and now writes conversions in another form"
			}
			continue
		}
		it.How, it.Doubt, it.Unanswered, it.Since = how, true, true, n.Sent
		items = append(items, it)
	}
	return items, changed, why
}
