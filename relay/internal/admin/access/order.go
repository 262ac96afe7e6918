package access

import (
	"bytes"
	"context"
	"net/http"
	"strings"
)

// Order is a call that another relay of the same queue received and passes on to this one.
type Order struct {
	Method string `json:"method"`
	Target string `json:"target"` // path and query
	Body   []byte `json:"body,omitempty"`
	Who    string `json:"who"`      // the caller, as in the audit log of that relay
	At     string `json:"asked_at"` // the relay that received the call
}

// Answer is the answer to an Order.
type Answer struct {
	Status     int    `json:"status"`
	RetryAfter string `json:"retry_after,omitempty"`
	Body       []byte `json:"body"`
	Count      int64  `json:"count"` // for the audit log of the relay that received the call
	DryRun     bool   `json:"dry_run,omitempty"`
	By         string `json:"by"` // the relay that carried it out
}

type orderKey struct{}

// OrderOf returns the Order of r; nil: r came over a listener.
func OrderOf(r *http.Request) *Order {
	o, _ := r.Context().Value(orderKey{}).(*Order)
	return o
}

// NewOrder returns an Order for a request that the guard has admitted.
func NewOrder(r *http.Request, body []byte) Order {
	return Order{Method: r.Method, Target: r.URL.RequestURI(), Body: body, Who: CallerOf(r).who}
}

// Do carries out an Order with the permissions of the control socket. Its line in the audit
// log names the relay that received the call.
func (r *Routes) Do(ctx context.Context, o *Order) Answer {
	w := &orderAnswer{header: http.Header{}}
	req, err := http.NewRequestWithContext(context.WithValue(context.WithValue(ctx, orderKey{}, o), listenerKey{}, r.orders), o.Method, "http://relay"+o.Target, bytes.NewReader(o.Body))
	if err != nil || !strings.HasPrefix(o.Target, "/") {
		WriteError(w, http.StatusBadRequest, "bad_request", "this is not an order of another relay")
	} else {
		req.Header.Set("X-Relay", "1")
		r.mux.ServeHTTP(w, req)
	}
	return Answer{Status: w.status, RetryAfter: w.header.Get("Retry-After"), Body: w.body.Bytes(), Count: w.count, DryRun: w.dryRun}
}

// WriteAnswer answers with the answer to an Order.
func WriteAnswer(w http.ResponseWriter, a *Answer) {
	if r, ok := w.(*recorder); ok {
		r.line.Count, r.line.DryRun, r.line.DoneAt = a.Count, a.DryRun, a.By
	}
	w.Header().Set("Content-Type", "application/json")
	if a.RetryAfter != "" {
		w.Header().Set("Retry-After", a.RetryAfter)
	}
	w.WriteHeader(a.Status)
	w.Write(a.Body)
}

// orderAnswer keeps an answer in memory.
type orderAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
	count  int64
	dryRun bool
}

func (w *orderAnswer) Header() http.Header { return w.header }

func (w *orderAnswer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *orderAnswer) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b) //nolint:wrapcheck // writing to a buffer never fails
}
