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
	failStore   = &failure{status: 403, code: "no_store", message: "this key belongs to no store: set store in its auth.keys entry"}
	failForward = &failure{status: 404, code: "not_found", message: "this relay does not accept forwarded events: it forwards its own"}
	failTurn    = &failure{status: 429, code: "busy", message: "another chunk of this store is being stored", retry: 1}
	failStart   = &failure{status: 503, code: "starting", message: "relay is starting", retry: 2}
)

// forward stores a chunk that another relay forwards. w.body is the chunk as received.
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
	if !h.heavy.acquire(w, n, h.o.AppendTimeout) {
		return failBusy
	}
	// The events are stored whether or not the edge waits for the answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), h.o.AppendTimeout)
	defer cancel()
	a, err := h.o.Forward(ctx, g.store, g.allows, w.body, room, h.o.MaxRequestBytes)
	if err != nil {
		w.inUse = true
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

// ofForward returns the answer to an error of forward.Hub.
func ofForward(err error) *failure {
	var version *forward.VersionError
	switch {
	case errors.As(err, &version):
		return &failure{status: 415, code: "unsupported_version", message: fmt.Sprintf("forwarded chunks of version %d are not supported", version.Version), reads: []int{forward.Version}}
	case errors.Is(err, forward.ErrFormat):
		return &failure{status: 400, code: "invalid_chunk", message: "the body is not a chunk of a relay's log"}
	case errors.Is(err, forward.ErrTooLarge):
		return failLarge
	case errors.Is(err, forward.ErrBusy):
		return failTurn
	case errors.Is(err, forward.ErrStarting):
		return failStart
	}
	return ofAppend(err)
}
