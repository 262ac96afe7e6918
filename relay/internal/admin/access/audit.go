package access

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"relay/internal/logs"
)

// auditLog writes a line for each call that shows contents or changes state: when, who,
// what and how many, without contents.
type auditLog struct {
	w   io.Writer // nil: no log is kept
	log *slog.Logger

	mu     sync.Mutex
	failed bool // the last write failed and was logged

	refusals refusals
}

// refusals counts calls that were refused because the caller was not signed in. They are
// written only now and then, so that a caller cannot rotate other lines out of the log.
type refusals struct {
	mu    sync.Mutex
	calls map[string]int64 // since the last line, by route
	next  time.Time        // earliest time of the next line
	wait  time.Duration    // until the next line; doubles while calls continue
}

const (
	refusalsMinWait = time.Minute
	refusalsMaxWait = time.Hour
)

// count counts a call. It returns the counts to write now, usually none.
func (s *refusals) count(call string, now time.Time) map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[string]int64)
	}
	s.calls[call]++
	if now.Before(s.next) && s.next.Sub(now) <= refusalsMaxWait { // otherwise the clock was set back
		return nil
	}
	if now.Sub(s.next) > refusalsMaxWait {
		s.wait = 0
	}
	due := s.calls
	s.calls, s.wait = nil, min(max(2*s.wait, refusalsMinWait), refusalsMaxWait)
	s.next = now.Add(s.wait)
	return due
}

// refused records a call of a caller who was not signed in.
func (a *auditLog) refused(l auditLine) {
	for call, n := range a.refusals.count(l.Call, l.Time) {
		a.write(auditLine{Time: l.Time, Who: "nobody", Call: call, Count: n, Status: l.Status})
	}
}

// auditLine is one line of audit.log.
type auditLine struct {
	Time     time.Time `json:"time"`
	Who      string    `json:"who"`                // uid 1000, session 1a2b3c4d, token
	Call     string    `json:"call"`               // method and route, without ids, names or filters
	AskedAt  string    `json:"asked_at,omitempty"` // the relay that received the call, if this one carried it out
	DoneAt   string    `json:"done_at,omitempty"`  // the relay that carried out the call, if this one received it
	EventSet string    `json:"event_set,omitempty"`
	DryRun   bool      `json:"dry_run,omitempty"`
	Count    int64     `json:"count"` // lines shown, or items changed
	Status   int       `json:"status"`
}

func (a *auditLog) write(l auditLine) {
	if a.w == nil {
		return
	}
	b, err := json.Marshal(l)
	if err == nil {
		_, err = a.w.Write(append(b, '\n'))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && !a.failed {
		a.log.Error("the audit log cannot be written", "code", logs.AuditFailed, "err", err)
	}
	a.failed = err != nil
}

// recorder records status and numbers of an answer for the audit log, and extends the write
// deadline while a signed-in client keeps reading.
type recorder struct {
	http.ResponseWriter
	rc   *http.ResponseController
	line auditLine
	slow time.Duration // deadline of each write for a signed-in caller; 0: not signed in
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	r.line.Status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.line.Status == 0 {
		r.line.Status = http.StatusOK
	}
	if r.slow > 0 {
		r.rc.SetWriteDeadline(time.Now().Add(r.slow))
	}
	return r.ResponseWriter.Write(b)
}

// counted is an answer that knows how many items it affects.
type counted interface {
	Affected() (n int64, dryRun bool)
}

// Count records in the audit log how many items the answer v affects, if it is counted.
func Count(w http.ResponseWriter, v any) {
	r, ok := w.(*recorder)
	if c, isCounted := v.(counted); ok && isCounted {
		r.line.Count, r.line.DryRun = c.Affected()
	}
}

// CountLine counts a line of a list in the audit log.
func CountLine(w http.ResponseWriter) {
	if r, ok := w.(*recorder); ok {
		r.line.Count++
	}
}

// nameCaller sets the caller in the audit log, if it becomes known during the call.
func nameCaller(w http.ResponseWriter, who string) {
	if r, ok := w.(*recorder); ok {
		r.line.Who = who
	}
}
