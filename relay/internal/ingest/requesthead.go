package ingest

import (
	"bytes"
	"context"
	"net/http"
	"sync"
)

// A request with both Content-Length and Transfer-Encoding can end at one position for relay
// and at another for a proxy in front of it, which allows request smuggling. RFC 9112, 6.1
// requires closing the connection after it. net/http drops one of the headers before it calls
// the handler, so this package reads the head itself as it arrives.

// requestHead is the head of the request that a connection is reading.
type requestHead struct {
	mu   sync.Mutex
	text []byte // from the request line on, as far as it has arrived
	done bool   // complete
}

// add appends bytes that were read.
func (h *requestHead) add(b []byte) {
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

// reset is called after a request has been answered.
func (h *requestHead) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text, h.done = h.text[:0], false
}

// onlyChunked reports whether the complete head was seen and has a Transfer-Encoding but no
// Content-Length.
func (h *requestHead) onlyChunked() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	line, rest, ok := bytes.Cut(h.text, []byte("\r\n"))
	if !ok || !h.done || !requestLine(line) {
		return false // the request arrived in one read with the previous one: its beginning was not seen
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

// requestLine reports whether a line begins a request. A header line has no space before its
// colon.
func requestLine(line []byte) bool {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	return ok && bytes.IndexByte(method, ':') < 0 && bytes.Contains(rest, []byte(" HTTP/1."))
}

type headKey struct{}

// closeAfterTwoLengths closes the connection after a request that has two lengths, or could
// have.
func closeAfterTwoLengths(w http.ResponseWriter, r *http.Request) {
	if len(r.TransferEncoding) == 0 {
		return
	}
	if h, ok := r.Context().Value(headKey{}).(*requestHead); ok && h.onlyChunked() {
		return
	}
	w.Header().Set("Connection", "close")
}

// withHead adds the head of an unencrypted connection to its context.
func withHead(ctx context.Context, c any) context.Context {
	if p, ok := c.(*protocolConn); ok {
		return context.WithValue(ctx, headKey{}, &p.head)
	}
	return ctx
}
