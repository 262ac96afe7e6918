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

// A line is a server at the end of net.Pipe: with the clock of synctest no test here
// can be late because the machine is busy.
type line struct {
	url  string
	dial func(context.Context, string, string) (net.Conn, error)
}

// listener hands out the far ends of the pipes that were dialled.
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

// slowly is a server that reads a request's body by and by, and then answers. It
// reads no more than most bytes; with a nil answer it never answers. It must be called in a bubble of synctest.
func slowly(t *testing.T, step int, pause time.Duration, most int64, answer http.HandlerFunc) line {
	t.Helper()
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, step)
		for n := int64(0); n < most; {
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
		if answer == nil { // it never answers
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
		time.Sleep(time.Second) // net/http's connections linger for half of one
	})
	return line{"http://meta.example", func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case l.conns <- far:
			return near, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

func upload100(t *testing.T, s line, timeout time.Duration) Result {
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
	data := make([][]byte, 20) // 2.4 MB, far more than all buffers on the way
	for i := range data {
		data[i] = one
	}
	return c.Send(t.Context(), Request{EventSet: "701000000000001", Data: data})
}

func received(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"events_received":20}`)
}

// A line that is slow and gets on may take longer than the time-out.
func TestSlowUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowly(t, 64<<10, 10*time.Second, 1<<40, received)
		if r := upload100(t, s, 30*time.Second); r.Class != Delivered || r.Upload != UploadWhole {
			t.Errorf("%+v", r)
		}
	})
}

// An upload that stands still is given up. Its last byte has not left, so nothing is
// in doubt.
func TestStalledUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowly(t, 64<<10, 0, 256<<10, nil)
		r := upload100(t, s, 30*time.Second)
		if r.Class != Retry || r.Upload != UploadPart || !r.TooSlow || r.Message != "the connection is too slow for the request" {
			t.Errorf("%+v", r)
		}
	})
}

// A body that was taken to its last byte may have been stored.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowly(t, 64<<10, 0, 1<<40, nil)
		r := upload100(t, s, 30*time.Second)
		if r.Class != Doubt || r.Upload != UploadWhole || r.TooSlow || r.Message != "no answer in time" {
			t.Errorf("%+v", r)
		}
	})
}

// Who answers before the end has stored nothing.
func TestRefusedMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := slowly(t, 64<<10, 0, 128<<10, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusForbidden)
		})
		r := upload100(t, s, 30*time.Second)
		if r.Upload != UploadPart || r.Class == Doubt || r.TooSlow {
			t.Errorf("%+v", r)
		}
	})
}

// Nothing left where there was no connection.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if r := upload100(t, line{url: "http://" + l.Addr().String()}, 30*time.Second); r.Class != Retry || r.Upload != UploadNone || r.TooSlow {
		t.Errorf("%+v", r)
	}
}
