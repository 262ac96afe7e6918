package ingest

import (
	"io"
	"net/http"
	"time"
)

const (
	lingerMin   = 256 << 10 // net/http itself reads this much
	lingerMax   = 128 << 20
	lingerTime  = 5 * time.Second
	lingerStall = time.Second
)

// linger lets a client that was refused early finish sending. Most clients write the whole body
// before they read the answer: closing the connection would reset it, and instead of "too
// large" they would see a network error and retry the hopeless request. Bytes that arrive are
// discarded without being buffered, up to a size and a time. read is how much of the body was
// read.
func (h *Handler) linger(rw http.ResponseWriter, r *http.Request, read int) {
	if r.ContentLength >= 0 && r.ContentLength-int64(read) <= lingerMin {
		return
	}
	if read == 0 && r.Header.Get("Expect") != "" {
		return // it waits for 100 Continue
	}
	rc := http.NewResponseController(rw)
	if rc.Flush() != nil {
		return
	}
	end := time.Now().Add(min(lingerTime, h.o.ReadTimeout))
	for left := int64(lingerMax); left > 0; {
		now := time.Now()
		if !now.Before(end) {
			return
		}
		deadline := now.Add(lingerStall)
		if end.Before(deadline) {
			deadline = end
		}
		if rc.SetReadDeadline(deadline) != nil {
			return
		}
		n, err := io.CopyN(io.Discard, r.Body, min(left, lingerMin))
		if err != nil {
			return
		}
		left -= n
	}
}
