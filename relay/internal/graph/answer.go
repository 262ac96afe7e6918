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

// answer is an HTTP answer before it is classified.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	cut     bool // the body is incomplete: it ended early, or is longer than maxAnswer
	sent    int  // events in the request; 0: a read
	version string
	now     time.Time
	clean   cleaner
}

// envelope has the members of every body that the Graph API is known to send
// (docs/meta.md 6.1–6.3). All are optional.
type envelope struct {
	EventsReceived num             `json:"events_received"`
	Processed      num             `json:"num_processed_entries"`
	Messages       json.RawMessage `json:"messages"`
	FBTraceID      text            `json:"fbtrace_id"`

	Error json.RawMessage `json:"error"`

	// The old error format (docs/meta.md 6.2).
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
	Blame     json.RawMessage `json:"blame_field_specs"` // also seen outside error_data
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
		r.Message, r.Foreign = a.describeForeign(), !a.cut
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
		r.Message = fmt.Sprintf("HTTP %d with JSON that contains no error", a.status)
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
		r.Class, r.Message = Doubt, "the answer contains neither an error nor the number of events received"
	case got.n != a.sent:
		r.Class = Doubt
		r.Message = fmt.Sprintf("%d events were sent, but Meta reports %d received", a.sent, got.n)
	default:
		r.Class = Delivered
	}
	var msgs []any
	if json.Unmarshal(e.Messages, &msgs) == nil && len(msgs) > 0 {
		r.Warning = a.clean.text(fmt.Sprint(msgs...))
	}
}

// failure returns the error in the body, in either format; false: there is none.
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
	var m metaError // a plain text, such as "error": "invalid_token"
	_ = json.Unmarshal(raw, &m.Message)
	return m, true
}

func (a *answer) fromError(r *Result, m metaError) {
	r.Code, r.Subcode = m.Code.n, m.Subcode.n
	r.FBTraceID = cmp.Or(string(m.FBTraceID), r.FBTraceID)
	if m.Code.ok {
		r.Class, _ = Verdict(r.Code, r.Subcode)
		if class, ok := textVerdict(r.Code, r.Subcode, string(m.Message)); ok {
			r.Class = class
		}
	} else {
		r.Class = StatusVerdict(a.status)
	}
	message := string(m.Message)
	for _, s := range []text{m.UserTitle, m.UserMsg} {
		if s != "" && !strings.Contains(message, string(s)) {
			message = strings.TrimSpace(strings.TrimRight(message, " ") + " – " + string(s))
		}
	}
	r.Message = cmp.Or(a.clean.text(strings.TrimPrefix(message, " – ")), fmt.Sprintf("error without a message (HTTP %d)", a.status))
	if r.Class == InvalidEvent || r.Class == InvalidBatch {
		r.Bad = a.blame(r, m)
	}
}

var titleForm = form(`(?is)<title[^>]*>(.{1,200}?)</title>`)

// describeForeign describes an answer that did not come from the Graph API.
func (a *answer) describeForeign() string {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case a.cut:
		return fmt.Sprintf("HTTP %d, but the answer is incomplete", a.status)
	case len(bytes.TrimSpace(a.body)) == 0:
		return fmt.Sprintf("HTTP %d with an empty answer", a.status)
	case a.status >= 300 && a.status < 400:
		return fmt.Sprintf("HTTP %d: something between relay and Meta answered with a redirect, which relay does not follow", a.status)
	case err != nil:
		kind = "unknown content"
	}
	s := fmt.Sprintf("HTTP %d with %s, which is not a Graph API answer", a.status, kind)
	if m := titleForm().FindSubmatch(a.body); m != nil {
		s += ": " + string(m[1])
	}
	return a.clean.text(s)
}

func isObject(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && b[0] == '{'
}

// traceID returns s if it looks like an fbtrace_id, else "".
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

// num is an integer that Meta writes as a number or as text. Anything else
// leaves it unset, so that one odd member does not make the answer unreadable.
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

// text is a string. Any other JSON value counts as absent.
type text string

// UnmarshalJSON never fails.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
	}
	return nil
}
