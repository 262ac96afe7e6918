package admin

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/mapper"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/person"
	"relay/relay/internal/privacy"
	"relay/relay/internal/spool"
)

// forget removes a person.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	var ask api.Forget
	err := readJSON(w, r, &ask)
	var names []person.Name
	if err == nil {
		names, err = person.Parse(ask.Lines)
		if own, ok := s.o.mapping().(interface{ NeverCustomer(string) bool }); ok && err == nil {
			err = person.RejectOwn(names, own.NeverCustomer)
		}
		if err != nil {
			err = badf("%v", err)
		}
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the search can take long
	s.forgetting.Lock()
	defer s.forgetting.Unlock()
	all := s.holdings()
	look := all.Search(names)
	if !ask.DryRun && !ask.Yes {
		found, err := all.Forget(r.Context(), look, true)
		if err == nil && found.Count > api.MaxFound {
			access.WriteError(w, http.StatusConflict, "many_found", fmt.Sprintf("%s: that is more than %d, so nothing was changed. Check with --dry-run that it is one person, then add --yes (in the API: \"yes\": true)",
				found.Message, api.MaxFound))
			return
		}
		if err != nil {
			s.fail(w, err)
			return
		}
	}
	// Before the search, so that events forwarded from now on are searched too.
	var stores []string
	if s.o.Tell != nil {
		if stores, err = s.o.Tell(r.Context(), ask.Lines, ask.DryRun); err != nil {
			s.fail(w, err)
			return
		}
	}
	out, err := all.Forget(r.Context(), look, ask.DryRun)
	if err != nil {
		if !ask.DryRun {
			err = forgetError{err}
		}
		s.fail(w, err)
		return
	}
	out.Stores = stores
	if !ask.DryRun {
		s.o.Logger.Warn("person forgotten by an operator", "code", logs.PersonForgotten, "removed", out.Count, "unreached", len(out.Unreached))
	}
	writeJSON(w, http.StatusOK, out)
}

// forgetError is why a forget could not remove everything, with what follows and what to do.
type forgetError struct{ err error }

func (e forgetError) Error() string {
	fix := "Once this is corrected,"
	if disk.NoSpace(e.err) {
		fix = "Free space on the disk; then"
	}
	cause := strings.ReplaceAll(e.err.Error(), "\n", "; ") // of joined errors
	return "not everything was removed, so relay still has events of this person and can send them: " + cause + ". " + fix + " run the same command again"
}

func (e forgetError) Unwrap() error { return e.err }

// ForgetAs carries out a forget that was requested at another relay, with that relay's
// mappings as well. It can be repeated.
func (s *Server) ForgetAs(ctx context.Context, lines []string, mappings []*mapper.Mapping) (api.Forgotten, error) {
	names, err := person.Parse(lines)
	if err != nil {
		return api.Forgotten{}, fmt.Errorf("read lines to forget: %w", err)
	}
	s.forgetting.Lock()
	defer s.forgetting.Unlock()
	all := s.holdings()
	if all.Mappings != nil {
		mappings = append(mappings, all.Mappings()...)
	}
	look := person.NewMatcher(names, mappings...)
	out, err := all.Forget(ctx, look, false)
	n, unreached := spool.ForgetReports(ctx, out.Reports, look, false)
	out.Found.Reports += n
	out.Unreached = append(out.Unreached, unreached...)
	return out, err //nolint:wrapcheck // the error names what could not be searched
}

// holdings returns everything that a forget searches.
func (s *Server) holdings() *privacy.Holdings {
	h := &privacy.Holdings{Sources: s.o.People, Queue: s.o.Queue, Copies: &s.copies}
	if s.o.Drain != nil {
		h.Lanes = s.o.Drain
	}
	if s.o.Imports != nil {
		h.Reports = s.reports().all
		h.Incoming = s.Coming
	}
	if s.o.Replicas != nil {
		h.Incoming = func() string {
			words := s.o.Replicas.Coming()
			if here := s.Coming(); here != "" {
				words = append([]string{here}, words...)
			}
			return strings.Join(words, "; ")
		}
	}
	return h
}
