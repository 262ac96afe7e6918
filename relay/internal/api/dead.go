package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"
)

// Affected returns how many letters were redriven, or would be.
func (r RetryResult) Affected() (n int64, dryRun bool) { return int64(r.Redriven), r.DryRun }

// Affected returns how many letters were dropped, or would be.
func (r DropResult) Affected() (n int64, dryRun bool) {
	if r.DryRun {
		return int64(r.Matched), true
	}
	return int64(r.Dropped), false
}

// Dead is a dead letter in lists. Its fields are exactly those of docs/contract.md 4.
type Dead struct {
	ID         string    `json:"id"`
	MessageID  string    `json:"message_id"`
	Store      string    `json:"store,omitempty"` // the store whose relay forwarded it
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

// DeadDetail is a dead letter with all its data.
type DeadDetail struct {
	Dead
	List      string          `json:"list,omitempty"`
	DeadAt    time.Time       `json:"dead_at"`
	ReleaseAt *time.Time      `json:"release_at,omitempty"` // when it is redriven by itself
	Mapping   string          `json:"mapping,omitempty"`    // digest of the mapping that refused it
	Plain     string          `json:"plain"`                // the reason in words
	Masked    bool            `json:"masked"`
	Body      json.RawMessage `json:"body,omitempty"`
	Text      string          `json:"text,omitempty"` // instead of body if the event is not JSON
	Cut       int64           `json:"cut,omitempty"`  // truncated bytes of the event

	// Only in an export, for the relay that imports it.
	Lanes []string `json:"lanes,omitempty"` // the lanes of the event
	Flags uint16   `json:"flags,omitempty"` // queue.Flags
}

// Check validates a line of an export. isEventSet distinguishes the ids of event sets from
// the queue's other lanes.
func (x *DeadDetail) Check(isEventSet func(string) bool) error {
	switch {
	case x.Masked:
		return errors.New("the event is masked: export the letters with `relay dead export`")
	case x.Reason == "" || x.ReceivedAt.IsZero() || x.DeadAt.IsZero():
		return errors.New("not a dead letter in the format of `relay dead export`")
	case len(x.Body) == 0 && x.Text == "" && x.Cut == 0:
		return errors.New("the event is missing: export the letters with `relay dead export`")
	case x.EventSet != "" && !isEventSet(x.EventSet):
		return fmt.Errorf("event_set %q is not an event set", x.EventSet)
	}
	return CheckStore(x.Store)
}

// CheckStore validates the name of a store.
func CheckStore(name string) error {
	if len(name) > maxStoreName || !utf8.ValidString(name) {
		return fmt.Errorf("store: expected text of at most %d bytes", maxStoreName)
	}
	return nil
}

const maxStoreName = 200

// DeadImport is the request POST /api/v1/dead/import: dead letters that another relay
// exported. Either all are stored or none.
type DeadImport struct {
	Store   string       `json:"store,omitempty"` // for letters without a store
	Letters []DeadDetail `json:"letters"`
}

// DeadFilter selects dead letters that meet all conditions that are set.
type DeadFilter struct {
	IDs      []string  `json:"ids,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Event    string    `json:"event,omitempty"`
	EventSet string    `json:"event_set,omitempty"`
	Since    time.Time `json:"since,omitzero"`   // became a dead letter at or after this time
	Search   string    `json:"search,omitempty"` // in ids, names, reason, message and trace id
	After    string    `json:"after,omitempty"`  // only letters after this id
	Limit    int       `json:"limit,omitempty"`  // 0: all
}

// Empty reports whether f selects every dead letter.
func (f DeadFilter) Empty() bool {
	return len(f.IDs) == 0 && f.Reason == "" && f.Event == "" && f.EventSet == "" && f.Since.IsZero() && f.Search == ""
}

// query returns f as query parameters of GET /api/v1/dead.
func (f DeadFilter) query() url.Values {
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

// DeadSummary counts dead letters by reason, event and event set.
type DeadSummary struct {
	Total     int            `json:"total"`
	Reasons   map[string]int `json:"reasons"`
	Events    map[string]int `json:"events"`
	EventSets map[string]int `json:"event_sets"`

	Plain map[string]string `json:"plain"` // all possible reasons in words
}

// DeadAction is the request of retry and drop. An empty filter requires All.
type DeadAction struct {
	DeadFilter
	All    bool `json:"all,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}

// RetryResult is the answer to a retry.
type RetryResult struct {
	Success  bool           `json:"success"`
	DryRun   bool           `json:"dry_run"`
	Matched  int            `json:"matched"`    // dead letters selected
	Redriven int            `json:"redriven"`   // put back into the queue; in a dry run: would be
	Pass     int            `json:"would_pass"` // dry run: the mapping would send them
	Skip     map[string]int `json:"would_skip"` // dry run: deliberately not sent, by reason
	Hold     map[string]int `json:"would_hold"` // dry run: dead letters again, by reason
	OwnIDs   int            `json:"own_ids"`    // of those matched, get a new id (id_conflict)
	InDoubt  int            `json:"in_doubt"`   // of those matched, Meta might have stored (unanswered)
	Unrouted int            `json:"unrouted"`   // stay dead letters
	WhyStay  string         `json:"unrouted_because,omitempty"`
	Failed   string         `json:"message,omitempty"` // why it stopped early
}

// DropResult is the answer to a drop.
type DropResult struct {
	Success bool `json:"success"`
	DryRun  bool `json:"dry_run"`
	Matched int  `json:"matched"`
	Dropped int  `json:"dropped"`
}
