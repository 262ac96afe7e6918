package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/admin/records"
	"relay/relay/internal/backup"
	"relay/relay/internal/drain"
)

// maxBody bounds what a request may carry; lists of ids are the largest.
const maxBody = 8 << 20

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"success":false,"code":"internal","message":"cannot write the answer","error":"cannot write the answer"}`)
	}
	access.Count(w, v)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// fail answers an error of the queue or of the caller's input.
func (s *Server) fail(w http.ResponseWriter, err error) {
	var bad badRequest
	var full *queue.FullError
	switch {
	case errors.As(err, &bad), errors.Is(err, records.ErrID), errors.Is(err, records.ErrNoMapping):
		access.WriteError(w, http.StatusBadRequest, "bad_request", err.Error())
	case errors.Is(err, queue.ErrNotFound), errors.Is(err, drain.ErrNoLane):
		access.WriteError(w, http.StatusNotFound, "not_found", err.Error())
	case errors.Is(err, drain.ErrStandby):
		access.WriteError(w, http.StatusConflict, "standby", err.Error())
	case errors.Is(err, queue.ErrUnsupported):
		access.WriteError(w, http.StatusNotImplemented, "unsupported", err.Error())
	case errors.Is(err, backup.ErrBusy), errors.Is(err, backup.ErrForgetting):
		access.WriteError(w, http.StatusConflict, "conflict", err.Error())
	case errors.As(err, &full):
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(full.RetryAfter.Seconds()))))
		access.WriteError(w, http.StatusServiceUnavailable, "queue_full", "the queue is full; nothing was changed")
	case errors.Is(err, local.ErrReadOnly), errors.Is(err, queue.ErrUnavailable), errors.Is(err, queue.ErrClosed),
		errors.Is(err, queue.ErrDoubt), errors.Is(err, queue.ErrStalled), errors.Is(err, queue.ErrBusy):
		w.Header().Set("Retry-After", "5")
		access.WriteError(w, http.StatusServiceUnavailable, "disk_unavailable", err.Error())
	default:
		s.o.Logger.Error("admin request failed", "code", logs.AdminFailed, "err", err)
		access.WriteError(w, http.StatusInternalServerError, "internal", err.Error())
	}
}

// badRequest is an error of the caller.
type badRequest string

func (e badRequest) Error() string { return string(e) }

func badf(format string, args ...any) error { return badRequest(fmt.Sprintf(format, args...)) }

// readJSON decodes a body strictly into v; an empty body leaves v as it is.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	return readJSONUpTo(w, r, v, maxBody)
}

func readJSONUpTo(w http.ResponseWriter, r *http.Request, v any, most int64) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return badf("the body is larger than %d bytes", tooLarge.Limit)
		}
		return badf("the body is not the JSON object expected: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return badf("the body holds more than one JSON value")
	}
	return nil
}

// lines writes JSON lines as they come; the answer has begun with the first.
type lines struct {
	w   http.ResponseWriter
	enc *json.Encoder
	n   int
}

func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &lines{w: w, enc: enc}
}

func (l *lines) write(v any) bool {
	l.n++
	access.CountLine(l.w)
	if l.enc.Encode(v) != nil {
		return false
	}
	if l.n%512 == 0 {
		http.NewResponseController(l.w).Flush()
	}
	return true
}

// broken ends a list that cannot be finished so that no client takes it for
// whole: the connection is cut.
func (l *lines) broken(s *Server, err error) {
	if l.n == 0 {
		l.w.Header().Del("Content-Type")
		s.fail(l.w, err)
		return
	}
	s.o.Logger.Error("admin list was cut off", "code", logs.AdminListCut, "err", err)
	panic(http.ErrAbortHandler)
}

// intParam reads a whole number of at least 0; absent or empty is def.
func intParam(r *http.Request, name string, def int) (int, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, badf("%s: want a whole number, got %q", name, v)
	}
	return n, nil
}

// parseSince reads a point in time as people give it: a time (RFC 3339 or a
// date) or how long ago (90m, 24h, 7d).
func parseSince(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 && n < 100000 {
			return now.Add(-time.Duration(n * 24 * float64(time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, badf("since: want a time (2026-01-31T09:00:00Z, 2026-01-31) or an age (90m, 24h, 7d), got %q", s)
}
