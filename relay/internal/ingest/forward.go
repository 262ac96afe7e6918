package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"relay/internal/logs"
	"relay/relay/internal/forward"
)

var (
	failStore   = &failure{status: 403, code: "no_store", message: "this key is of no store: give its entry of auth.keys a store"}
	failForward = &failure{status: 404, code: "not_found", message: "this relay takes nothing that others forward: it forwards itself"}
	failTurn    = &failure{status: 429, code: "busy", message: "another chunk of this store is being stored", retry: 1}
	failStart   = &failure{status: 503, code: "starting", message: "relay is starting", retry: 2}
)

// forward takes what another relay hands over. w.body is as it came.
func (h *Handler) forward(parent context.Context, rw http.ResponseWriter, w *work, g *grant) *failure {
	switch {
	case h.o.Forward == nil:
		return failForward
	case g == nil:
		return failKey
	case g.store == "":
		return failStore
	}
	n, err := forward.RawSize(w.body)
	if err != nil {
		return ofForward(err)
	}
	if n > h.o.MaxRequestBytes {
		return failLarge
	}
	room, ok := w.loan.get(n)
	if !ok {
		return failBusy
	}
	w.out = room
	if !h.heavies.take(w, n, h.o.AppendTimeout) {
		return failBusy
	}
	// The events are wanted whether or not the edge waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), h.o.AppendTimeout)
	defer cancel()
	a, err := h.o.Forward(ctx, g.store, g.allows, w.body, room, h.o.MaxRequestBytes)
	if err != nil {
		w.doubt = true
		f := ofForward(err)
		if f.status == failStorage.status || f.code == "queue_full" {
			if !h.failing.Swap(true) {
				h.o.Logger.Warn("intake: queue refuses events", "code", logs.IntakeRefuses, "status", f.status, "error_code", f.code, "err", err)
			}
		}
		return f
	}
	w.o.Stored, w.o.Duplicates = a.Stored, a.Repeats
	b, err := json.Marshal(a)
	if err != nil {
		return failStorage
	}
	hd := rw.Header()
	hd["Content-Type"] = typeJSON
	hd.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = rw.Write(b)
	return nil
}

// ofForward turns an error of forward.Hub into its answer.
func ofForward(err error) *failure {
	var version *forward.VersionError
	switch {
	case errors.As(err, &version):
		return &failure{status: 415, code: "unsupported_version", message: fmt.Sprintf("what is forwarded has version %d, which is not read here", version.Version), reads: []int{forward.Version}}
	case errors.Is(err, forward.ErrFormat):
		return &failure{status: 400, code: "invalid_chunk", message: "the body is no chunk of a relay's log"}
	case errors.Is(err, forward.ErrTooLarge):
		return failLarge
	case errors.Is(err, forward.ErrBusy):
		return failTurn
	case errors.Is(err, forward.ErrStarting):
		return failStart
	}
	return ofAppend(err)
}
