package admin

import (
	"net/http"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
)

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
		access.WriteError(w, http.StatusUnauthorized, "code_used", "this link has been used or is older than a minute; run `relay page` again")
		return
	}
	writeJSON(w, http.StatusOK, session)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if !s.access.SignOut(r) {
		s.fail(w, badf("you are not signed in with a session, so there is nothing to sign out of"))
		return
	}
	writeJSON(w, http.StatusOK, api.Done{Success: true, Message: "signed out"})
}
