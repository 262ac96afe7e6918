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
	"relay/relay/internal/api"
	"relay/relay/internal/backup"
	"relay/relay/internal/drain"
)

// maxBody is the largest body of a request in bytes; lists of ids are the largest.
const maxBody = 8 << 20

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"success":false,"code":"internal","message":"the answer cannot be encoded","error":"the answer cannot be encoded"}`)
	}
	access.Count(w, v)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// fail answers with an error of the queue or of the request.
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

// badRequest is a mistake in the request.
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
		return badf("the body contains more than one JSON value")
	}
	return nil
}

// lines writes an answer of JSON lines, one at a time.
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

// abort answers with the error, or cuts the connection if lines were written already, so
// that no client takes the list for complete.
func (l *lines) abort(s *Server, err error) {
	if l.n == 0 {
		l.w.Header().Del("Content-Type")
		s.fail(l.w, err)
		return
	}
	s.o.Logger.Error("admin list aborted", "code", logs.AdminListCut, "err", err)
	panic(http.ErrAbortHandler)
}

// intParam parses a query parameter as a whole number of at least 0; def if it is missing
// or empty.
func intParam(r *http.Request, name string, def int) (int, error) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, badf("%s: expected a whole number, got %q", name, v)
	}
	return n, nil
}

// parseSince parses the parameter since. A time without a zone is in UTC.
func parseSince(s string, now time.Time) (time.Time, error) {
	t, err := api.ParseSince(s, now, time.UTC)
	if err != nil {
		return time.Time{}, badf("since: %v", err)
	}
	return t, nil
}
