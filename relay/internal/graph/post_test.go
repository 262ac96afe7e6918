package graph

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// After an answer that another relay behind the same load balancer might not give,
// the next call opens a new connection. Otherwise it uses the previous one again.
func TestPostReconnects(t *testing.T) {
	var opened atomic.Int32
	status := http.StatusOK
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c, err := New(Options{Endpoint: srv.URL, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		status int
		opened int32 // connections by the end of the step
	}{{200, 1}, {200, 1}, {429, 1}, {413, 1}, {401, 1}, {415, 2}, {503, 3}, {200, 4}, {200, 4}} {
		status = step.status
		if p := c.Post(t.Context(), "/v1/forward", "text/plain", "key", []byte("x")); p.Status != step.status || p.Err != "" {
			t.Fatalf("%+v", p)
		}
		if n := opened.Load(); n != step.opened {
			t.Errorf("%d connections opened by the answer with status %d, want %d", n, step.status, step.opened)
		}
	}
}
