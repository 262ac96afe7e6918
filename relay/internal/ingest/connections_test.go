package ingest

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestConnectionsAdmit(t *testing.T) {
	t.Parallel()
	c := newConnections(4)
	open := func() (net.Conn, *failure) {
		conn, other := net.Pipe()
		t.Cleanup(func() { _, _ = conn.Close(), other.Close() })
		return conn, connStateOf(c.admit(t.Context(), conn)).refusal()
	}
	closed := func(conn net.Conn) bool {
		return conn.SetDeadline(time.Time{}) != nil
	}
	var conns []net.Conn
	for range 4 {
		conn, f := open()
		if f != nil {
			t.Fatal(f)
		}
		conns = append(conns, conn)
	}
	c.state(conns[0], http.StateActive) // working: must not be closed
	c.state(conns[1], http.StateActive)
	c.state(conns[1], http.StateIdle) // idle again, for the shortest time
	if _, f := open(); f != nil || !closed(conns[2]) || closed(conns[0]) || closed(conns[1]) {
		t.Error("another connection than the longest idle one was closed")
	}
	c.state(conns[2], http.StateClosed)
	for conn := range c.all {
		c.state(conn, http.StateActive)
	}
	if conn, f := open(); f != failCrowded || closed(conn) {
		t.Error("the first connection over the limit is not answered")
	}
	c.state(conns[0], http.StateActive)
	for conn := range c.all {
		c.state(conn, http.StateActive)
	}
	if conn, _ := open(); !closed(conn) {
		t.Error("a connection far over the limit is not closed")
	}
	if len(c.all) != 5 {
		t.Errorf("%d connections accepted, want 5", len(c.all))
	}
	for conn := range c.all {
		c.state(conn, http.StateClosed)
	}
	if len(c.all) != 0 {
		t.Errorf("%d connections left", len(c.all))
	}
}

// begin sends the header and the first bytes of a body over n connections, then one more byte
// over each from time to time, until the test ends.
func begin(t *testing.T, addr string, n int, first string) {
	t.Helper()
	var conns []net.Conn
	for range n {
		c := dial(t, addr)
		conns = append(conns, c)
		_, _ = fmt.Fprintf(c, head+"Content-Length: 400000\r\n\r\n%s", first)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			for _, c := range conns {
				_, _ = c.Write([]byte(" ")) // fails on a closed connection
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
}

// post sends an event with a header of its own until it is accepted, as a till would.
func post(t *testing.T, c *http.Client, url, body string) (refused int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; refused++ {
		status := 0
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/track", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(r)
		if err == nil {
			status = resp.StatusCode
			_ = resp.Body.Close()
		}
		if status == http.StatusOK {
			return refused
		}
		if time.Now().After(end) {
			t.Fatalf("not accepted within 10 s: %d, %v", status, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Bodies that are begun and never finished take all places or all buffers. Others are served
// all the same, within the second that a sender can be ahead.
func TestUnfinishedBodies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o     Options
		most  int
		n     int
		first string
	}{
		"places":  {Options{ReadTimeout: time.Minute, StallTimeout: time.Minute}, 64, 150, "{"},
		"nothing": {Options{ReadTimeout: time.Minute, StallTimeout: time.Minute}, 64, 75, ""},
		"buffers": {Options{ReadTimeout: time.Minute, StallTimeout: time.Minute, MaxRequestBytes: minRequestBytes, MaxInFlightBytes: 1}, 512, 100, strings.Repeat(" ", 60_000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _, m := start(t, tt.o, ServerOptions{MaxConnections: tt.most})
			begin(t, strings.TrimPrefix(url, "http://"), tt.n, tt.first)
			for i := range 20 {
				c := client(t)
				c.Transport.(*http.Transport).DisableKeepAlives = i%2 == 0
				if n := post(t, c, url, order); n > 40 {
					t.Errorf("order %d is accepted after %d refusals", i, n)
				}
				// A body as large as a Segment client sends, over its own connection.
				if n := post(t, client(t), url, strings.Repeat(" ", 400_000)+order); n > 40 {
					t.Errorf("large order %d is accepted after %d refusals", i, n)
				}
			}
			if n := len(m.take()); n != 1 {
				t.Errorf("%d events stored, want 1", n)
			}
		})
	}
}

// A steady sender keeps its place while slow senders lose theirs. A slow sender keeps its place
// while no other connection needs it.
func TestSteadyBodyKeepsItsPlace(t *testing.T) {
	t.Parallel()
	url, _, _ := start(t, Options{ReadTimeout: time.Minute, StallTimeout: time.Minute}, ServerOptions{MaxConnections: 16})
	addr := strings.TrimPrefix(url, "http://")
	steady := dial(t, addr)
	body := strings.Repeat(" ", 16*minRate) + order
	_, _ = fmt.Fprintf(steady, head+"Content-Length: %d\r\n\r\n", len(body))
	begin(t, addr, 15, "{")
	for ; len(body) > 0; time.Sleep(100 * time.Millisecond) { // at ten times minRate
		n := min(minRate, len(body))
		if _, err := steady.Write([]byte(body[:n])); err != nil {
			t.Fatal(err)
		}
		body = body[n:]
		post(t, client(t), url, order) // needs a place
	}
	if a := read(t, steady); a.status != http.StatusOK {
		t.Errorf("a steady body: %d %s", a.status, a.body)
	}

	alone := dial(t, addr)
	_, _ = fmt.Fprintf(alone, head+"Content-Length: %d\r\n\r\n%s", len(order), order[:10])
	time.Sleep(time.Second)
	_, _ = alone.Write([]byte(order[10:]))
	if a := read(t, alone); a.status != http.StatusOK {
		t.Errorf("a slow body whose place nobody needs: %d %s", a.status, a.body)
	}
}

// The number of connections is bounded by the files that the process can open too: if none can
// be opened, no new connection is accepted, and so none is closed for it.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	for files, want := range map[int]int{20: 4, 64: 4, 256: 96, 1024: 480, 1 << 20: 524256} {
		if got := connectionLimit(files); got != want {
			t.Errorf("connectionLimit(%d) = %d, want %d", files, got, want)
		}
	}
}
