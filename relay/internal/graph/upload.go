package graph

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// Upload says how much of a request left.
type Upload uint8

// How much of a request's body was handed to the network. The network's own buffer
// is small (writeBuffer): what was handed over has left, but for that.
const (
	UploadNone Upload = iota // no connection, or the body was not begun
	UploadPart               // not its last byte: Meta cannot have stored anything
	UploadWhole
)

// writeBuffer is how much the system may hold of what was written to a connection: a
// large one would say that a body has left that a slow line carries for minutes yet.
const writeBuffer = 64 << 10

// longestUpload bounds an upload that gets on, however slowly.
const longestUpload = 10 * time.Minute

// exchange ends one that gets nowhere: no byte of the body taken for the
// time-out, or no answer within it from the last byte on. A slow line may take
// longestUpload.
type exchange struct {
	wait   time.Duration
	cancel context.CancelCauseFunc
	timer  *time.Timer

	mu   sync.Mutex
	sent Upload
	ends time.Time // of the upload
}

// begin bounds ctx; the caller ends it by done.
func begin(parent context.Context, wait time.Duration) (context.Context, *exchange) {
	ctx, cancel := context.WithCancelCause(parent)
	u := &exchange{wait: wait, cancel: cancel, ends: time.Now().Add(longestUpload)}
	u.timer = time.AfterFunc(wait, u.late)
	return ctx, u
}

func (u *exchange) done() {
	u.timer.Stop()
	u.cancel(nil)
}

func (u *exchange) late() {
	if u.left() == UploadPart {
		u.cancel(errUpload)
		return
	}
	u.cancel(errTimeout)
}

func (u *exchange) left() Upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sent
}

// took says that the network takes more of the body, its last byte too or not.
func (u *exchange) took(last bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sent == UploadWhole { // by an attempt of net/http's own before this one
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

// pieces is a body that is written without being joined: a batch is up to
// 4 MiB, and its events lie in memory already.
type pieces [][]byte

func (p pieces) size() (n int64) {
	for _, b := range p {
		n += int64(len(b))
	}
	return n
}

func (p pieces) reader(took func(last bool)) io.ReadCloser { return &piecesReader{rest: p, took: took} }

type piecesReader struct {
	rest pieces
	off  int
	took func(last bool)
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
	r.took(len(r.rest) == 0)
	return n, nil
}

// Close satisfies io.ReadCloser.
func (r *piecesReader) Close() error { return nil }
