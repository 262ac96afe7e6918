package sandbox

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// request is one call of the Graph API in the sandbox:
//
//	mode (cut, hang …) → body → latency → mode (errors) → limit → token
//	→ event set → parameters → rules → accept → mode (cut_after …) → answer
type request struct {
	s    *Sandbox
	w    http.ResponseWriter
	r    *http.Request
	id   string // event set
	edge string // events, uploads, validate or nothing
	asked,
	served string // versions; asked is "" when the URL has none

	set     Settings        // as they were when the request came
	changed <-chan struct{} // closed when they are others
	mode    Behaviour
	failed  bool // by fail_rate
	lost    bool // by lost_rate
	call    *Call
	params  params
}

// serve handles one call.
func (q *request) serve() {
	s := q.s
	now := s.o.Now()
	s.mu.Lock()
	down := s.called()
	q.set = s.set.clone()
	q.mode = *q.set.forSet(q.id)
	s.countDown(q.id)
	q.failed = q.set.FailRate > 0 && s.rand.Float64() < q.set.FailRate
	q.lost = q.set.LostRate > 0 && s.rand.Float64() < q.set.LostRate
	q.call = s.calls.begin(now, q.id, q.r.Method, q.edge)
	q.changed = s.changed
	s.mu.Unlock()
	if down {
		s.gate.cut()
	}

	switch q.mode.Mode {
	case Down, Cut:
		q.cut()
		return
	}
	body, err := q.readBody()
	if err != nil {
		q.cut() // the client left, or sends without end
		return
	}
	s.mu.Lock()
	q.call.Bytes = len(body)
	s.mu.Unlock()
	if !q.wait(time.Duration(q.mode.LatencyMS)*time.Millisecond, nil) {
		return
	}
	if q.mode.Mode == Hang {
		q.hang()
		return
	}
	if q.byMode() {
		return
	}
	if !q.limit(now) {
		return
	}
	if q.params, err = parseParams(q.r, body); err != nil {
		q.refuse(fault{code: 100, text: err.Error()})
		return
	}
	if f := q.version(now); f != nil {
		q.refuse(*f)
		return
	}
	if f := s.authorize(q, now); f != nil {
		q.refuse(*f)
		return
	}
	if q.id == "me" && q.edge == "permissions" && q.r.Method == http.MethodGet {
		q.permissions()
		return
	}
	if f := q.known(); f != nil {
		q.refuse(*f)
		return
	}
	switch {
	case q.r.Method == http.MethodPost && q.edge == "events":
		q.postEvents(now)
	case q.r.Method == http.MethodPost && q.edge == "validate":
		q.validate(now)
	case q.edge == "uploads":
		q.uploads()
	case q.r.Method == http.MethodGet && q.edge == "":
		q.node()
	default: // reading the edge is not possible (docs/meta.md 1.1)
		q.refuse(unsupported(q.r.Method, q.id))
	}
}

// countDown ends a mode that was set for a number of requests. The caller
// holds s.mu.
func (s *Sandbox) countDown(id string) {
	b := s.set.forSet(id)
	if b.Requests == 0 {
		return
	}
	if b.Requests--; b.Requests > 0 {
		return
	}
	*b = Behaviour{Mode: OK, LatencyMS: b.LatencyMS}
	if b == &s.set.Behaviour {
		return
	}
	delete(s.set.Sets, id)
}

// byMode answers if the mode alone determines the answer.
func (q *request) byMode() bool {
	m := q.mode
	html := func(status int) {
		q.page(cmp.Or(m.Status, status), "<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1></body></html>")
	}
	if m.RetryAfter != "" {
		q.w.Header().Set("Retry-After", m.RetryAfter)
	}
	switch m.Mode {
	case Fail:
		q.refuse(fault{status: cmp.Or(m.Status, 500), code: cmp.Or(m.Code, 2), subcode: m.Subcode, transient: m.Code == 0 || m.Code == 2 || m.Code == 4})
	case HTML:
		html(502)
	case HTMLOK:
		q.page(200, "<!DOCTYPE html><html><head><title>Welcome to our Wi-Fi</title></head><body>Please accept the terms.</body></html>")
	case TooMany:
		html(429)
	case TooLarge:
		html(413)
	case Proxy407:
		q.w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		html(407)
	case Empty:
		q.page(200, "")
	case Garbage:
		q.write(200, []byte(`{"events_received":`))
	case Malformed:
		q.write(cmp.Or(m.Status, 400), []byte(`{"error":{"message":["?"],"type":7,"code":"100","error_subcode":{},"error_data":"not JSON","fbtrace_id":null}}`))
	case Redirect:
		q.w.Header().Set("Location", "http://login.example.com/")
		q.page(302, "")
	case Throttled:
		q.throttled(time.Duration(cmp.Or(m.RegainMinutes, 1)) * time.Minute)
	case TokenDead:
		q.refuse(fault{status: cmp.Or(m.Status, 400), code: 190, subcode: cmp.Or(m.Subcode, 463)})
	case Permission:
		q.refuse(fault{status: cmp.Or(m.Status, 403), code: 200})
	case Missing:
		q.refuse(unsupported(q.r.Method, q.id))
	case Duplicate:
		q.refuse(fault{code: 100, subcode: 2044011})
	default:
		if q.failed {
			q.refuse(fault{status: 500, code: 2, transient: true})
			return true
		}
		return false
	}
	return true
}

// answer sends a success, or what the mode replaces it with.
func (q *request) answer(body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode answer: %v", err)) // our own types
	}
	switch {
	case q.mode.Mode == CutAfter || q.lost:
		q.cut()
	case q.mode.Mode == HangAfter:
		q.hang()
	case q.mode.Mode == CutAnswer:
		q.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		q.note(200, 0, 0)
		q.w.WriteHeader(200)
		_, _ = q.w.Write(b[:len(b)/2])
		_ = http.NewResponseController(q.w).Flush()
		q.cut()
	case q.mode.Mode == SlowAnswer:
		q.headers()
		q.note(200, 0, 0)
		q.w.WriteHeader(200)
		for i := range b {
			_, _ = q.w.Write(b[i : i+1])
			_ = http.NewResponseController(q.w).Flush()
			if !q.wait(time.Second/time.Duration(len(b)), nil) {
				return
			}
		}
	default:
		q.write(200, b)
	}
}

// write sends JSON.
func (q *request) write(status int, b []byte) {
	q.headers()
	q.note(status, 0, 0)
	if q.mode.Mode == Gzipped {
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		_, _ = zw.Write(b)
		_ = zw.Close()
		b = z.Bytes()
		q.w.Header().Set("Content-Encoding", "gzip")
	}
	q.w.WriteHeader(status)
	_, _ = q.w.Write(b)
}

func (q *request) page(status int, html string) {
	q.date()
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.note(status, 0, 0)
	q.w.WriteHeader(status)
	_, _ = io.WriteString(q.w, html)
}

// headers sets the headers of every Graph API answer.
func (q *request) headers() {
	h := q.w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Cache-Control", "private, no-cache, no-store, must-revalidate")
	if q.served != "" {
		h.Set("Facebook-Api-Version", q.served)
	}
	h.Set("X-Fb-Trace-Id", q.call.FBTraceID)
	// docs/meta.md 1.4: an upgraded call carries this header.
	if q.set.VersionWarning || (q.served != "" && q.served != q.asked) {
		h.Set("X-Ad-Api-Version-Warning", "The call has been auto-upgraded to "+q.served)
	}
	q.date()
	q.usageHeaders()
}

func (q *request) date() {
	at := q.s.o.Now().Add(time.Duration(q.set.DateOffsetS) * time.Second)
	q.w.Header().Set("Date", at.UTC().Format(http.TimeFormat))
}

// note records the outcome in the call.
func (q *request) note(status, code, subcode int) {
	q.s.mu.Lock()
	defer q.s.mu.Unlock()
	q.s.calls.end(q.call, status, code, subcode)
}

// cut ends the connection without an answer, with a reset where that is
// possible. It does not return normally under HTTP/2.
func (q *request) cut() {
	q.s.mu.Lock()
	q.s.calls.cut(q.call)
	q.s.mu.Unlock()
	abort(q.w)
}

func abort(w http.ResponseWriter) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(c)
}

func reset(c net.Conn) {
	if t, ok := c.(interface{ SetLinger(int) error }); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// hang keeps the request without an answer until the client leaves or the
// settings change, and then cuts it.
func (q *request) hang() {
	q.wait(-1, q.changed)
	q.cut()
}

// wait returns true when d has passed; a negative d never passes.
func (q *request) wait(d time.Duration, stop <-chan struct{}) bool {
	if d == 0 {
		return true
	}
	ctx, cancel := context.WithCancel(q.r.Context())
	defer cancel()
	var tick <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		tick = t.C
	}
	select {
	case <-tick:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}

// maxBody is the largest request body, in bytes: the maximum of batch.max_bytes.
const maxBody = 64 << 20

// readBody reads the body, into a buffer of the announced size if there is one.
func (q *request) readBody() ([]byte, error) {
	if q.r.ContentLength > maxBody {
		return nil, &http.MaxBytesError{Limit: maxBody}
	}
	var b bytes.Buffer
	b.Grow(int(max(q.r.ContentLength, 0)) + bytes.MinRead)
	_, err := b.ReadFrom(http.MaxBytesReader(q.w, q.r.Body, maxBody))
	return b.Bytes(), err
}
