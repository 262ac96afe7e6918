package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"relay/mapper/personal"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/privacy"
	"relay/relay/internal/track"
)

// formatSeq writes a sequence number as people see it.
func formatSeq(s queue.Seq) string { return fmt.Sprintf("%d-%d", uint64(s)>>32, uint32(s)) }

// parseSeq reads what formatSeq wrote.
func parseSeq(s string) (queue.Seq, error) {
	seg, index, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseUint(seg, 10, 32)
	b, err2 := strconv.ParseUint(index, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return 0, badf("%q is not the id of an event in the queue", s)
	}
	return queue.Seq(a<<32 | b), nil
}

// queuedOf is the listed form of a record, without its body; its id and name are
// masked where they may be somebody's.
func queuedOf(r queue.Record) api.Queued {
	return api.Queued{
		ID: formatSeq(r.Seq), MessageID: personal.ShowID(r.ID), Store: r.Store, Event: privacy.ShowEvent(track.Name(r.Body), mapped(r)), EventSets: r.Lanes, ReceivedAt: r.Received,
		Bytes: len(r.Body), Imported: r.Flags&queue.FlagImported != 0, Redriven: r.Flags&queue.FlagRedriven != 0,
	}
}

// queuedFull is queuedOf with the body, whole or masked.
func queuedFull(r queue.Record, full bool) api.Queued {
	q := queuedOf(r)
	q.Masked = !full
	if full {
		q.MessageID, q.Event = r.ID, track.Name(r.Body)
	}
	switch {
	case !full:
		q.Body = privacy.Mask(r.Body)
	case json.Valid(r.Body):
		q.Body = r.Body
	default:
		q.Text = strings.ToValidUTF8(string(r.Body), string(utf8.RuneError))
	}
	return q
}

// mapped says whether a record goes to an event set: the mapping names its event.
func mapped(r queue.Record) bool {
	return len(r.Lanes) > 0 && !slices.Contains(r.Lanes, queue.LaneUnmapped)
}

// queuedMatches reports whether f chooses r, whatever lane it was read from.
func queuedMatches(f api.QueueFilter, r queue.Record) bool {
	return (f.Since.IsZero() || !r.Received.Before(f.Since)) && (f.Event == "" || track.Name(r.Body) == f.Event)
}

// RecordLog is the part of a queue that holds waiting records.
type RecordLog interface {
	Lanes() []queue.LaneStat
	Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (queue.Batch, error)
	Waits(lane string, seq queue.Seq) bool
}

// walkQueued calls fn for every record that waits and that f chooses, lane by
// lane, oldest first, each once, until fn returns false.
func walkQueued(q RecordLog, f api.QueueFilter, fn func(queue.Record) bool) error {
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
				listed := slices.ContainsFunc(before, func(l string) bool { return slices.Contains(r.Lanes, l) && q.Waits(l, r.Seq) })
				if listed || !queuedMatches(f, r) {
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

// findQueued finds a waiting record by its sequence number.
func findQueued(q RecordLog, id queue.Seq) (queue.Record, error) {
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
	return queue.Record{}, fmt.Errorf("event %s waiting: %w", formatSeq(id), queue.ErrNotFound)
}

func (s *Server) getQueue(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.Status().Queue)
}

func (s *Server) queueFilter(r *http.Request) (api.QueueFilter, error) {
	q := r.URL.Query()
	f := api.QueueFilter{EventSet: q.Get("event_set"), Event: q.Get("event")}
	var err error
	if f.EventSet != "" && f.EventSet != queue.LaneUnmapped && f.EventSet != queue.LaneKept {
		if f.EventSet, err = s.findLane(f.EventSet); err != nil {
			return f, err
		}
	}
	if v := q.Get("since"); v != "" {
		if f.Since, err = parseSince(v, s.o.Now()); err != nil {
			return f, err
		}
	}
	f.Limit, err = intParam(r, "limit", 0)
	return f, err
}

func (s *Server) listQueue(w http.ResponseWriter, r *http.Request) {
	s.eachQueued(w, r, queuedOf)
}

func (s *Server) exportQueue(w http.ResponseWriter, r *http.Request) {
	s.eachQueued(w, r, func(rec queue.Record) api.Queued { return queuedFull(rec, true) })
}

func (s *Server) eachQueued(w http.ResponseWriter, r *http.Request, form func(queue.Record) api.Queued) {
	f, err := s.queueFilter(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := newLines(w)
	if err := walkQueued(s.o.Queue, f, func(rec queue.Record) bool { return out.write(form(rec)) }); err != nil {
		out.broken(s, err)
	}
}

func (s *Server) showQueue(w http.ResponseWriter, r *http.Request) {
	full := r.URL.Query().Get("body") == "full"
	id, err := parseSeq(r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	rec, err := findQueued(s.o.Queue, id)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, queuedFull(rec, full))
}
