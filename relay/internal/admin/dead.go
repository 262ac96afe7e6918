package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"relay/mapper/personal"
	"relay/queue"
	"relay/relay/internal/advice"
)

// Dead is a dead letter in lists: the shape of docs/contract.md 4, no more and no less.
type Dead struct {
	ID         string    `json:"id"`
	MessageID  string    `json:"message_id"`
	Event      string    `json:"event"`
	EventSet   string    `json:"event_set"`
	Reason     string    `json:"reason"`
	Message    string    `json:"message"`
	Code       int       `json:"code"`
	Subcode    int       `json:"subcode"`
	FBTraceID  string    `json:"fbtrace_id"`
	ReceivedAt time.Time `json:"received_at"`
	Attempts   int       `json:"attempts"`
}

// DeadDetail is one dead letter with everything known of it.
type DeadDetail struct {
	Dead
	List      string          `json:"list,omitempty"`
	DeadAt    time.Time       `json:"dead_at"`
	ReleaseAt *time.Time      `json:"release_at,omitempty"` // goes back by itself then
	Mapping   string          `json:"mapping,omitempty"`    // digest of the mapping that refused it
	Plain     string          `json:"plain"`                // the reason in plain words
	Masked    bool            `json:"masked"`
	Body      json.RawMessage `json:"body,omitempty"`
	Text      string          `json:"text,omitempty"` // instead of body, when it is not JSON
	Cut       int64           `json:"cut,omitempty"`  // bytes of the event that there was no room for
}

// DeadOf is the listed form of a dead letter; its id and name are masked where
// they may be somebody's.
func DeadOf(d queue.DeadLetter) Dead {
	return Dead{
		ID: d.ID, MessageID: personal.ShowID(d.MessageID), Event: showEvent(d.Event, d.EventSet != ""), EventSet: d.EventSet, Reason: d.Reason, Message: d.Message,
		Code: d.Code, Subcode: d.Subcode, FBTraceID: d.FBTraceID, ReceivedAt: d.ReceivedAt, Attempts: d.Attempts,
	}
}

// DeadDetailOf is the full form; the body is masked unless full.
func DeadDetailOf(d queue.DeadLetter, full bool) DeadDetail {
	out := DeadDetail{
		Dead: DeadOf(d), List: d.List, DeadAt: d.DeadAt, ReleaseAt: timePtr(d.ReleaseAt),
		Mapping: d.MappingHash, Plain: advice.ForReason(d.Reason), Masked: !full, Cut: d.Cut,
	}
	if full {
		out.MessageID, out.Event = d.MessageID, d.Event
	}
	switch {
	case len(d.Body) == 0:
	case !full:
		out.Body = Mask(d.Body)
	case json.Valid(d.Body):
		out.Body = d.Body
	default:
		out.Text = strings.ToValidUTF8(string(d.Body), string(utf8.RuneError))
	}
	return out
}

// DeadFilter chooses dead letters; each condition that is set must hold.
type DeadFilter struct {
	IDs      []string  `json:"ids,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Event    string    `json:"event,omitempty"`
	EventSet string    `json:"event_set,omitempty"`
	Since    time.Time `json:"since,omitzero"`   // became a dead letter then or later
	Search   string    `json:"search,omitempty"` // in ids, names, reason, message and trace id
	After    string    `json:"after,omitempty"`  // behind this id
	Limit    int       `json:"limit,omitempty"`  // 0: all
}

// Empty reports whether f chooses everything there is.
func (f DeadFilter) Empty() bool {
	return len(f.IDs) == 0 && f.Reason == "" && f.Event == "" && f.EventSet == "" && f.Since.IsZero() && f.Search == ""
}

// Match reports whether f chooses d; After and Limit are the lister's.
func (f DeadFilter) Match(d queue.DeadLetter) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, d.ID)) &&
		(f.Reason == "" || d.Reason == f.Reason) &&
		(f.Event == "" || d.Event == f.Event) &&
		(f.EventSet == "" || d.EventSet == f.EventSet) &&
		(f.Since.IsZero() || !deadTime(d).Before(f.Since)) &&
		(f.Search == "" || f.found(d))
}

func (f DeadFilter) found(d queue.DeadLetter) bool {
	want := strings.ToLower(f.Search)
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

// DeadLog is the part of a queue that holds dead letters.
type DeadLog interface {
	DeadLetters(after string, fn func(queue.DeadLetter) bool) error
	DeadLetter(id string) (queue.DeadLetter, error)
}

// EachDead calls fn for every dead letter that f chooses, oldest first, until
// fn returns false. It serves the commands as well when no relay runs. fn is
// called outside of the queue's own reading, so it may be as slow as a network
// is.
func EachDead(q DeadLog, f DeadFilter, fn func(queue.DeadLetter) bool) error {
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
			if f.Match(d) {
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

// One page of EachDead: that many letters, or bytes, or looked at.
const (
	deadPage      = 500
	deadPageBytes = 4 << 20
	deadPageScan  = 20000
)

func eachDeadID(q DeadLog, f DeadFilter, fn func(queue.DeadLetter) bool) error {
	n := 0
	for _, id := range f.IDs {
		d, err := q.DeadLetter(id)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !f.Match(d) {
			continue
		}
		if n++; !fn(d) || f.Limit > 0 && n >= f.Limit {
			return nil
		}
	}
	return nil
}

// Query is f as query parameters of GET /api/v1/dead.
func (f DeadFilter) Query() url.Values {
	q := url.Values{}
	put := func(k, v string) {
		if v != "" {
			q.Set(k, v)
		}
	}
	put("reason", f.Reason)
	put("event", f.Event)
	put("event_set", f.EventSet)
	put("search", f.Search)
	put("after", f.After)
	if !f.Since.IsZero() {
		put("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		put("limit", strconv.Itoa(f.Limit))
	}
	for _, id := range f.IDs {
		q.Add("id", id)
	}
	return q
}

func deadFilter(r *http.Request, now time.Time) (DeadFilter, error) {
	q := r.URL.Query()
	f := DeadFilter{
		IDs: q["id"], Reason: q.Get("reason"), Event: q.Get("event"), EventSet: q.Get("event_set"),
		Search: q.Get("search"), After: q.Get("after"),
	}
	var err error
	if v := q.Get("since"); v != "" {
		if f.Since, err = ParseSince(v, now); err != nil {
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
	if err := EachDead(s.o.Queue, f, func(d queue.DeadLetter) bool { return out.write(DeadOf(d)) }); err != nil {
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
	if err := EachDead(s.o.Queue, f, func(d queue.DeadLetter) bool { return out.write(DeadDetailOf(d, true)) }); err != nil {
		out.broken(s, err)
	}
}

// DeadSummary counts dead letters by reason, event and event set.
type DeadSummary struct {
	Total     int            `json:"total"`
	Reasons   map[string]int `json:"reasons"`
	Events    map[string]int `json:"events"`
	EventSets map[string]int `json:"event_sets"`

	Plain map[string]string `json:"plain"` // every reason there is, in plain words
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

func (s *Server) summary(f DeadFilter) (DeadSummary, error) {
	sum := DeadSummary{Plain: advice.Reasons(), Reasons: map[string]int{}, Events: map[string]int{}, EventSets: map[string]int{}}
	err := EachDead(s.o.Queue, f, func(d queue.DeadLetter) bool {
		sum.Total++
		sum.Reasons[d.Reason]++
		sum.Events[showEvent(d.Event, d.EventSet != "")]++
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
	writeJSON(w, http.StatusOK, DeadDetailOf(d, full))
}
