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

// auditLog writes a line for each call that shows contents or changes state:
// when, who, what, how many; no contents.
type auditLog struct {
	w   io.Writer // nil: none is kept
	log *slog.Logger

	mu   sync.Mutex
	told bool // that it cannot be written

	strangers strangers
}

// strangers counts calls that were refused because nobody had signed in. They are a line
// now and then: whoever may connect could push all that others did out of the log.
type strangers struct {
	mu    sync.Mutex
	calls map[string]int64 // since the last line, by route
	next  time.Time        // when there may be another line
	wait  time.Duration    // between two: doubled while they go on
}

const (
	strangersWait     = time.Minute
	strangersMostWait = time.Hour
)

// count takes a call, and returns what a line is due of: none mostly.
func (s *strangers) count(call string, now time.Time) map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[string]int64)
	}
	s.calls[call]++
	if now.Before(s.next) && s.next.Sub(now) <= strangersMostWait { // else the clock was set back
		return nil
	}
	if now.Sub(s.next) > strangersMostWait {
		s.wait = 0
	}
	due := s.calls
	s.calls, s.wait = nil, min(max(2*s.wait, strangersWait), strangersMostWait)
	s.next = now.Add(s.wait)
	return due
}

// refused takes a call of somebody who had not signed in.
func (a *auditLog) refused(l auditLine) {
	for call, n := range a.strangers.count(l.Call, l.Time) {
		a.write(auditLine{Time: l.Time, Who: "nobody", Call: call, Count: n, Status: l.Status})
	}
}

// auditLine is one line of audit.log.
type auditLine struct {
	Time     time.Time `json:"time"`
	Who      string    `json:"who"`                // uid 1000, session 1a2b3c4d, token
	Call     string    `json:"call"`               // method and route: no id, no name, no filter
	AskedAt  string    `json:"asked_at,omitempty"` // the relay that was asked, when this one did it
	DoneAt   string    `json:"done_at,omitempty"`  // the relay that did it, when this one was asked
	EventSet string    `json:"event_set,omitempty"`
	DryRun   bool      `json:"dry_run,omitempty"`
	Count    int64     `json:"count"` // lines shown, or what the call changed
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
	if err != nil && !a.told {
		a.log.Error("the audit log cannot be written", "code", logs.AuditFailed, "err", err)
	}
	a.told = err != nil
}

// recorder is an answer whose status and numbers the audit log gets, and that
// may take as long as its reader reads.
type recorder struct {
	http.ResponseWriter
	rc   *http.ResponseController
	line auditLine
	slow time.Duration // its reader is signed in: only standing still for so long ends it; 0: it is not
}

// Unwrap is for http.ResponseController.
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

// counted is an answer that says how many it is about.
type counted interface {
	Affected() (n int64, dryRun bool)
}

// Count tells the audit log how many the answer v is about, where it says so.
func Count(w http.ResponseWriter, v any) {
	r, ok := w.(*recorder)
	if c, says := v.(counted); ok && says {
		r.line.Count, r.line.DryRun = c.Affected()
	}
}

// CountLine tells the audit log of one more line of a list.
func CountLine(w http.ResponseWriter) {
	if r, ok := w.(*recorder); ok {
		r.line.Count++
	}
}

// nameCaller tells the audit log who asked, where that is known late.
func nameCaller(w http.ResponseWriter, who string) {
	if r, ok := w.(*recorder); ok {
		r.line.Who = who
	}
}
