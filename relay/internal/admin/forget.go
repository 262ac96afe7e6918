package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/person"
)

// forget removes a person.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	var ask api.Forget
	err := readJSON(w, r, &ask)
	var names []person.Name
	if err == nil {
		names, err = person.Parse(ask.Lines)
		if own, ok := s.o.mapping().(interface{ NeverCustomer(string) bool }); ok && err == nil {
			err = person.Refuse(names, own.NeverCustomer)
		}
		if err != nil {
			err = badf("%v", err)
		}
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it reads all there is
	s.forgetting.Lock()
	defer s.forgetting.Unlock()
	look := s.lookFor(names)
	if !ask.DryRun && !ask.Yes {
		found, err := s.forgetAll(r.Context(), look, true)
		if err == nil && found.Count > api.MaxFound {
			access.WriteError(w, http.StatusConflict, "many_found", fmt.Sprintf("%s: that is more than %d, nothing was changed; look with --dry-run whether it is one person, then give --yes (in the API: \"yes\": true)",
				found.Message, api.MaxFound))
			return
		}
		if err != nil {
			s.fail(w, err)
			return
		}
	}
	out, err := s.forgetAll(r.Context(), look, ask.DryRun)
	if err != nil {
		s.fail(w, err)
		return
	}
	if !ask.DryRun {
		s.o.Logger.Warn("person forgotten by an operator", "code", logs.PersonForgotten, "removed", out.Count, "unreached", len(out.Unreached))
	}
	writeJSON(w, http.StatusOK, out)
}

// lookFor makes the search for names, by every mapping that is known.
func (s *Server) lookFor(names []person.Name) *person.Matcher {
	if s.o.Mappings == nil {
		return person.NewMatcher(names)
	}
	return person.NewMatcher(names, s.o.Mappings()...)
}

// forgetAll goes through everything that holds events. With dry it only counts: the
// same search.
func (s *Server) forgetAll(ctx context.Context, look *person.Matcher, dry bool) (api.Forgotten, error) {
	out := api.Forgotten{Success: true, DryRun: dry, Unreached: []string{}}
	if !dry {
		out.Found.Copies = s.copies.End()
		defer s.copies.Resume()
	}
	if dry {
		out.Found.Copies = s.copies.Now()
	}
	if s.o.ForgetDropped != nil { // before the queue: what is on its way into it is there then
		n, unreached, err := s.o.ForgetDropped(ctx, look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Dropped, out.Unreached = n, append(out.Unreached, unreached...)
	}
	doubt := make(map[queue.Seq]bool)
	var inDoubt map[string][]queue.Seq
	f := queue.Forget{
		Dry: dry,
		Record: func(r *queue.Record) bool {
			if !look.Event(r.Body, r.ID, r.Received) {
				return false
			}
			for _, lane := range r.Lanes {
				if _, ok := slices.BinarySearch(inDoubt[lane], r.Seq); ok {
					doubt[r.Seq] = true
				}
			}
			return true
		},
		Letter: func(d *queue.DeadLetter) bool {
			return look.Event(d.Body, d.MessageID, d.ReceivedAt) || look.Text(d.Message)
		},
	}
	var n queue.Forgotten
	remove := func() error {
		inDoubt = make(map[string][]queue.Seq)
		for _, l := range s.o.Queue.Lanes() {
			inDoubt[l.Name] = drain.InDoubt(l.State)
		}
		more, err := s.o.Queue.Forget(f)
		n.Add(more)
		return err
	}
	var err error
	if s.o.Drain != nil && !dry {
		if err = s.o.Drain.Forget(remove); err == nil {
			err = remove() // with lanes at work once more: of what one stored in the very moment
		}
	} else {
		err = remove()
	}
	out.Found.Waiting, out.Found.Unmapped, out.Found.Settled = n.Waiting, n.Unmapped, n.Settled
	out.Found.DeadLetters, out.Found.SetAside, out.Found.InDoubt = n.Letters, n.SetAside, len(doubt)
	if err != nil {
		return out, err
	}
	if s.o.ForgetReceipts != nil { // behind it: of what was on its way to Meta there is one by now
		n, unreached, err := s.o.ForgetReceipts(look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Receipts, out.Unreached = n, append(out.Unreached, unreached...)
	}
	if s.o.Strangers != nil { // what relay has removed is gone by now
		unreached, err := s.o.Strangers()
		if err != nil {
			return out, err
		}
		out.Unreached = append(out.Unreached, unreached...)
	}
	if s.o.Imports != nil {
		out.Reports = readReports(s.o.Imports)
	}
	out.Say()
	return out, nil
}
