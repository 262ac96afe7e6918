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
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/time/rate"

	"relay/queue"
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

// Stop refuses new requests with 503 and waits until those inside are
// answered, or ctx is done.
func (h *Handler) Stop(ctx context.Context) error { return h.gate.close(ctx) }

// work is what one request needs, kept for the next one.
type work struct {
	o       Observation
	body    []byte // pooled, counted
	out     []byte // pooled, counted: messages that had to be spliced
	doubt   bool   // the queue may still be reading body and out
	heavy   bool   // it has one of Handler.heavies
	source  bytes.Reader
	zip     *gzip.Reader
	decoder decoder
	merger  merger
	entries []queue.Entry
	idText  []byte // all ids of the request, one behind the other
	idEnds  []int
	reject  []rejected
	names   map[string]string // event names seen: saves a copy of each
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if read, failed := h.answer(rw, r); failed {
		h.linger(rw, r, read)
	}
}

// answer answers a request and says how much of its body was read for it.
func (h *Handler) answer(rw http.ResponseWriter, r *http.Request) (read int, failed bool) {
	start := time.Now()
	w, _ := h.works.Get().(*work)
	if w == nil {
		w = &work{names: map[string]string{}}
	}
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
	case what == unknown:
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
	if f := connRefuses(r.Context()); f != nil {
		return f
	}

	grant := keys.fromHeader(r.Header)
	if err := h.read(rw, r, w); err != nil {
		return ofBody(err)
	}
	w.o.Bytes = len(w.body)
	h.heavies.take(w, len(w.body))
	if err := h.decode(w, what); err != nil {
		if keys.required() && grant == nil {
			return failKey
		}
		return ofBody(err)
	}
	if keys.required() && grant == nil {
		if grant = w.bodyKey(keys, what); grant == nil {
			return failKey
		}
	}
	received := h.o.Now()
	var f *failure
	if what == batch {
		f = h.takeBatch(w, grant, received)
	} else {
		f = h.takeSingle(w, grant, received, what)
	}
	if f != nil {
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

// decode scans w.body and leaves it in valid UTF-8.
func (h *Handler) decode(w *work, what call) error {
	scan := func() error {
		text := bytes.TrimPrefix(w.body, byteOrderMark)
		if what == batch {
			return w.decoder.batch(text, h.o.MaxBatchEvents)
		}
		return w.decoder.single(text)
	}
	if err := scan(); err != nil {
		return err
	}
	s := &w.decoder.scan
	if s.wide && !utf8.Valid(w.body) {
		mended, ok := h.buffers.get(3 * len(w.body))
		if !ok {
			return errBusy
		}
		mended = toUTF8(mended, w.body)
		h.buffers.put(w.body)
		w.body = mended
		if err := scan(); err != nil {
			return err
		}
	}
	if s.halves {
		mendHalves(w.body)
	}
	return nil
}

// bodyKey looks for a known write key in the body.
func (w *work) bodyKey(keys *keyring, what call) *grant {
	d := &w.decoder
	p := d.env.writeKey
	if what != batch {
		p = d.env.messages[0].writeKey
	}
	if key, ok := d.text(p); ok {
		return keys.find(key)
	}
	return nil
}

// store appends the request's entries in one call.
func (h *Handler) store(w *work) *failure {
	if len(w.entries) == 0 {
		return nil
	}
	// Whether or not the client waits for the answer, its events are wanted:
	// its going away must not cancel the append.
	ctx, cancel := context.WithTimeout(context.Background(), h.o.AppendTimeout)
	defer cancel()
	a, err := h.o.Queue.Append(ctx, w.entries)
	if err != nil {
		w.doubt = true
		f := ofAppend(err)
		if !h.failing.Swap(true) {
			h.o.Logger.Warn("intake: queue refuses events", "status", f.status, "code", f.code, "error", err)
		}
		return f
	}
	if h.failing.Load() && h.failing.Swap(false) {
		h.o.Logger.Info("intake: queue takes events again")
	}
	w.o.Stored, w.o.Duplicates = a.Stored, a.Duplicates
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
	give := h.buffers.put
	if w.doubt {
		give = h.buffers.drop
	}
	give(w.body)
	give(w.out)
	w.body, w.out, w.doubt = nil, nil, false
	clear(w.entries) // no references to bodies and lanes of the past
	clear(w.reject)
	w.entries, w.reject = w.entries[:0], w.reject[:0]
	w.idText, w.idEnds = w.idText[:0], w.idEnds[:0]
	w.source.Reset(nil)
	w.decoder.scan.b, w.merger.scan.b = nil, nil
	w.merger.context, w.merger.integrations = nil, nil
	w.decoder.scratch, w.merger.scratch = modest(w.decoder.scratch), modest(w.merger.scratch)
	h.works.Put(w)
}

// modest lets go of scratch space that one odd request made large.
func modest(b []byte) []byte {
	if cap(b) > small {
		return nil
	}
	return b
}
