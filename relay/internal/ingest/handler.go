package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/time/rate"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/track"
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// Handler answers Segment's tracking API. It is safe for concurrent use.
type Handler struct {
	o       Options
	keys    atomic.Pointer[keyring]
	door    *door
	limit   *rate.Limiter
	gate    *gate
	buffers buffers
	heavies slots
	works   sync.Pool
	failing atomic.Bool // the queue refused the last request

	patience patience
}

// New makes a Handler.
func New(o Options) (*Handler, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("set up intake: %w", err)
	}
	h := &Handler{o: o, gate: newGate(), door: newDoor(o.AllowedOrigins, o.AllowedHosts)}
	h.buffers.limit = o.MaxInFlightBytes
	h.heavies = newSlots()
	h.limit = rate.NewLimiter(rate.Inf, 0)
	if o.RequestsPerSecond > 0 {
		h.limit = rate.NewLimiter(rate.Limit(o.RequestsPerSecond), o.Burst)
	}
	if err := h.SetKeys(o.Keys); err != nil {
		return nil, fmt.Errorf("set up intake: %w", err)
	}
	return h, nil
}

// SetKeys replaces the write keys, for the requests that come from now on.
func (h *Handler) SetKeys(keys []Key) error {
	r, err := newKeyring(keys)
	if err != nil {
		return err
	}
	h.keys.Store(r)
	return nil
}

// stop refuses new requests with 503 and waits until those inside are
// answered, or ctx is done.
func (h *Handler) stop(ctx context.Context) error { return h.gate.close(ctx) }

// work is what one request needs, kept for the next one.
type work struct {
	o       Observation
	place   *place
	loan    loan
	body    []byte // of the loan
	out     []byte // of the loan: messages that are stored otherwise than they came
	doubt   bool   // the queue may still be reading body and out
	heavy   bool   // it has one of Handler.heavies
	source  bytes.Reader
	zip     *gzip.Reader
	reader  track.Reader
	entries []queue.Entry
	idText  []byte // all ids of the request, one behind the other
	idEnds  []int
	reject  []rejected
	names   map[string]string // event names seen: saves a copy of each
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	closeAfterTwoLengths(rw, r)
	if read, failed := h.answer(rw, r); failed {
		h.linger(rw, r, read)
	}
}

// answer answers a request and says how much of its body was read for it.
func (h *Handler) answer(rw http.ResponseWriter, r *http.Request) (read int, failed bool) {
	start := time.Now()
	w, _ := h.works.Get().(*work)
	if w == nil {
		w = &work{loan: loan{from: &h.buffers}, names: map[string]string{}, reader: track.Reader{Limits: h.limits(), Key: h.o.PrintKey}}
	}
	w.place = placeOf(r.Context())
	defer h.release(w)
	f := h.serve(rw, r, w)
	if f != nil {
		w.o.Status, w.o.Code = f.status, f.code
		writeFailure(rw, f)
	}
	w.o.Took = time.Since(start)
	h.o.Metrics.Request(w.o)
	return len(w.body), f != nil
}

// serve answers a request, or returns the failure to answer.
func (h *Handler) serve(rw http.ResponseWriter, r *http.Request, w *work) *failure {
	w.o = Observation{Status: http.StatusOK}
	what, name := route(r.URL.Path)
	w.o.Route = name
	if n, err := strconv.Atoi(r.Header.Get("X-Retry-Count")); err == nil && n > 0 {
		w.o.Retry = n
	}
	keys := h.keys.Load()
	if h.door.foreign(r) {
		return failOrigin
	}
	if !keys.required() && !h.door.known(r) {
		return failHost
	}
	h.door.cors(rw.Header(), r)
	switch {
	case what == callUnknown:
		return failPath
	case r.Method == http.MethodOptions:
		rw.Header()["Allow"] = allowed
		w.o.Status = http.StatusNoContent
		rw.WriteHeader(w.o.Status)
		return nil
	case r.Method != http.MethodPost:
		return failMethod
	}
	if !h.gate.enter() {
		return failStopping
	}
	defer h.gate.leave()
	if !h.limit.Allow() {
		f := *failRate
		f.retry = seconds(time.Duration(float64(time.Second) / float64(h.limit.Limit())))
		return &f
	}
	if h.o.Short != nil && h.o.Short() {
		return failMemory
	}
	if f := w.place.refuses(); f != nil {
		return f
	}

	grant := keys.fromHeader(r.Header)
	if err := h.read(rw, r, w); err != nil {
		return ofBody(err)
	}
	w.place.works()
	w.o.Bytes = len(w.body)
	if what == callForward {
		return h.forward(r.Context(), rw, w, grant)
	}
	if !h.heavies.take(w, len(w.body), h.o.AppendTimeout) {
		return failBusy
	}
	if err := h.decode(w, what); err != nil {
		if keys.required() && grant == nil {
			return failKey
		}
		return ofBody(err)
	}
	if keys.required() && grant == nil {
		if key, ok := w.reader.WriteKey(); ok {
			grant = keys.find(key)
		}
		if grant == nil {
			return failKey
		}
	}
	received := h.o.Now()
	if f := h.take(w, grant, received, what); f != nil {
		return f
	}
	h.heavies.give(w)              // from here on it waits for the disk
	if f := h.store(w); f != nil { //nolint:contextcheck // see store: the events are wanted whether or not the client waits
		return f
	}
	if len(w.reject) > 0 {
		writeRejected(rw, w.reject)
	} else {
		writeSuccess(rw)
	}
	return nil
}

// limits are what a body may hold. Merging may not make a request larger than
// four of the largest.
func (h *Handler) limits() track.Limits {
	return track.Limits{EventBytes: h.o.MaxEventBytes, Messages: h.o.MaxBatchEvents, Merged: 4 * h.o.MaxRequestBytes}
}

// decode scans w.body and leaves it in valid UTF-8.
func (h *Handler) decode(w *work, what call) error {
	for {
		body := bytes.TrimPrefix(w.body, byteOrderMark)
		if err := w.reader.Scan(body, what == callBatch); err != nil || !w.reader.Foreign() {
			return err
		}
		text, ok := w.lend(3 * len(w.body))
		if !ok {
			return errBusy
		}
		text = track.ToUTF8(text, body)
		w.loan.put(w.body)
		w.body = text
	}
}

// store appends the request's entries in one call.
func (h *Handler) store(w *work) *failure {
	if len(w.entries) == 0 {
		return nil
	}
	// Whether or not the client waits for the answer, its events are wanted:
	// its going away must not cancel the append.
	a, err := h.o.Queue.Append(h.patience.context(h.o.AppendTimeout), w.entries)
	if err != nil {
		w.doubt = true
		f := ofAppend(err)
		if !h.failing.Swap(true) {
			h.o.Logger.Warn("intake: queue refuses events", "code", logs.IntakeRefuses, "status", f.status, "error_code", f.code, "err", err)
		}
		return f
	}
	if h.failing.Load() && h.failing.Swap(false) {
		h.o.Logger.Info("intake: queue takes events again", "code", logs.IntakeOK)
	}
	w.o.Stored, w.o.Duplicates, w.o.Conflicts = a.Stored, a.Duplicates, a.Conflicts
	return nil
}

// ofAppend turns an error of the queue into its answer.
func ofAppend(err error) *failure {
	var full *queue.FullError
	switch {
	case errors.As(err, &full):
		return &failure{status: 429, code: "queue_full", message: "the queue is full", retry: seconds(full.RetryAfter)}
	case errors.Is(err, queue.ErrBusy):
		return failBusy
	case errors.Is(err, queue.ErrClosed):
		return failStopping
	case errors.Is(err, queue.ErrStalled), errors.Is(err, context.DeadlineExceeded):
		return failTimeout
	case errors.Is(err, queue.ErrInvalid):
		return failEntry
	}
	return failStorage
}

// release gives back what w holds.
func (h *Handler) release(w *work) {
	h.heavies.give(w)
	w.loan.end(w.doubt, w.body, w.out)
	w.body, w.out, w.doubt = nil, nil, false
	w.place.answered()
	w.place = nil
	clear(w.entries) // no references to bodies and lanes of the past
	clear(w.reject)
	w.entries, w.reject = w.entries[:0], w.reject[:0]
	w.idText, w.idEnds = w.idText[:0], w.idEnds[:0]
	w.source.Reset(nil)
	w.reader.Release()
	if cap(w.idText) > small {
		w.idText = nil
	}
	h.works.Put(w)
}
