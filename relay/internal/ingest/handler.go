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

// Handler serves Segment's tracking API. It is safe for concurrent use.
type Handler struct {
	o       Options
	keys    atomic.Pointer[keyring]
	origins *originPolicy
	limit   *rate.Limiter
	gate    *gate
	buffers buffers
	heavy   slots
	works   sync.Pool
	failing atomic.Bool // the queue refused the last request

	timeout sharedTimeout
}

// New returns a Handler. On error the options are invalid.
func New(o Options) (*Handler, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("set up intake: %w", err)
	}
	h := &Handler{o: o, gate: newGate(), origins: newOriginPolicy(o.AllowedOrigins, o.AllowedHosts)}
	h.buffers.limit = o.MaxInFlightBytes
	h.heavy = newSlots()
	h.limit = rate.NewLimiter(rate.Inf, 0)
	if o.RequestsPerSecond > 0 {
		h.limit = rate.NewLimiter(rate.Limit(o.RequestsPerSecond), o.Burst)
	}
	if err := h.SetKeys(o.Keys); err != nil {
		return nil, fmt.Errorf("set up intake: %w", err)
	}
	return h, nil
}

// SetKeys replaces the write keys for future requests.
func (h *Handler) SetKeys(keys []Key) error {
	r, err := newKeyring(keys)
	if err != nil {
		return err
	}
	h.keys.Store(r)
	return nil
}

// stop answers new requests with 503 and waits until those in progress are answered or ctx is
// done.
func (h *Handler) stop(ctx context.Context) error { return h.gate.close(ctx) }

// work is the state of one request. It is pooled.
type work struct {
	o       Observation
	conn    *connState
	loan    loan
	body    []byte // borrowed
	out     []byte // borrowed: messages whose stored bytes differ from the body
	inUse   bool   // the queue could still be reading body and out
	hasSlot bool   // it holds one of Handler.heavy
	source  bytes.Reader
	zip     *gzip.Reader
	reader  track.Reader
	entries []queue.Entry
	idText  []byte // all ids of the request, concatenated
	idEnds  []int
	reject  []rejected
	names   map[string]string // event names seen: saves copying each
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	closeAfterTwoLengths(rw, r)
	if read, failed := h.answer(rw, r); failed {
		h.linger(rw, r, read)
	}
}

// answer answers a request and returns how much of its body was read.
func (h *Handler) answer(rw http.ResponseWriter, r *http.Request) (read int, failed bool) {
	start := time.Now()
	w, _ := h.works.Get().(*work)
	if w == nil {
		w = &work{loan: loan{from: &h.buffers}, names: map[string]string{}, reader: track.Reader{Limits: h.limits(), Key: h.o.FingerprintKey}}
	}
	w.conn = connStateOf(r.Context())
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

// serve answers a request, or returns the failure to answer with.
func (h *Handler) serve(rw http.ResponseWriter, r *http.Request, w *work) *failure {
	w.o = Observation{Status: http.StatusOK}
	what, name := route(r.URL.Path)
	w.o.Route = name
	if n, err := strconv.Atoi(r.Header.Get("X-Retry-Count")); err == nil && n > 0 {
		w.o.Retry = n
	}
	keys := h.keys.Load()
	if h.origins.foreign(r) {
		return failOrigin
	}
	if !keys.required() && !h.origins.known(r) {
		return failHost
	}
	h.origins.cors(rw.Header(), r)
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
	if h.o.MemoryShort != nil && h.o.MemoryShort() {
		return failMemory
	}
	if f := w.conn.refusal(); f != nil {
		return f
	}

	grant := keys.fromHeader(r.Header)
	if err := h.read(rw, r, w); err != nil {
		return ofBody(err)
	}
	w.conn.startWorking()
	w.o.Bytes = len(w.body)
	if what == callForward {
		return h.forward(r.Context(), rw, w, grant)
	}
	if !h.heavy.acquire(w, len(w.body), h.o.AppendTimeout) {
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
	if f := h.collect(w, grant, received, what); f != nil {
		return f
	}
	h.heavy.release(w)             // the request no longer computes, it waits for the disk
	if f := h.store(w); f != nil { //nolint:contextcheck // see store: the events are stored whether or not the client waits
		return f
	}
	if len(w.reject) > 0 {
		writeRejected(rw, w.reject)
	} else {
		writeSuccess(rw)
	}
	return nil
}

// limits returns the limits of a body. Merging must not make a request larger than four of the
// largest size.
func (h *Handler) limits() track.Limits {
	return track.Limits{EventBytes: h.o.MaxEventBytes, Messages: h.o.MaxBatchEvents, Merged: 4 * h.o.MaxRequestBytes}
}

// decode scans w.body and converts it to valid UTF-8.
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
	// A client that goes away must not cancel the append: its events are stored whether
	// or not it waits for the answer.
	a, err := h.o.Queue.Append(h.timeout.context(h.o.AppendTimeout), w.entries)
	if err != nil {
		w.inUse = true
		f := ofAppend(err)
		if !h.failing.Swap(true) {
			h.o.Logger.Warn("intake: queue refuses events", "code", logs.IntakeRefuses, "status", f.status, "error_code", f.code, "err", err)
		}
		return f
	}
	if h.failing.Load() && h.failing.Swap(false) {
		h.o.Logger.Info("intake: queue accepts events again", "code", logs.IntakeOK)
	}
	w.o.Stored, w.o.Duplicates, w.o.Conflicts = a.Stored, a.Duplicates, a.Conflicts
	return nil
}

// ofAppend returns the answer to an error of the queue.
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

// release returns everything that w borrowed and puts w back into the pool.
func (h *Handler) release(w *work) {
	h.heavy.release(w)
	w.loan.end(w.inUse, w.body, w.out)
	w.body, w.out, w.inUse = nil, nil, false
	w.conn.answered()
	w.conn = nil
	clear(w.entries) // drop references to bodies and lanes
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
