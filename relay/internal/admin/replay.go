package admin

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/admin/access"
	"relay/relay/internal/admin/records"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/forward"
)

// replay runs a step of `relay forward replay`.
func (s *Server) replay(w http.ResponseWriter, r *http.Request) {
	var in api.Replay
	err := readJSON(w, r, &in)
	var from queue.Seq
	if err == nil && in.From != "" {
		from, err = records.ParseSeq(in.From)
	}
	var since time.Time
	if err == nil && in.Since != "" {
		since, err = parseSince(in.Since, s.o.Now())
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	switch {
	case s.o.Replay != nil:
	case s.o.Drain == nil:
		access.WriteError(w, http.StatusServiceUnavailable, "not_running", "relay is not running: start it, then run this command again")
		return
	default:
		access.WriteError(w, http.StatusConflict, "forwards_nothing", "this relay does not forward: run this command at a store's relay, which has forward.url")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the connection to the hub may be slow
	step, err := s.o.Replay(r.Context(), from, since, in.DryRun)
	var refused *forward.NotTakenError
	switch {
	case errors.As(err, &refused):
		told := advice.ForHub(refused.Result)
		access.WriteError(w, http.StatusServiceUnavailable, "hub_not_reached", strings.TrimSpace(told.What+" "+told.Fix()))
		return
	case err != nil:
		s.fail(w, err)
		return
	}
	out := api.Replayed{Success: true, Kept: step.Kept, Missing: step.Missing, Sent: step.Sent, DryRun: in.DryRun}
	if step.More {
		out.Next = records.FormatSeq(step.Next)
	}
	if step.Sent > 0 {
		s.o.Logger.Warn("events that the hub lacked were forwarded again by an operator", "code", logs.Replayed, "events", step.Sent)
	}
	writeJSON(w, http.StatusOK, out)
}
