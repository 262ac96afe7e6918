package ingest

import (
	"bytes"
	"context"
	"net/http"
	"sync"
)

// A request that has both Content-Length and Transfer-Encoding may end at one
// place for relay and at another for a proxy in front of it: what follows could be
// somebody else's request smuggled in. RFC 9112, 6.1 wants the connection closed
// after it. net/http drops the one header before a handler is asked, so that the
// head is looked at as it comes.

// asked is the header of the request that a connection reads.
type asked struct {
	mu   sync.Mutex
	text []byte // from the request line on, as far as it has come
	done bool   // to its end
}

// take adds what was read.
func (h *asked) take(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.done || len(b) == 0 {
		return
	}
	from := max(0, len(h.text)-3)
	h.text = append(h.text, b[:min(len(b), 2*maxHeaderBytes-len(h.text))]...)
	if i := bytes.Index(h.text[from:], []byte("\r\n\r\n")); i >= 0 {
		h.text, h.done = h.text[:from+i+2], true
	} else if len(h.text) >= 2*maxHeaderBytes {
		h.done = true
	}
}

// next is for when a request has been answered.
func (h *asked) next() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text, h.done = h.text[:0], false
}

// chunkedAlone says whether the header has been seen whole and gives no length
// beside its Transfer-Encoding.
func (h *asked) chunkedAlone() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	line, rest, ok := bytes.Cut(h.text, []byte("\r\n"))
	if !ok || !h.done || !requestLine(line) {
		return false // a request that came in one piece with another: its beginning was not seen
	}
	chunked := false
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, _, _ := bytes.Cut(line, []byte(":"))
		switch name = bytes.TrimSpace(name); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			return false
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		}
	}
	return chunked
}

// requestLine says whether a line begins a request: a line of a header has no
// blank in its name.
func requestLine(line []byte) bool {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	return ok && bytes.IndexByte(method, ':') < 0 && bytes.Contains(rest, []byte(" HTTP/1."))
}

type headKey struct{}

// closeAfterTwoLengths has the connection closed after a request whose end two
// headers give, or may give.
func closeAfterTwoLengths(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) == 0 {
		return
	}
	if h, ok := r.Context().Value(headKey{}).(*asked); ok && h.chunkedAlone() {
		return
	}
	w.Header().Set("Connection", "close")
}

// withHead puts the head of a connection that is seen in clear into its context.
func withHead(ctx context.Context, c any) context.Context {
	if p, ok := c.(*protocolConn); ok {
		return context.WithValue(ctx, headKey{}, &p.asked)
	}
	return ctx
}
