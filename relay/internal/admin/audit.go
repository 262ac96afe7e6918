package admin

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"relay/internal/logs"
)

// auditLog writes a line for each call that shows contents or changes state:
// when, who, what, how many; no contents.
type auditLog struct {
	w      io.Writer // nil: none is kept
	failed func(error)

	mu   sync.Mutex
	told bool // that it cannot be written
}

// auditLine is one line of audit.log.
type auditLine struct {
	Time     time.Time `json:"time"`
	Who      string    `json:"who"`  // uid 1000, session 1a2b3c4d, token
	Call     string    `json:"call"` // method and route: no id, no name, no filter
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
		a.failed(err)
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

// note tells the audit log how many an answer is about.
func note(w http.ResponseWriter, v any) {
	r, ok := w.(*recorder)
	if c, says := v.(counted); ok && says {
		r.line.Count, r.line.DryRun = c.Affected()
	}
}

// noteLine tells it of one more line of a list.
func noteLine(w http.ResponseWriter) {
	if r, ok := w.(*recorder); ok {
		r.line.Count++
	}
}

// setCaller tells it who asked, where that is known late.
func setCaller(w http.ResponseWriter, who string) {
	if r, ok := w.(*recorder); ok {
		r.line.Who = who
	}
}

// audited puts the places and the audit log around a route.
func (s *Server) audited(pattern string, need access, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, d := callerOf(r), doorOf(r)
		u := useAnybody
		rc := http.NewResponseController(w)
		var slow time.Duration
		if c.signedIn {
			u, slow = useSigned, cmp.Or(s.o.patience, moveTimeout)
			rc.SetWriteDeadline(time.Time{})
			defer func() { rc.SetWriteDeadline(time.Now().Add(slow)) }() // for what is still buffered
		}
		defer d.places.enter(r.Context(), u)()
		rec := &recorder{ResponseWriter: w, rc: rc, slow: slow}
		rec.line = auditLine{Who: c.who, Call: pattern, EventSet: s.knownLane(r.PathValue("lane"))}
		if need >= accessSecret {
			defer func() {
				rec.line.Time, rec.line.Status = time.Now().UTC(), cmp.Or(rec.line.Status, http.StatusOK) // an empty list writes nothing
				s.audit.write(rec.line)
			}()
		}
		h.ServeHTTP(rec, r)
	})
}

// knownLane is the id of an event set that exists; what else a caller writes
// there is his.
func (s *Server) knownLane(name string) string {
	if name == "" {
		return ""
	}
	id, err := s.findLane(name)
	if err != nil {
		return ""
	}
	return id
}

func (s *Server) auditFailed(err error) {
	s.o.Logger.Error("the audit log cannot be written", "code", logs.AuditFailed, "err", err)
}
