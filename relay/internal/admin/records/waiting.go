package records

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relay/mapper/personal"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/privacy"
	"relay/relay/internal/track"
)

// ErrID is wrapped by the errors of ParseSeq.
var ErrID = errors.New("not the id of an event in the queue")

// FormatSeq formats a sequence number as segment-index.
func FormatSeq(s queue.Seq) string { return fmt.Sprintf("%d-%d", uint64(s)>>32, uint32(s)) }

// ParseSeq parses the form of FormatSeq.
func ParseSeq(s string) (queue.Seq, error) {
	seg, index, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(seg, 10, 32)
	b, err2 := strconv.ParseUint(index, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is %w", s, ErrID)
	}
	return queue.Seq(a<<32 | b), nil
}

// Waiting returns a record as lists show it, without its body. Message id and event name
// are masked if they might be personal data.
func Waiting(r queue.Record) api.Queued {
	return api.Queued{
		ID: FormatSeq(r.Seq), MessageID: personal.ShowID(r.ID), Store: r.Store, Event: privacy.ShowEvent(track.Name(r.Body), mapped(r)), EventSets: r.Lanes, ReceivedAt: r.Received,
		Bytes: len(r.Body), Imported: r.Flags&queue.FlagImported != 0, Redriven: r.Flags&queue.FlagRedriven != 0,
	}
}

// WholeWaiting returns a record with its body, which is masked unless full is true.
func WholeWaiting(r queue.Record, full bool) api.Queued {
	q := Waiting(r)
	q.Masked = !full
	if full {
		q.MessageID, q.Event = r.ID, track.Name(r.Body)
	}
	q.Body, q.Text = showBody(r.Body, full)
	return q
}

// mapped reports whether the mapping contained the record's event when it was stored.
func mapped(r queue.Record) bool {
	return len(r.Lanes) > 0 && !slices.Contains(r.Lanes, queue.LaneUnmapped)
}

// matches reports whether f selects r. It ignores EventSet and Limit.
func matches(f api.QueueFilter, r queue.Record) bool {
	return (f.Since.IsZero() || !r.Received.Before(f.Since)) && (f.Event == "" || track.Name(r.Body) == f.Event)
}

// Log is the part of a queue that holds waiting records.
type Log interface {
	Lanes() []queue.LaneStat
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	IsPending(lane string, seq queue.Seq) bool
}

// EachWaiting calls fn once for every waiting record that f selects, lane by lane, oldest
// first, until fn returns false.
func EachWaiting(q Log, f api.QueueFilter, fn func(queue.Record) bool) error {
	lanes := q.Lanes()
	var before []string // lanes already listed
	n := 0
	for _, l := range lanes {
		if f.EventSet != "" && l.Name != f.EventSet || l.Name == queue.LaneHad || l.Name == queue.LaneKept && f.EventSet != queue.LaneKept {
			continue
		}
		for from, more := queue.Seq(0), true; more; {
			b, err := q.Read(l.Name, from, 500, 4<<20)
			if err != nil {
				return fmt.Errorf("read lane: %w", err)
			}
			for _, r := range b.Records {
				// A record for several lanes is listed with the first lane that
				// has not settled it.
				listed := slices.ContainsFunc(before, func(l string) bool { return slices.Contains(r.Lanes, l) && q.IsPending(l, r.Seq) })
				if listed || !matches(f, r) {
					continue
				}
				if n++; !fn(r) || f.Limit > 0 && n >= f.Limit {
					return nil
				}
			}
			more = b.More && b.Next > from
			from = b.Next
		}
		before = append(before, l.Name)
	}
	return nil
}

// Find returns a waiting record by its sequence number, or an error that wraps
// queue.ErrNotFound.
func Find(q Log, id queue.Seq) (queue.Record, error) {
	for _, l := range q.Lanes() {
		if l.Pending == 0 || l.Cursor > id || l.Name == queue.LaneHad {
			continue
		}
		b, err := q.Read(l.Name, id, 1, 1)
		if err != nil {
			return queue.Record{}, fmt.Errorf("read lane: %w", err)
		}
		if len(b.Records) > 0 && b.Records[0].Seq == id {
			return b.Records[0], nil
		}
	}
	return queue.Record{}, fmt.Errorf("event %s waiting: %w", FormatSeq(id), queue.ErrNotFound)
}
