package admin

import (
	"net/http"
	"os"
	"time"
)

// Ping is GET /api/v1/ping.
type Ping struct {
	Success bool  `json:"success"`
	Build   Build `json:"build"`
	PID     int   `json:"pid"`
	Token   bool  `json:"token_needed"` // changing anything needs a token this request did not carry
}

func (s *Server) ping(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, Ping{Success: true, Build: s.o.Build, PID: os.Getpid(), Token: !s.guard.authorised(r)})
}

func (s *Server) getStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.Status())
}

// getHistory returns the series of the charts: ?range=1h (default) or 24h.
func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) {
	coarse := false
	switch r.URL.Query().Get("range") {
	case "", "1h":
	case "24h":
		coarse = true
	default:
		s.fail(w, badf("range: want 1h or 24h"))
		return
	}
	writeJSON(w, http.StatusOK, s.history.points(coarse))
}

// MappingText is GET /api/v1/mapping: what is in force, and what was refused.
type MappingText struct {
	FileState
	Text        string `json:"text"`
	RefusedText string `json:"refused_text,omitempty"`
}

func (s *Server) getMapping(w http.ResponseWriter, r *http.Request) {
	var out MappingText
	if s.o.Files != nil {
		out.FileState = s.o.Files().Mapping
	}
	out.Text = out.FileState.Text
	if out.Refused != nil {
		out.RefusedText = out.Refused.Text
	}
	if m := s.o.mapping(); m != nil && out.Digest == "" {
		out.Digest, out.OK = m.Digest(), out.Refused == nil
	}
	writeJSON(w, http.StatusOK, out)
}

// reload reads config and mapping again and answers when that is done: 200
// when both were accepted, 422 when something was refused and the old one
// stays in force.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if s.o.Reload == nil {
		s.fail(w, badf("this relay has no files to reload"))
		return
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	res := s.o.Reload(r.Context())
	if res.Changed == nil {
		res.Changed = []string{}
	}
	code := http.StatusOK
	if !res.Success {
		code = http.StatusUnprocessableEntity
	}
	writeJSON(w, code, struct {
		ReloadResult
		Error string `json:"error,omitempty"`
	}{res, errorOf(res)})
}

func errorOf(r ReloadResult) string {
	if r.Success {
		return ""
	}
	return r.Message
}
