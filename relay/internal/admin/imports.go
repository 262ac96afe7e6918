package admin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"relay/internal/seal"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/track"
)

// Imports is the part of a queue that `relay import` needs: it appends events and stores
// the progress of each file.
type Imports interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
	SetNote(key string, val []byte) error
	Note(key string) []byte
}

const (
	noteImport     = "import/" // + key: the saved state
	maxImport      = 32 << 20  // bytes of one request
	maxImportState = 64 << 10
)

func validImportKey(key string) error {
	if len(key) == 0 || len(key) > 100 {
		return badf("key: expected 1 to 100 letters, digits and dashes")
	}
	for _, c := range key {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return badf("key: expected 1 to 100 letters, digits and dashes")
		}
	}
	return nil
}

// imports wraps the import handlers: it validates the key, and refuses if this relay does
// not accept imports.
func (s *Server) imports(do func(w http.ResponseWriter, r *http.Request, key string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.PathValue("key")
		err := validImportKey(key)
		if err == nil && s.o.Imports == nil {
			err = badf("this relay does not accept imports")
		}
		if err == nil {
			err = do(w, r, key)
		}
		if err != nil {
			s.fail(w, err)
		}
	}
}

func (s *Server) importEvents(w http.ResponseWriter, r *http.Request, key string) error {
	s.importing.seen(key, nil, s.o.Now())
	var in api.ImportBatch
	if err := readJSONUpTo(w, r, &in, maxImport); err != nil {
		return err
	}
	if len(in.Events) == 0 {
		return badf("events: expected at least one")
	}
	now := s.o.Now()
	if in.Received.IsZero() || in.Received.After(now) {
		in.Received = now
	}
	var routes track.Routes
	if m := s.o.mapping(); m != nil {
		routes = m.Routes
	}
	reader := track.Reader{Key: s.o.FingerprintKey}
	entries := make([]queue.Entry, len(in.Events))
	unmapped := 0
	for i, e := range in.Events {
		msg, err := reader.One(e.Body)
		switch {
		case err != nil:
			return badf("events[%d]: %v", i, err)
		case msg.Problem != nil:
			return badf("events[%d]: %v", i, msg.Problem)
		case !msg.Track:
			return badf("events[%d]: only track calls can be imported", i)
		case e.ID == "":
			return badf("events[%d]: id is missing", i)
		}
		lanes := track.Lanes(routes, string(msg.Event))
		if track.IsUnmapped(lanes) {
			unmapped++
		}
		space := queue.ByID
		if e.Same {
			space, msg.Fingerprint = queue.BySale, s.o.FingerprintKey.Whole(msg.Body)
		}
		entries[i] = queue.Entry{ID: e.ID, Space: space, Fingerprint: msg.Fingerprint, Lanes: lanes, Received: in.Received, Flags: msg.Flags | queue.FlagImported, Body: msg.Body}
	}
	a, err := s.o.Imports.Append(r.Context(), entries)
	if err != nil {
		return err
	}
	s.o.Metrics.Imported(a, unmapped)
	writeJSON(w, http.StatusOK, api.Imported{Success: true, Stored: a.Stored, Duplicates: a.Duplicates, Changed: a.Changed, Conflicts: a.Conflicts})
	return nil
}

func (s *Server) importState(w http.ResponseWriter, _ *http.Request, key string) error {
	out := api.ImportState{Success: true, State: json.RawMessage("null")}
	if b := s.o.Imports.Note(noteImport + key); json.Valid(b) {
		out.State = b
	}
	s.importing.seen(key, out.State, s.o.Now()) // the client is about to start or continue
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) setImportState(w http.ResponseWriter, r *http.Request, key string) error {
	var in json.RawMessage
	if err := readJSONUpTo(w, r, &in, maxImportState); err != nil {
		return err
	}
	if len(in) == 0 {
		return badf("the state is missing")
	}
	if err := s.o.Imports.SetNote(noteImport+key, in); err != nil {
		return err
	}
	s.importing.seen(key, in, s.o.Now())
	writeJSON(w, http.StatusOK, api.Done{Success: true, Count: 1})
	return nil
}

func (s *Server) addImportReport(w http.ResponseWriter, r *http.Request, _ string) error {
	var in api.ImportReport
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if !filepath.IsAbs(in.Path) || len(in.Path) > 4096 {
		return badf("path: expected an absolute path")
	}
	s.forgetting.Lock()
	defer s.forgetting.Unlock()
	if err := s.reports().add(in.Path); err != nil {
		return fmt.Errorf("store path of report: %w", err)
	}
	writeJSON(w, http.StatusOK, api.Done{Success: true, Count: 1})
	return nil
}

// importing tracks the imports in progress. A forget cannot find the events that they will
// store later.
type importing struct {
	mu   sync.Mutex
	last map[string]time.Time // the last request of each import, by key
}

// importPatience is how long after its last request an import counts as in progress. It
// waits at most a minute for a full queue.
const importPatience = 3 * time.Minute

// seen records a request of an import. A state that says done ends the import.
func (i *importing) seen(key string, state []byte, now time.Time) {
	var st struct {
		Done bool `json:"done"`
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if json.Unmarshal(state, &st) == nil && st.Done {
		delete(i.last, key)
		return
	}
	i.expire(now)
	if i.last == nil {
		i.last = make(map[string]time.Time)
	}
	i.last[key] = now
}

// expire removes imports without a recent request. The caller holds i.mu.
func (i *importing) expire(now time.Time) {
	for key, at := range i.last {
		if now.Sub(at) > importPatience {
			delete(i.last, key)
		}
	}
}

// unreached returns a clause about imports in progress; "" if there are none.
func (i *importing) unreached(now time.Time) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.expire(now)
	switch n := len(i.last); n {
	case 0:
		return ""
	case 1:
		return "an import that is in progress, or stopped in the last 3 minutes: run this again after it"
	default:
		return fmt.Sprintf("%d imports that are in progress, or stopped in the last 3 minutes: run this again after them", n)
	}
}

const (
	noteReports = "reports" // encrypted paths of the reports of refused rows, newest last
	maxReports  = 1000
)

// reports stores the paths of import reports. A path can contain a person's name, so the
// note is encrypted with a key derived from the installation's secret.
type reports struct {
	notes Imports
	ring  *seal.Ring
}

func (s *Server) reports() *reports {
	var key []byte
	if len(s.o.Secret) > 0 {
		mac := hmac.New(sha256.New, s.o.Secret)
		_, _ = mac.Write([]byte("relay reports of imports")) // never fails
		key = mac.Sum(nil)
	}
	keys, _ := seal.NewKeys(key) // never fails: a key of 32 bytes, or none
	return &reports{s.o.Imports, seal.NewRing(keys)}
}

// all returns the paths, or why they cannot be read.
func (r *reports) all() (paths []string, unreached string) {
	b := r.notes.Note(noteReports)
	if len(b) == 0 {
		return nil, ""
	}
	b, err := r.ring.Open(noteReports, 0, nil, b)
	if err == nil {
		err = json.Unmarshal(b, &paths)
	}
	if err != nil {
		return nil, "reports of imports: their paths are encrypted with a secret that is missing; search the reports yourself"
	}
	return paths, ""
}

func (r *reports) add(path string) error {
	paths, _ := r.all()
	paths = append(slices.DeleteFunc(paths, func(p string) bool { return p == path }), path)
	b, err := json.Marshal(paths[max(0, len(paths)-maxReports):])
	if err == nil {
		b, err = r.ring.Seal(nil, noteReports, 0, nil, b)
	}
	if err != nil {
		return err
	}
	return r.notes.SetNote(noteReports, b)
}
