package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"relay/mapper/personal"
	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/privacy"
)

// deadOf is the listed form of a dead letter; its id and name are masked where
// they may be somebody's.
func deadOf(d queue.DeadLetter) api.Dead {
	return api.Dead{
		ID: d.ID, MessageID: personal.ShowID(d.MessageID), Store: d.Store, Event: privacy.ShowEvent(d.Event, d.EventSet != ""), EventSet: d.EventSet, Reason: d.Reason, Message: d.Message,
		Code: d.Code, Subcode: d.Subcode, FBTraceID: d.FBTraceID, ReceivedAt: d.ReceivedAt, Attempts: d.Attempts,
	}
}

// deadDetailOf is the full form; the body is masked unless full.
func deadDetailOf(d queue.DeadLetter, full bool) api.DeadDetail {
	out := api.DeadDetail{
		Dead: deadOf(d), List: d.List, DeadAt: d.DeadAt, ReleaseAt: timePtr(d.ReleaseAt),
		Mapping: d.MappingHash, Plain: advice.ForReason(d.Reason), Masked: !full, Cut: d.Cut,
	}
	if full {
		out.MessageID, out.Event = d.MessageID, d.Event
	}
	switch {
	case len(d.Body) == 0:
	case !full:
		out.Body = privacy.Mask(d.Body)
	case json.Valid(d.Body):
		out.Body = d.Body
	default:
		out.Text = strings.ToValidUTF8(string(d.Body), string(utf8.RuneError))
	}
	return out
}

// chooses reports whether f chooses d; After and Limit are the lister's.
func chooses(f api.DeadFilter, d queue.DeadLetter) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, d.ID)) &&
		(f.Reason == "" || d.Reason == f.Reason) &&
		(f.Event == "" || d.Event == f.Event) &&
		(f.EventSet == "" || d.EventSet == f.EventSet) &&
		(f.Since.IsZero() || !deadTime(d).Before(f.Since)) &&
		(f.Search == "" || mentions(d, f.Search))
}

// mentions reports whether text is somewhere in what is listed of d.
func mentions(d queue.DeadLetter, text string) bool {
	want := strings.ToLower(text)
	if want == strconv.Itoa(d.Code) || want == strconv.Itoa(d.Subcode) || want == d.EventSet {
		return true
	}
	for _, s := range []string{d.ID, d.MessageID, d.Event, d.Reason, d.Message, d.FBTraceID} {
		if strings.Contains(strings.ToLower(s), want) {
			return true
		}
	}
	return false
}

func deadTime(d queue.DeadLetter) time.Time {
	if d.DeadAt.IsZero() {
		return d.ReceivedAt
	}
	return d.DeadAt
}

// deadLog is the part of a queue that holds dead letters.
type deadLog interface {
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	DeadLetter(id string) (queue.DeadLetter, error)
}

// walkDead calls fn for every dead letter that f chooses, oldest first, until
// fn returns false. It serves the commands as well when no relay runs. fn is
// called outside of the queue's own reading, so it may be as slow as a network
// is.
func walkDead(q deadLog, f api.DeadFilter, fn func(queue.DeadLetter) bool) error {
	if len(f.IDs) > 0 {
		return eachDeadID(q, f, fn)
	}
	n, after := 0, f.After
	for {
		var page []queue.DeadLetter
		bytes, scanned, end := 0, 0, true
		err := q.DeadLetters(after, func(d queue.DeadLetter) bool {
			after = d.ID
			scanned++
			if chooses(f, d) {
				page = append(page, d)
				bytes += len(d.Body)
			}
			end = len(page) < deadPage && bytes < deadPageBytes && scanned < deadPageScan
			return end
		})
		if err != nil {
			return err
		}
		for _, d := range page {
			n++
			if !fn(d) || f.Limit > 0 && n >= f.Limit {
				return nil
			}
		}
		if end {
			return nil
		}
	}
}

// One page of walkDead: that many letters, or bytes, or looked at.
const (
	deadPage      = 500
	deadPageBytes = 4 << 20
	deadPageScan  = 20000
)

func eachDeadID(q deadLog, f api.DeadFilter, fn func(queue.DeadLetter) bool) error {
	n := 0
	for _, id := range f.IDs {
		d, err := q.DeadLetter(id)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !chooses(f, d) {
			continue
		}
		if n++; !fn(d) || f.Limit > 0 && n >= f.Limit {
			return nil
		}
	}
	return nil
}

func deadFilter(r *http.Request, now time.Time) (api.DeadFilter, error) {
	q := r.URL.Query()
	f := api.DeadFilter{
		IDs: q["id"], Reason: q.Get("reason"), Event: q.Get("event"), EventSet: q.Get("event_set"),
		Search: q.Get("search"), After: q.Get("after"),
	}
	var err error
	if v := q.Get("since"); v != "" {
		if f.Since, err = parseSince(v, now); err != nil {
			return f, err
		}
	}
	f.Limit, err = intParam(r, "limit", 0)
	return f, err
}

func (s *Server) listDead(w http.ResponseWriter, r *http.Request) {
	f, err := deadFilter(r, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := newLines(w)
	if err := walkDead(s.o.Queue, f, func(d queue.DeadLetter) bool { return out.write(deadOf(d)) }); err != nil {
		out.broken(s, err)
	}
}

func (s *Server) exportDead(w http.ResponseWriter, r *http.Request) {
	f, err := deadFilter(r, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := newLines(w)
	if err := walkDead(s.o.Queue, f, func(d queue.DeadLetter) bool { return out.write(exportOf(d)) }); err != nil {
		out.broken(s, err)
	}
}

func (s *Server) deadSummary(w http.ResponseWriter, r *http.Request) {
	f, err := deadFilter(r, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	sum, err := s.summary(f)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, sum)
}

func (s *Server) summary(f api.DeadFilter) (api.DeadSummary, error) {
	sum := api.DeadSummary{Plain: advice.Reasons(), Reasons: map[string]int{}, Events: map[string]int{}, EventSets: map[string]int{}}
	err := walkDead(s.o.Queue, f, func(d queue.DeadLetter) bool {
		sum.Total++
		sum.Reasons[d.Reason]++
		sum.Events[privacy.ShowEvent(d.Event, d.EventSet != "")]++
		sum.EventSets[d.EventSet]++
		return true
	})
	return sum, err
}

func (s *Server) showDead(w http.ResponseWriter, r *http.Request) {
	full := r.URL.Query().Get("body") == "full"
	d, err := s.o.Queue.DeadLetter(r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, deadDetailOf(d, full))
}
