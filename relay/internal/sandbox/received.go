package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"relay/internal/meta"
)

// Received is an event in the sandbox. Two uploads are the same
// Received when set, name and ID are equal; whether they were byte-identical
// is in Hashes.
type Received struct {
	Set        string          `json:"set"`
	API        string          `json:"api"` // conversions or offline
	Name       string          `json:"event_name"`
	ID         string          `json:"id"` // event_id; else order_id and item_number; else the hash of the user keys and event_time
	OrderID    string          `json:"order_id,omitempty"`
	EventTime  int64           `json:"event_time"`
	Times      int             `json:"times"`      // received
	Duplicates int             `json:"duplicates"` // of these, dropped by Meta's rule
	Hashes     []string        `json:"hashes"`     // distinct SHA-256 of the JSON, in order of arrival
	First      time.Time       `json:"first"`
	Last       time.Time       `json:"last"`
	Calls      []int           `json:"calls"` // numbers, at most 16
	UploadTag  string          `json:"upload_tag,omitempty"`
	TestCode   string          `json:"test_event_code,omitempty"` // such events count like others (docs/meta.md 2.1)
	Body       json.RawMessage `json:"body,omitempty"`
}

// eventLog stores the accepted events.
type eventLog struct {
	list  []*Received
	byKey map[string]*Received
	byID  map[string][]*Received
	dedup map[[sha256.Size]byte]time.Time
	max   int
	lost  int // not remembered: over max
}

func (l *eventLog) reset(limit int) {
	*l = eventLog{byKey: map[string]*Received{}, byID: map[string][]*Received{}, dedup: map[[sha256.Size]byte]time.Time{}, max: limit}
}

// copies reports for each place of order_id whether Meta would drop an event as a
// copy if it read that place.
func (l *eventLog) copies(now time.Time, keys dedupKeys) map[string]bool {
	out := make(map[string]bool, len(keys))
	for place, key := range keys {
		k := sha256.Sum256([]byte(place + "\x00" + key))
		first, seen := l.dedup[k]
		switch {
		case seen && now.Sub(first) < meta.DedupWindow:
			out[place] = true
		case seen || len(l.dedup) < 3*l.max:
			l.dedup[k] = now
		}
	}
	return out
}

// accept records one event, and whether Meta would drop it as a copy.
func (l *eventLog) accept(now time.Time, call int, n Received, duplicate bool, raw []byte, keepBody bool) {
	sum := sha256.Sum256(raw)
	hash := hex.EncodeToString(sum[:])
	key := n.Set + "\x00" + n.Name + "\x00" + n.ID
	e := l.byKey[key]
	if e == nil {
		if len(l.list) >= l.max {
			l.lost++
			return
		}
		e = &n
		e.First = now
		if keepBody {
			e.Body = slices.Clone(raw)
		}
		l.list = append(l.list, e)
		l.byKey[key] = e
		l.byID[n.ID] = append(l.byID[n.ID], e)
	}
	e.Times++
	e.Last = now
	if duplicate {
		e.Duplicates++
	}
	if !slices.Contains(e.Hashes, hash) {
		e.Hashes = append(e.Hashes, hash)
	}
	if len(e.Calls) < 16 {
		e.Calls = append(e.Calls, call)
	}
}

// Filter chooses events; zero fields choose all.
type Filter struct {
	Set, Name, ID string
	Limit         int
}

// Events returns copies of the accepted events, in order of first arrival.
func (s *Sandbox) Events(f Filter) []Received {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.events.list
	if f.ID != "" {
		from = s.events.byID[f.ID]
	}
	var out []Received
	for _, e := range from {
		if (f.Set != "" && e.Set != f.Set) || (f.Name != "" && e.Name != f.Name) {
			continue
		}
		c := *e
		c.Hashes, c.Calls = slices.Clone(e.Hashes), slices.Clone(e.Calls)
		out = append(out, c)
		if f.Limit > 0 && len(out) == f.Limit {
			break
		}
	}
	return out
}

// Verification compares a producer's ids with what was received. Lists hold
// at most 100 ids, counts all.
type Verification struct {
	IDs        int      `json:"ids"` // distinct
	Missing    int      `json:"missing"`
	Unexpected int      `json:"unexpected"` // received, but not in the list
	Repeated   int      `json:"repeated"`   // received more than once
	Changed    int      `json:"changed"`    // received with different content
	MissingIDs []string `json:"missing_ids,omitempty"`
	Unexpect   []string `json:"unexpected_ids,omitempty"`
	ChangedIDs []string `json:"changed_ids,omitempty"`
	Forgotten  int      `json:"forgotten,omitempty"` // accepted beyond max_events: the rest says nothing then
}

// Verify compares ids with the IDs of received events, of one set or of all.
func (s *Sandbox) Verify(ids []string, set string) Verification {
	want := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		want[id] = struct{}{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := Verification{IDs: len(want), Forgotten: s.events.lost}
	add := func(n *int, list *[]string, id string) {
		if *n++; *n <= 100 {
			*list = append(*list, id)
		}
	}
	got := map[string]struct{}{}
	for _, e := range s.events.list {
		if set != "" && e.Set != set {
			continue
		}
		if _, ok := got[e.ID]; !ok {
			got[e.ID] = struct{}{}
			if _, ok := want[e.ID]; !ok {
				add(&v.Unexpected, &v.Unexpect, e.ID)
			}
		}
		if e.Times > 1 {
			v.Repeated++
		}
		if len(e.Hashes) > 1 {
			add(&v.Changed, &v.ChangedIDs, e.ID)
		}
	}
	for _, id := range ids {
		if _, ok := want[id]; !ok {
			continue // seen twice in the list
		}
		if _, ok := got[id]; !ok {
			add(&v.Missing, &v.MissingIDs, id)
		}
		delete(want, id)
	}
	return v
}

// Call is one request as the sandbox saw it. It never holds a token.
type Call struct {
	N         int       `json:"n"` // from 1
	At        time.Time `json:"at"`
	Set       string    `json:"set,omitempty"`
	Method    string    `json:"method"`
	Edge      string    `json:"edge,omitempty"`
	Bytes     int       `json:"bytes,omitempty"`
	Events    int       `json:"events,omitempty"`
	Accepted  bool      `json:"accepted"`            // its events were taken, whatever the answer was
	DataHash  string    `json:"data_hash,omitempty"` // SHA-256 over its events, to see identical retries
	Status    int       `json:"status,omitempty"`    // 0: no answer
	Code      int       `json:"code,omitempty"`
	Subcode   int       `json:"subcode,omitempty"`
	FBTraceID string    `json:"fbtrace_id"`
}

// Stats are counts since the start or the last reset.
type Stats struct {
	Requests   int `json:"requests"`
	Accepted   int `json:"accepted_requests"`
	Events     int `json:"events"`     // accepted, copies included
	Unique     int `json:"unique"`     // by set, name and id
	Duplicates int `json:"duplicates"` // dropped by Meta's rule
	// What Meta drops if it reads order_id at the event, or in custom_data.
	DuplicatesAtEvent  int            `json:"duplicates_at_event"`
	DuplicatesAtCustom int            `json:"duplicates_at_custom_data"`
	Refused            int            `json:"refused_events"`
	Bytes              int64          `json:"bytes"`
	MaxEvents          int            `json:"max_events_per_request"`
	Throttled          int            `json:"throttled"`
	CallsWhileBlocked  int            `json:"calls_while_blocked"`
	ConnectionsCut     int            `json:"connections_cut"`
	ByStatus           map[string]int `json:"by_status"`
	ByCode             map[string]int `json:"by_code"`
	BySet              map[string]int `json:"by_set"` // events accepted
	First              *time.Time     `json:"first,omitempty"`
	Last               *time.Time     `json:"last,omitempty"`
	Mode               string         `json:"mode"`
	Forgotten          int            `json:"forgotten,omitempty"`
}

const maxCalls = 100_000

// callLog is the list of calls, the first 100,000, and the counts of all.
type callLog struct {
	list  []*Call
	stats Stats
}

func (l *callLog) reset() {
	*l = callLog{stats: Stats{ByStatus: map[string]int{}, ByCode: map[string]int{}, BySet: map[string]int{}}}
}

func (l *callLog) begin(now time.Time, set, method, edge string) *Call {
	l.stats.Requests++
	c := &Call{N: l.stats.Requests, At: now, Set: set, Method: method, Edge: edge}
	c.FBTraceID = fmt.Sprintf("Sandbox%06d", c.N)
	if len(l.list) < maxCalls {
		l.list = append(l.list, c)
	}
	return c
}

func (l *callLog) end(c *Call, status, code, subcode int) {
	if c.Status != 0 {
		return
	}
	c.Status = status
	if code != 0 {
		c.Code, c.Subcode = code, subcode
	}
	l.stats.Bytes += int64(c.Bytes)
	l.stats.ByStatus[fmt.Sprint(status)]++
	if c.Code != 0 {
		k := fmt.Sprint(c.Code)
		if c.Subcode != 0 {
			k += fmt.Sprintf("/%d", c.Subcode)
		}
		l.stats.ByCode[k]++
	}
}

func (l *callLog) cut(c *Call) {
	l.stats.ConnectionsCut++
	if c.Status == 0 {
		l.stats.Bytes += int64(c.Bytes)
	}
}

// Stats returns the counts so far.
func (s *Sandbox) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.calls.stats
	st.Unique, st.Forgotten, st.Mode = len(s.events.list), s.events.lost, s.set.Mode
	if st.Mode == "" {
		st.Mode = OK
	}
	st.ByStatus, st.ByCode, st.BySet = clone(st.ByStatus), clone(st.ByCode), clone(st.BySet)
	return st
}

func clone(m map[string]int) map[string]int {
	c := make(map[string]int, len(m))
	maps.Copy(c, m)
	return c
}

// Calls returns the calls with a number above after, at most limit (0: all).
func (s *Sandbox) Calls(after, limit int) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls.list[min(max(after, 0), len(s.calls.list)):] {
		out = append(out, *c)
		if limit > 0 && len(out) == limit {
			break
		}
	}
	return out
}
