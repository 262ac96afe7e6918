package admin

import (
	"net/http"
	"os"
	"time"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
)

func (s *Server) ping(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, api.Ping{Success: true, Build: s.o.Build, PID: os.Getpid(), SignedIn: access.CallerOf(r).SignedIn, Token: s.access.HasToken()})
}

func (s *Server) getStatus(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.statusFor(r))
}

// statusFor returns the status that the caller is allowed to see. Problems of a file quote
// its text, so only signed-in callers see them.
func (s *Server) statusFor(r *http.Request) api.Status {
	st := s.Status()
	if !access.CallerOf(r).SignedIn {
		st.Mapping, st.Config = st.Mapping.Unquoted(), st.Config.Unquoted()
	}
	return st
}

// getHistory returns the series of the charts: ?range=1h (default) or 24h.
func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) {
	coarse := false
	switch r.URL.Query().Get("range") {
	case "", "1h":
	case "24h":
		coarse = true
	default:
		s.fail(w, badf("range: expected 1h or 24h"))
		return
	}
	writeJSON(w, http.StatusOK, s.history.points(coarse))
}

// getMapping returns the mapping in use. A relay that forwards has none.
func (s *Server) getMapping(w http.ResponseWriter, _ *http.Request) {
	if s.o.Forwards != "" {
		access.WriteError(w, http.StatusNotFound, "mapping_at_hub", advice.MappingAtHub(s.o.Forwards))
		return
	}
	var out api.MappingText
	if s.o.Files != nil {
		out.FileState = s.o.Files().Mapping
	}
	out.Text = out.FileState.Text
	if m := s.o.mapping(); m != nil && out.Digest == "" {
		out.Digest, out.OK = m.Digest(), out.Refused == nil
	}
	writeJSON(w, http.StatusOK, out)
}

// reload reads config and mapping again and answers when that is done: 200 if both were
// accepted, 422 if a file was refused and the previous one stays in use, 504 if another
// relay of the queue did not answer.
func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	if s.o.Reload == nil {
		s.fail(w, badf("relay is not running, so it cannot reload"))
		return
	}
	s.reloading.Lock()
	defer s.reloading.Unlock()
	http.NewResponseController(w).SetReadDeadline(time.Time{})
	res := s.o.Reload(r.Context())
	if res.Changed == nil {
		res.Changed = []string{}
	}
	res.InForce = res.Success
	s.reloadOthers(r, &res)
	code := http.StatusOK
	switch {
	case res.Success:
	case res.Code == api.ReloadNoAnswer:
		code = http.StatusGatewayTimeout
	default:
		code = http.StatusUnprocessableEntity
	}
	writeJSON(w, code, struct {
		api.ReloadResult
		Error string `json:"error,omitempty"`
	}{res, errorOf(res)})
}

func errorOf(r api.ReloadResult) string {
	if r.Success {
		return ""
	}
	return r.Message
}

func (s *Server) pageLink(w http.ResponseWriter, _ *http.Request) {
	link, err := s.access.SignInLink()
	if err != nil {
		s.fail(w, badf("%v", err))
		return
	}
	writeJSON(w, http.StatusOK, link)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Code string `json:"code"`
	}
	if err := readJSONUpTo(w, r, &in, 1<<10); err != nil {
		s.fail(w, err)
		return
	}
	session, ok := s.access.Redeem(w, in.Code)
	if !ok {
		access.WriteError(w, http.StatusUnauthorized, "code_used", "this link was already used or is older than a minute; run `relay page` again")
		return
	}
	writeJSON(w, http.StatusOK, session)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if !s.access.SignOut(r) {
		s.fail(w, badf("this caller has no session to sign out of"))
		return
	}
	writeJSON(w, http.StatusOK, api.Done{Success: true, Message: "signed out"})
}
