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

// Replicas are the relays that share the queue; *replicas.Group implements it.
type Replicas interface {
	Relays() []api.Relay
	Delivering() (replicas.Beat, bool)
	Stored() int64
	Coming() []string
	Order(ctx context.Context, o *access.Order) (access.Answer, error)
	Others(ctx context.Context, o access.Order) []replicas.Everywhere
}

// Do carries out a request that was made at another relay of the same queue.
func (s *Server) Do(ctx context.Context, o *access.Order) access.Answer { return s.all.Do(ctx, o) }

// Coming returns a clause about imports in progress at this relay; "" if there are none.
func (s *Server) Coming() string { return s.importing.unreached(s.o.Now()) }

// elsewhere returns the state of the relay that delivers, if it is another one.
func (s *Server) elsewhere() (replicas.Beat, bool) {
	if s.o.Replicas == nil {
		return replicas.Beat{}, false
	}
	return s.o.Replicas.Delivering()
}

// whereDelivered runs h at the relay that delivers, whichever of the relays that share the
// queue received the request.
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
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the other relay might take long
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

// reloadOthers makes the other relays of the queue reload too, and adds their results to
// res.
func (s *Server) reloadOthers(r *http.Request, res *api.ReloadResult) {
	if s.o.Replicas == nil || access.OrderOf(r) != nil {
		return
	}
	var messages []string
	if !res.Success {
		messages = append(messages, res.Message)
	}
	for _, at := range s.o.Replicas.Others(r.Context(), access.NewOrder(r, nil)) {
		one := api.RelayReload{Relay: at.Name}
		if at.Err != nil || json.Unmarshal(at.Answer.Body, &one.ReloadResult) != nil {
			one.Code, one.Message = api.ReloadNoAnswer, "no answer; it might not have reloaded its files"
		}
		switch {
		case one.Success:
		case one.Code == api.ReloadNoAnswer:
			messages = append(messages, fmt.Sprintf("%s: %s", one.Relay, one.Message))
			res.Success, res.Code = false, cmp.Or(res.Code, one.Code)
		default: // more important than a missing answer
			messages = append(messages, fmt.Sprintf("%s: refused; it keeps the previous files: %s", one.Relay, one.Message))
			res.Success, res.Code = false, one.Code
		}
		res.Relays = append(res.Relays, one)
	}
	res.Message = strings.Join(messages, "\n")
}
