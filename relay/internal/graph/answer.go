package graph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is an HTTP answer as it was read.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	cut     bool // the body ended early or was longer than we read
	sent    int  // events that were sent; 0: a read
	version string
	now     time.Time
	clean   cleaner
}

// envelope is every form of body the Graph API is known to answer with
// (docs/meta.md 6.1–6.3); all members are optional.
type envelope struct {
	EventsReceived num             `json:"events_received"`
	Processed      num             `json:"num_processed_entries"`
	Messages       json.RawMessage `json:"messages"`
	FBTraceID      text            `json:"fbtrace_id"`

	Error json.RawMessage `json:"error"`

	// The old style (docs/meta.md 6.2).
	ErrorCode    num             `json:"error_code"`
	ErrorMsg     text            `json:"error_msg"`
	ErrorSubcode num             `json:"error_subcode"`
	ErrorData    json.RawMessage `json:"error_data"`
}

type metaError struct {
	Message   text            `json:"message"`
	Code      num             `json:"code"`
	Subcode   num             `json:"error_subcode"`
	UserTitle text            `json:"error_user_title"`
	UserMsg   text            `json:"error_user_msg"`
	Data      json.RawMessage `json:"error_data"`
	Blame     json.RawMessage `json:"blame_field_specs"` // seen beside error_data as well
	FBTraceID text            `json:"fbtrace_id"`
}

// result classifies the answer.
func (a *answer) result() Result {
	r := Result{HTTPStatus: a.status}
	var e envelope
	isJSON := !a.cut && json.Unmarshal(a.body, &e) == nil && isObject(a.body)
	if isJSON {
		a.fromJSON(&r, &e)
	} else {
		r.Class = StatusVerdict(a.status)
		r.Message, r.Foreign = a.withoutJSON(), !a.cut
	}
	r.FBTraceID = traceID(cmp.Or(r.FBTraceID, a.header.Get("X-Fb-Trace-Id")))
	a.fromHeaders(&r)
	return r
}

func (a *answer) fromJSON(r *Result, e *envelope) {
	r.FBTraceID = string(e.FBTraceID)
	if m, ok := e.failure(); ok {
		a.fromError(r, m)
		return
	}
	if a.status < 200 || a.status > 299 {
		r.Class = StatusVerdict(a.status)
		r.Message = fmt.Sprintf("HTTP %d with JSON that names no error", a.status)
		return
	}
	if a.sent == 0 { // a read: there is no count to compare
		r.Class = Delivered
		return
	}
	got, ok := e.EventsReceived, e.EventsReceived.ok
	if !ok {
		got, ok = e.Processed, e.Processed.ok
	}
	r.Received = got.n
	switch {
	case !ok:
		r.Class, r.Message = Doubt, "the answer names neither an error nor how many events were received"
	case got.n != a.sent:
		r.Class = Doubt
		r.Message = fmt.Sprintf("%d events were sent, Meta says it received %d", a.sent, got.n)
	default:
		r.Class = Delivered
	}
	var msgs []any
	if json.Unmarshal(e.Messages, &msgs) == nil && len(msgs) > 0 {
		r.Warning = a.clean.text(fmt.Sprint(msgs...))
	}
}

// failure is the error of a body in either style; false: it has none.
func (e *envelope) failure() (metaError, bool) {
	raw := bytes.TrimSpace(e.Error)
	if len(raw) > 0 && raw[0] == '{' {
		var m metaError
		if json.Unmarshal(raw, &m) == nil {
			return m, true
		}
		return metaError{Message: "unreadable error object"}, true
	}
	if e.ErrorCode.ok || e.ErrorMsg != "" {
		return metaError{Message: e.ErrorMsg, Code: e.ErrorCode, Subcode: e.ErrorSubcode, Data: e.ErrorData}, true
	}
	switch string(raw) {
	case "", "null", "false":
		return metaError{}, false
	}
	var m metaError // "error": "invalid_token" and the like
	_ = json.Unmarshal(raw, &m.Message)
	return m, true
}

func (a *answer) fromError(r *Result, m metaError) {
	r.Code, r.Subcode = m.Code.n, m.Subcode.n
	r.FBTraceID = cmp.Or(string(m.FBTraceID), r.FBTraceID)
	if m.Code.ok {
		r.Class, _ = Verdict(r.Code, r.Subcode)
		if class, ok := saying(r.Code, r.Subcode, string(m.Message)); ok {
			r.Class = class
		}
	} else {
		r.Class = StatusVerdict(a.status)
	}
	said := string(m.Message)
	for _, s := range []text{m.UserTitle, m.UserMsg} {
		if s != "" && !strings.Contains(said, string(s)) {
			said = strings.TrimSpace(strings.TrimRight(said, " ") + " – " + string(s))
		}
	}
	r.Message = cmp.Or(a.clean.text(strings.TrimPrefix(said, " – ")), fmt.Sprintf("error without words (HTTP %d)", a.status))
	if r.Class == InvalidEvent || r.Class == InvalidBatch {
		r.Bad = a.blame(r, m)
	}
}

var titleForm = form(`(?is)<title[^>]*>(.{1,200}?)</title>`)

// withoutJSON describes an answer that the Graph API did not write.
func (a *answer) withoutJSON() string {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case a.cut:
		return fmt.Sprintf("HTTP %d, but the answer broke off", a.status)
	case len(bytes.TrimSpace(a.body)) == 0:
		return fmt.Sprintf("HTTP %d with an empty answer", a.status)
	case a.status >= 300 && a.status < 400:
		return fmt.Sprintf("HTTP %d, a redirect, which is not followed: something between relay and Meta answered", a.status)
	case err != nil:
		kind = "unknown content"
	}
	s := fmt.Sprintf("HTTP %d with %s that is no Graph API answer", a.status, kind)
	if m := titleForm().FindSubmatch(a.body); m != nil {
		s += ": " + string(m[1])
	}
	return a.clean.text(s)
}

func isObject(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && b[0] == '{'
}

// traceID keeps an fbtrace_id only if it looks like one.
func traceID(s string) string {
	if len(s) > 64 {
		return ""
	}
	for _, c := range []byte(s) {
		if !(c == '_' || c == '-' || c == '/' || c == '+' || c == '=' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return ""
		}
	}
	return s
}

// num reads an integer that may come as a number or as text; anything else
// leaves it unset instead of spoiling the whole answer.
type num struct {
	n  int
	ok bool
}

// UnmarshalJSON never fails.
func (v *num) UnmarshalJSON(b []byte) error {
	s := strings.TrimSpace(strings.Trim(string(b), `"`))
	if n, err := strconv.Atoi(s); err == nil {
		*v = num{n, true}
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f < 1e15 && f > -1e15 {
		*v = num{int(f), true}
	}
	return nil
}

// text reads a string; anything else counts as absent.
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
	}
	return nil
}
