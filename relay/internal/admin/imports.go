package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"

	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/track"
)

// Imports is what `relay import` needs of the queue besides Queue: it appends,
// and keeps how far each file is.
type Imports interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
	SetNote(key string, val []byte) error
	Note(key string) []byte
}

const (
	noteImport     = "import/" // + key: what the importer saved
	maxImport      = 32 << 20  // bytes of one request
	maxImportState = 64 << 10
)

func validImportKey(key string) error {
	if len(key) == 0 || len(key) > 100 {
		return badf("key: want 1 to 100 letters, digits and dashes")
	}
	for _, c := range key {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return badf("key: want 1 to 100 letters, digits and dashes")
		}
	}
	return nil
}

// imports wraps the handlers below: without a queue that takes events there
// are none.
func (s *Server) imports(do func(w http.ResponseWriter, r *http.Request, key string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.PathValue("key")
		err := validImportKey(key)
		if err == nil && s.o.Imports == nil {
			err = badf("this relay takes no imports")
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
	s.importing.hear(key, nil, s.o.Now())
	var in api.ImportBatch
	if err := readJSONUpTo(w, r, &in, maxImport); err != nil {
		return err
	}
	if len(in.Events) == 0 {
		return badf("events: want at least one")
	}
	now := s.o.Now()
	if in.Received.IsZero() || in.Received.After(now) {
		in.Received = now
	}
	var routes track.Routes
	if m := s.o.mapping(); m != nil {
		routes = m.Routes
	}
	reader := track.Reader{Key: s.o.PrintKey}
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
			space, msg.Print = queue.BySale, s.o.PrintKey.Whole(msg.Body)
		}
		entries[i] = queue.Entry{ID: e.ID, Space: space, Print: msg.Print, Lanes: lanes, Received: in.Received, Flags: msg.Flags | queue.FlagImported, Body: msg.Body}
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
	s.importing.hear(key, out.State, s.o.Now()) // who asks is about to go on
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
	s.importing.hear(key, in, s.o.Now())
	writeJSON(w, http.StatusOK, api.Done{Success: true, Count: 1})
	return nil
}

func (s *Server) addImportReport(w http.ResponseWriter, r *http.Request, _ string) error {
	var in api.ImportReport
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if !filepath.IsAbs(in.Path) || len(in.Path) > 4096 {
		return badf("path: want an absolute path")
	}
	s.forgetting.Lock()
	defer s.forgetting.Unlock()
	if err := s.reports().add(in.Path); err != nil {
		return fmt.Errorf("note report: %w", err)
	}
	writeJSON(w, http.StatusOK, api.Done{Success: true, Count: 1})
	return nil
}
