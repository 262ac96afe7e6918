package graph

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipeServer is a server behind net.Pipe. Synctest's clock makes its tests
// independent of the machine's load.
type pipeServer struct {
	url  string
	dial func(context.Context, string, string) (net.Conn, error)
}

// listener accepts the server's ends of the pipes that were dialled.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// slowServer reads a request's body in steps with pauses, at most limit bytes of
// it, and then answers; with a nil answer it never does. The caller runs in a
// synctest bubble.
func slowServer(t *testing.T, step int, pause time.Duration, limit int64, answer http.HandlerFunc) pipeServer {
	t.Helper()
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, step)
		for n := int64(0); n < limit; {
			m, err := io.ReadFull(r.Body, buf)
			if n += int64(m); err != nil {
				break
			}
			select {
			case <-time.After(pause):
			case <-l.closed:
				return
			}
		}
		if answer == nil {
			<-l.closed
			return
		}
		answer(w, r)
	})}
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		_ = s.Close()
		<-served
		time.Sleep(time.Second) // net/http closes connections half a second late; this is the bubble's clock
	})
	return pipeServer{"http://meta.example", func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case l.conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

func uploadLarge(t *testing.T, s pipeServer, timeout time.Duration) Result {
	t.Helper()
	c, err := New(Options{Endpoint: s.url, Timeout: timeout, Proxy: "none", Token: func() string { return "t" }})
	if err != nil {
		t.Fatal(err)
	}
	if s.dial != nil {
		c.tr.DialContext = s.dial
	}
	defer c.Close()
	one, err := json.Marshal(map[string]string{"event_name": string(make([]byte, 20_000))})
	if err != nil {
		t.Fatal(err)
	}
	data := make([][]byte, 20) // 2.4 MB, far more than all buffers together
	for i := range data {
		data[i] = one
	}
	return c.Send(t.Context(), Request{EventSet: "701000000000001", Data: data})
}

func received(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"events_received":20}`)
}

// An upload that makes progress can take longer than the time-out.
func TestSlowUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowServer(t, 64<<10, 10*time.Second, 1<<40, received)
		if r := uploadLarge(t, s, 30*time.Second); r.Class != Delivered || r.Upload != UploadWhole {
			t.Errorf("%+v", r)
		}
	})
}

// An upload without progress is cancelled. Its last byte was not sent, so Meta
// cannot have stored anything.
func TestStalledUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowServer(t, 64<<10, 0, 256<<10, nil)
		r := uploadLarge(t, s, 30*time.Second)
		if r.Class != Retry || r.Upload != UploadPart || r.Failure != FailureSlow {
			t.Errorf("%+v", r)
		}
	})
}

// If the whole body was sent and no answer comes, Meta might have stored it.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowServer(t, 64<<10, 0, 1<<40, nil)
		r := uploadLarge(t, s, 30*time.Second)
		if r.Class != Doubt || r.Upload != UploadWhole || r.Failure != FailureTimeout {
			t.Errorf("%+v", r)
		}
	})
}

// A server that answers before the end of the body has stored nothing.
func TestRefusedMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowServer(t, 64<<10, 0, 128<<10, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusForbidden)
		})
		r := uploadLarge(t, s, 30*time.Second)
		if r.Upload != UploadPart || r.Class == Doubt || r.Failure != NoFailure {
			t.Errorf("%+v", r)
		}
	})
}

// Without a connection nothing is sent.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if r := uploadLarge(t, pipeServer{url: "http://" + l.Addr().String()}, 30*time.Second); r.Class != Retry || r.Upload != UploadNone || r.Failure != FailureRefused {
		t.Errorf("%+v", r)
	}
}
