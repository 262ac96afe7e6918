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

// ErrID says what is wrong with an id.
var ErrID = errors.New("not the id of an event in the queue")

// FormatSeq writes a sequence number as people see it.
func FormatSeq(s queue.Seq) string { return fmt.Sprintf("%d-%d", uint64(s)>>32, uint32(s)) }

// ParseSeq reads what FormatSeq wrote.
func ParseSeq(s string) (queue.Seq, error) {
	seg, index, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(seg, 10, 32)
	b, err2 := strconv.ParseUint(index, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q is %w", s, ErrID)
	}
	return queue.Seq(a<<32 | b), nil
}

// Waiting is the listed form of a record, without its body; its id and name are
// masked where they may be somebody's.
func Waiting(r queue.Record) api.Queued {
	return api.Queued{
		ID: FormatSeq(r.Seq), MessageID: personal.ShowID(r.ID), Store: r.Store, Event: privacy.ShowEvent(track.Name(r.Body), mapped(r)), EventSets: r.Lanes, ReceivedAt: r.Received,
		Bytes: len(r.Body), Imported: r.Flags&queue.FlagImported != 0, Redriven: r.Flags&queue.FlagRedriven != 0,
	}
}

// WholeWaiting is Waiting with the body, whole or masked.
func WholeWaiting(r queue.Record, full bool) api.Queued {
	q := Waiting(r)
	q.Masked = !full
	if full {
		q.MessageID, q.Event = r.ID, track.Name(r.Body)
	}
	q.Body, q.Text = shown(r.Body, full)
	return q
}

// mapped says whether a record goes to an event set: the mapping names its event.
func mapped(r queue.Record) bool {
	return len(r.Lanes) > 0 && !slices.Contains(r.Lanes, queue.LaneUnmapped)
}

// matches reports whether f chooses r, whatever lane it was read from.
func matches(f api.QueueFilter, r queue.Record) bool {
	return (f.Since.IsZero() || !r.Received.Before(f.Since)) && (f.Event == "" || track.Name(r.Body) == f.Event)
}

// Log is the part of a queue that holds waiting records.
type Log interface {
	Lanes() []queue.LaneStat
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	IsPending(lane string, seq queue.Seq) bool
}

// EachWaiting calls fn for every record that waits and that f chooses, lane by
// lane, oldest first, each once, until fn returns false.
func EachWaiting(q Log, f api.QueueFilter, fn func(queue.Record) bool) error {
	lanes := q.Lanes()
	var before []string // lanes gone through
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
				// A record for several lanes was listed with the first of them
				// that still waits for it.
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

// Find finds a waiting record by its sequence number.
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
