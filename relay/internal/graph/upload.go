package graph

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// Upload is how much of a request's body was written to the connection. Up to
// writeBuffer bytes of that can still be in the system's buffer.
type Upload uint8

// The stages of an upload.
const (
	UploadNone  Upload = iota // no connection, or no byte of the body was written
	UploadPart                // the last byte was not written: Meta cannot have stored anything
	UploadWhole               // every byte was written
)

// writeBuffer limits the system's write buffer of a connection. With a large
// buffer, a body would count as sent while a slow connection still needs minutes.
const writeBuffer = 64 << 10

// longestUpload limits an upload that makes progress, however slowly.
const longestUpload = 10 * time.Minute

// exchange cancels an HTTP exchange that makes no progress: no byte of the body
// was written for the time-out, or no answer came within it after the last byte.
// A slow upload can take up to longestUpload.
type exchange struct {
	wait   time.Duration
	cancel context.CancelCauseFunc
	timer  *time.Timer

	// Set by net/http, which can go on with a dial after the request has ended.
	answered        atomic.Bool // a byte of an answer arrived
	handshakeFailed atomic.Bool // a TLS handshake failed

	mu   sync.Mutex
	sent Upload
	ends time.Time // latest end of the upload
}

// startExchange returns a context that is cancelled without progress. The caller
// must call done.
func startExchange(parent context.Context, wait time.Duration) (context.Context, *exchange) {
	ctx, cancel := context.WithCancelCause(parent)
	u := &exchange{wait: wait, cancel: cancel, ends: time.Now().Add(longestUpload)}
	u.timer = time.AfterFunc(wait, u.expire)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotFirstResponseByte: func() { u.answered.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				u.handshakeFailed.Store(true)
			}
		},
	}), u
}

func (u *exchange) done() {
	u.timer.Stop()
	u.cancel(nil)
}

func (u *exchange) expire() {
	if u.uploaded() == UploadPart {
		u.cancel(errUpload)
		return
	}
	u.cancel(errTimeout)
}

func (u *exchange) uploaded() Upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sent
}

// progress records that net/http read more of the body. last: its last byte too.
func (u *exchange) progress(last bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sent == UploadWhole { // net/http retries by itself; an earlier try sent it all
		return
	}
	if u.sent = UploadPart; last {
		u.sent = UploadWhole
	}
	if left := time.Until(u.ends); last || left > 0 {
		u.timer.Reset(u.wait)
	}
}

var (
	errTimeout = errors.New("no answer in time")
	errUpload  = errors.New("the connection is too slow for the request")
)

// pieces is a body in parts. They are sent without being joined: a batch is up
// to 4 MiB, and its events are in memory already.
type pieces [][]byte

func (p pieces) size() (n int64) {
	for _, b := range p {
		n += int64(len(b))
	}
	return n
}

func (p pieces) reader(progress func(last bool)) io.ReadCloser {
	return &piecesReader{rest: p, progress: progress}
}

type piecesReader struct {
	rest     pieces
	off      int
	progress func(last bool)
}

// Read fills b from as many pieces as fit.
func (r *piecesReader) Read(b []byte) (n int, err error) {
	for n < len(b) && len(r.rest) > 0 {
		m := copy(b[n:], r.rest[0][r.off:])
		n += m
		if r.off += m; r.off == len(r.rest[0]) {
			r.rest, r.off = r.rest[1:], 0
		}
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	r.progress(len(r.rest) == 0)
	return n, nil
}

// Close satisfies io.ReadCloser.
func (r *piecesReader) Close() error { return nil }
