package graph

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// slowly is a server that reads a request's body by and by, and then answers. It
// reads no more than most bytes.
func slowly(t *testing.T, step int, pause time.Duration, most int64, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, step)
		for n := int64(0); n < most; {
			m, err := r.Body.Read(buf)
			if n += int64(m); err != nil {
				break
			}
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
		answer(w, r)
	}))
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew {
			_ = tcp.SetReadBuffer(16 << 10)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func upload100(t *testing.T, s *httptest.Server, timeout time.Duration) Result {
	t.Helper()
	c, err := New(Options{Endpoint: s.URL, Timeout: timeout, Token: func() string { return "t" }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
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
	t.Parallel()
	s := slowly(t, 64<<10, 20*time.Millisecond, 1<<40, received)
	if r := upload100(t, s, 400*time.Millisecond); r.Class != Delivered || r.Upload != UploadWhole {
		t.Errorf("%+v", r)
	}
}

// An upload that stands still is given up. Its last byte has not left, so nothing is
// in doubt.
func TestStalledUpload(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	s := slowly(t, 64<<10, 0, 256<<10, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	r := upload100(t, s, 300*time.Millisecond)
	if r.Class != Retry || r.Upload != UploadPart || !r.TooSlow || r.Message != "the connection is too slow for the request" {
		t.Errorf("%+v", r)
	}
}

// A body that was taken to its last byte may have been stored.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	s := slowly(t, 64<<10, 0, 1<<40, func(http.ResponseWriter, *http.Request) { <-done })
	defer close(done)
	r := upload100(t, s, 300*time.Millisecond)
	if r.Class != Doubt || r.Upload != UploadWhole || r.TooSlow || r.Message != "no answer in time" {
		t.Errorf("%+v", r)
	}
}

// Who answers before the end has stored nothing.
func TestRefusedMidway(t *testing.T) {
	t.Parallel()
	s := slowly(t, 64<<10, 0, 128<<10, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusForbidden)
	})
	r := upload100(t, s, 5*time.Second)
	if r.Upload != UploadPart || r.Class == Doubt || r.TooSlow {
		t.Errorf("%+v", r)
	}
}

// Nothing left where there was no connection.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s := &httptest.Server{URL: "http://" + l.Addr().String()}
	if r := upload100(t, s, time.Second); r.Class != Retry || r.Upload != UploadNone || r.TooSlow {
		t.Errorf("%+v", r)
	}
}
