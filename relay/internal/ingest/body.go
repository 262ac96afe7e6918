package ingest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Errors of reading a body.
var (
	errTooLarge = errors.New("request too large")
	errBusy     = errors.New("too many bytes in flight")
	errSlow     = errors.New("body too slow")
	errEnded    = errors.New("body too slow while others needed its place")
	errCut      = errors.New("body incomplete")
	errGzip     = errors.New("body is not gzip")
	errEncoding = errors.New("unknown content encoding")
)

// read reads the body of r, unpacked, into w.body.
func (h *Handler) read(rw http.ResponseWriter, r *http.Request, w *work) error {
	zipped, err := encoding(r.Header)
	if err != nil {
		return err
	}
	limit := h.o.MaxRequestBytes
	if r.ContentLength > int64(limit) {
		return errTooLarge
	}
	if err := h.fill(rw, r, w, limit); err != nil {
		return err
	}
	b := w.body
	if len(b) >= 2 && b[0] == 0x1f && b[1] == 0x8b { // JSON never begins like this
		return h.gunzip(w, limit)
	}
	if text := bytes.TrimLeft(bytes.TrimPrefix(b, byteOrderMark), " \t\r\n"); zipped && (len(text) == 0 || text[0] != '{' && text[0] != '[') {
		return errGzip // neither gzip nor the plain JSON that some clients send instead
	}
	return nil
}

// encoding reports whether the body claims to be gzip.
func encoding(h http.Header) (zipped bool, err error) {
	v := h["Content-Encoding"]
	if len(v) == 0 {
		return false, nil
	}
	switch e := strings.TrimSpace(v[0]); {
	case len(v) > 1:
		return false, errEncoding
	case e == "", strings.EqualFold(e, "identity"):
		return false, nil
	case strings.EqualFold(e, "gzip"), strings.EqualFold(e, "x-gzip"):
		return true, nil
	}
	return false, errEncoding
}

// fill reads the raw body. Buffers grow with the bytes that have arrived, not with
// Content-Length, and a sender that stalls is cut off long before the server's own timeout, so
// that announcing or trickling bytes costs other clients nothing. When buffers run short, the
// bodies furthest behind give theirs up.
func (h *Handler) fill(rw http.ResponseWriter, r *http.Request, w *work, limit int) error {
	most := limit + 1
	if r.ContentLength >= 0 {
		most = int(r.ContentLength)
		if most == 0 {
			return nil
		}
	}
	b, ok := w.lend(min(most, 16<<10))
	if !ok {
		return errBusy
	}
	w.body = b
	w.conn.received(0)
	var rc *http.ResponseController
	defer func() {
		if rc != nil {
			_ = rc.SetReadDeadline(time.Time{})
		}
	}()
	var start time.Time
	for {
		if len(w.body) == cap(w.body) {
			if w.body, ok = w.grow(w.body, most); !ok {
				return errBusy
			}
		}
		n, err := r.Body.Read(w.body[len(w.body):cap(w.body)])
		w.body = w.body[:len(w.body)+n]
		switch {
		case len(w.body) > limit:
			return errTooLarge
		case err == io.EOF || r.ContentLength >= 0 && len(w.body) == most:
			return nil
		case !w.conn.received(n):
			return errEnded
		case err != nil:
			return readError(err)
		}
		now := time.Now()
		if rc == nil {
			rc, start = http.NewResponseController(rw), now
		}
		// Not every ResponseWriter supports deadlines; a server's does.
		deadline := now.Add(h.o.StallTimeout)
		if whole := start.Add(h.o.ReadTimeout); whole.Before(deadline) {
			deadline = whole
		}
		_ = rc.SetReadDeadline(deadline)
	}
}

// lend is loan.get, but slow bodies give up their buffers if needed.
func (w *work) lend(n int) ([]byte, bool) {
	for {
		if b, ok := w.loan.get(n); ok {
			return b, true
		}
		if !w.conn.makeRoom() {
			return nil, false
		}
	}
}

// grow is loan.grow, but slow bodies give up their buffers if needed.
func (w *work) grow(b []byte, most int) ([]byte, bool) {
	for {
		if grown, ok := w.loan.grow(b, most); ok {
			return grown, true
		}
		if !w.conn.makeRoom() {
			return b, false
		}
	}
}

func readError(err error) error {
	var ne net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		return errSlow
	}
	return errCut
}

// gunzip replaces w.body by its unpacked content, at most limit bytes.
func (h *Handler) gunzip(w *work, limit int) error {
	w.source.Reset(w.body)
	if w.zip == nil {
		w.zip = new(gzip.Reader)
	}
	if err := w.zip.Reset(&w.source); err != nil {
		return errGzip
	}
	out, ok := w.lend(min(4*len(w.body), limit+1))
	if !ok {
		return errBusy
	}
	for {
		if len(out) == cap(out) {
			if !h.heavy.acquire(w, len(out), h.o.AppendTimeout) {
				w.loan.put(out)
				return errBusy
			}
			if out, ok = w.grow(out, limit+1); !ok {
				w.loan.put(out)
				return errBusy
			}
		}
		n, err := w.zip.Read(out[len(out):cap(out)])
		out = out[:len(out)+n]
		if len(out) > limit || err != nil && !errors.Is(err, io.EOF) {
			w.loan.put(out)
			if len(out) > limit {
				return errTooLarge
			}
			return errGzip
		}
		if errors.Is(err, io.EOF) {
			w.loan.put(w.body)
			w.body = out
			return nil
		}
	}
}
