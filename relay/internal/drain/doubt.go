package drain

import (
	"context"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/ledger"
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

// InDoubt are the records of which Meta may have stored something, by the state of
// their lane.
func InDoubt(state []byte) []queue.Seq {
	d, err := ledger.Decode(state)
	if err != nil {
		return nil // as for a lane: nothing is known to be in doubt
	}
	return batch.InDoubt(d.Notes)
}

// restore reads a batch among whose records is all that the notes have in doubt, and as
// many behind it as otherwise, and makes those conversions again. false: look again.
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
			l.log.Warn("a request in doubt cannot be made again as it was; its events are mapped afresh and may arrive twice",
				"code", logs.RebuildMismatch, "why", why, "events", changed)
		}
	}
	if len(doubt) > 0 {
		l.log.Info("events are in doubt; sending them again, unchanged", "code", logs.DoubtRebuilt, "events", len(doubt))
	}
	if len(doubt) == 0 { // settled, forgotten, or mapped afresh with the others
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
		return log.ReadSeqs(l.name, seqs) //nolint:wrapcheck // said by the caller
	}
	n := l.settings().MaxEvents
	for _, note := range l.State.Notes {
		n = max(n, note.N+l.settings().MaxEvents)
	}
	found, err := l.s.o.Log.Read(l.name, 0, n, 1<<62)
	if err == nil && found.More && len(seqs) > 0 && found.Next <= seqs[len(seqs)-1] {
		// What waits before them was passed over (held.go).
		return l.s.o.Log.Read(l.name, seqs[0], n, 1<<62) //nolint:wrapcheck // said by the caller
	}
	return found, err //nolint:wrapcheck // said by the caller
}

// remake makes the conversions of a note again, those whose records are there: what
// was forgotten is gone. It says how many came out otherwise, and why.
func (l *lane) remake(found queue.Batch, n *batch.Note) (items []batch.Item, changed int, why string) {
	list, err := n.Conversions()
	if err != nil {
		return nil, 1, err.Error()
	}
	at := make(map[queue.Seq]int, len(found.Records))
	for i := range found.Records {
		at[found.Records[i].Seq] = i
	}
	how := &batch.Recipe{Mapping: l.s.mappingBy(n.Mapping), At: n.At, Ages: n.Ages, Unset: batch.Shift{First: n.First, Wrong: n.Wrong, Right: n.Right}}
	b := &batch.Batch{Batch: found, How: how}
	for _, s := range list {
		i, ok := at[s.Seq]
		if !ok || found.Records[i].Settled&(1<<s.Slot) != 0 {
			continue
		}
		if how.Mapping == nil {
			changed, why = changed+1, "the mapping it was made with is not kept any more"
			continue
		}
		it, ok := b.Item(l.name, i, s)
		if !ok {
			changed, why = changed+1, "made again it has other data"
			if n.Encoding != mapper.Encoding {
				why = "relay was upgraded since: it writes conversions otherwise now"
			}
			continue
		}
		it.How, it.Doubt, it.Unanswered, it.Since = how, true, true, n.Sent
		items = append(items, it)
	}
	return items, changed, why
}
