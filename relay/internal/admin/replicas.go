package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/replicas"
)

// Replicas are the relays that share the queue with this one. *replicas.Group is them.
type Replicas interface {
	Relays() []api.Relay
	Delivering() (replicas.Beat, bool)
	Stored() int64
	Coming() []string
	Order(ctx context.Context, o *access.Order) (access.Answer, error)
	Others(ctx context.Context, o access.Order) []replicas.Everywhere
}

// Do does what another relay of the same queue was asked.
func (s *Server) Do(ctx context.Context, o *access.Order) access.Answer { return s.all.Do(ctx, o) }

// Coming is what is on its way into the queue here and nowhere yet, as a sentence.
func (s *Server) Coming() string { return s.importing.unreached(s.o.Now()) }

// elsewhere is what the relay that delivers tells of itself, when it is another one.
func (s *Server) elsewhere() (replicas.Beat, bool) {
	if s.o.Replicas == nil {
		return replicas.Beat{}, false
	}
	return s.o.Replicas.Delivering()
}

// whereDelivered has h done by the relay that delivers, whichever of those that share
// the queue is asked.
func (s *Server) whereDelivered(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.o.Replicas == nil || access.OrderOf(r) != nil || s.o.Delivers().Here {
			h(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			s.fail(w, badf("the body is larger than %d bytes, or was cut short", maxBody))
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the other may take long
		o := access.NewOrder(r, body)
		a, err := s.o.Replicas.Order(r.Context(), &o)
		var not *replicas.NotDoneError
		switch {
		case errors.As(err, &not) && not.InDoubt:
			access.WriteError(w, http.StatusGatewayTimeout, "in_doubt", not.Error())
		case errors.As(err, &not):
			w.Header().Set("Retry-After", "15")
			access.WriteError(w, http.StatusServiceUnavailable, "nobody_delivers", not.Error())
		case err != nil:
			s.fail(w, err)
		default:
			access.WriteAnswer(w, &a)
		}
	}
}

// reloadOthers has the other relays of the queue read their files, too, and says in the
// result what came of it.
func (s *Server) reloadOthers(r *http.Request, res *api.ReloadResult) {
	if s.o.Replicas == nil || access.OrderOf(r) != nil {
		return
	}
	var said []string
	if !res.Success {
		said = append(said, res.Message)
	}
	for _, at := range s.o.Replicas.Others(r.Context(), access.NewOrder(r, nil)) {
		one := api.RelayReload{Relay: at.Name}
		if at.Err != nil || json.Unmarshal(at.Answer.Body, &one.ReloadResult) != nil {
			one.Code, one.Message = api.ReloadNoAnswer, "it does not answer, and may not have read its files"
		}
		switch {
		case one.Success:
		case one.Code == api.ReloadNoAnswer:
			said = append(said, fmt.Sprintf("at %s: %s", one.Relay, one.Message))
			res.Success, res.Code = false, cmp.Or(res.Code, one.Code)
		default: // counts more than one that does not answer
			said = append(said, fmt.Sprintf("at %s: refused, what was in force stays there: %s", one.Relay, one.Message))
			res.Success, res.Code = false, one.Code
		}
		res.Relays = append(res.Relays, one)
	}
	res.Message = strings.Join(said, "\n")
}
