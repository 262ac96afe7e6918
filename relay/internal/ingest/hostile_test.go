package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"relay/internal/cputime"
	"relay/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type answer struct {
	status int
	header http.Header
	body   string
	close  bool
}

// raw sends head, the body's length and the body, and reads one answer.
func raw(t *testing.T, addr, head, body string) answer {
	t.Helper()
	c := dial(t, addr)
	if _, err := fmt.Fprintf(c, "%s%d\r\n\r\n%s", crlf(head), len(body), body); err != nil {
		t.Fatal(err)
	}
	return read(t, c)
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r", ""), "\n", "\r\n")
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func read(t *testing.T, c net.Conn) answer {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b), resp.Close}
}

const head = "POST /v1/track HTTP/1.1\r\nHost: 127.0.0.1\r\n"

// served checks that another client is still served.
func served(t *testing.T, url string) {
	t.Helper()
	resp, err := client(t).Post(url+"/v1/track", "application/json", strings.NewReader(`{"event":"Order Completed"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Fatalf("another client: %d %s", resp.StatusCode, b)
	}
}

// noneLent stops h and checks that all buffers were returned.
func noneLent(t *testing.T, h *Handler) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.stop(ctx); err != nil {
		t.Fatal(err)
	}
	for n := h.buffers.used.Load(); n != 0; n = h.buffers.used.Load() {
		if ctx.Err() != nil { // the last answer is sent just before its buffers are returned
			t.Fatalf("%d bytes still lent", n)
		}
	}
}

func TestGzipBomb(t *testing.T) {
	t.Parallel()
	url, h, m := start(t, Options{}, ServerOptions{})
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, `{"batch":["`)
	zeros := bytes.Repeat([]byte("0"), 1<<20)
	for range 32 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			req, _ := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/batch", bytes.NewReader(b.Bytes()))
			req.Header.Set("Content-Encoding", "gzip")
			resp, err := client(t).Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != 413 && resp.StatusCode != 429 {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	wg.Wait()
	served(t, url)
	if n := len(m.take()); n != 1 {
		t.Errorf("%d stored", n)
	}
	noneLent(t, h)
}

func TestHugeBody(t *testing.T) {
	t.Parallel()
	url, h, _ := start(t, Options{}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	// With Content-Length: refused before any of it is read.
	c := dial(t, addr)
	_, _ = io.WriteString(c, head+"Content-Length: 104857600\r\n\r\n")
	if a := read(t, c); a.status != 413 {
		t.Errorf("with Content-Length: %d", a.status)
	}
	// Chunked and endless: refused once it exceeds the limit.
	c = dial(t, addr)
	_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
	chunk := "10000\r\n" + strings.Repeat(" ", 1<<16) + "\r\n"
	go func() {
		for range 1600 {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}()
	if a := read(t, c); a.status != 413 {
		t.Errorf("chunked: %d", a.status)
	}
	served(t, url)
	noneLent(t, h)
}

func TestHeaderFlood(t *testing.T) {
	t.Parallel()
	url, _, _ := start(t, Options{}, ServerOptions{})
	c := dial(t, strings.TrimPrefix(url, "http://"))
	_, _ = io.WriteString(c, head)
	go func() {
		for i := range 100000 {
			if _, err := fmt.Fprintf(c, "X-Flood-%d: %s\r\n", i, strings.Repeat("x", 100)); err != nil {
				return
			}
		}
	}()
	if a := read(t, c); a.status != 431 {
		t.Errorf("status %d", a.status)
	}
	served(t, url)
}

func TestSlowLoris(t *testing.T) {
	t.Parallel()
	url, h, m := start(t, Options{StallTimeout: 50 * time.Millisecond, ReadTimeout: 300 * time.Millisecond}, ServerOptions{HeaderTimeout: 100 * time.Millisecond})
	addr := strings.TrimPrefix(url, "http://")

	c := dial(t, addr) // a header that never ends is cut off
	_, _ = io.WriteString(c, "POST /v1/tr")
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) { // a reset, if unread bytes were left
		t.Errorf("header: %v", err)
	}

	c = dial(t, addr) // a body that stalls
	_, _ = io.WriteString(c, head+"Content-Length: 100\r\n\r\n{\"event")
	if a := read(t, c); a.status != 408 {
		t.Errorf("stalled body: %d", a.status)
	} else {
		checkFailure(t, []byte(a.body), "request_timeout")
	}

	c = dial(t, addr) // a body that trickles: it never stalls, but takes too long as a whole
	_, _ = io.WriteString(c, head+"Content-Length: 100000\r\n\r\n")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				_, _ = io.WriteString(c, " ")
			}
		}
	})
	if a := read(t, c); a.status != 408 {
		t.Errorf("trickling body: %d", a.status)
	}
	close(stop)
	wg.Wait()

	// After a body that came in two pieces the connection can be used again.
	c = dial(t, addr)
	for range 2 {
		_, _ = fmt.Fprintf(c, head+"Content-Length: %d\r\n\r\n%s", len(order), order[:10])
		_, _ = io.WriteString(c, order[10:])
		if a := read(t, c); a.status != 200 {
			t.Errorf("two pieces: %d", a.status)
		}
	}
	if n := len(m.take()); n != 1 {
		t.Errorf("%d stored", n)
	}
	noneLent(t, h)
}

// Clients send most of large bodies and then nothing: they are answered 429 as soon as the
// budget is used up, and small requests go on.
func TestStalledBodies(t *testing.T) {
	t.Parallel()
	url, h, _ := start(t, Options{MaxRequestBytes: 1 << 20, StallTimeout: time.Minute, ReadTimeout: time.Minute}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	part := strings.Repeat(" ", 1<<20-1)
	var wg sync.WaitGroup
	busy := make(chan bool, 100)
	var conns []net.Conn
	for range 100 {
		c := dial(t, addr)
		conns = append(conns, c)
		wg.Go(func() {
			_, _ = io.WriteString(c, head+"Content-Length: 1048576\r\n\r\n")
			_, _ = io.WriteString(c, part)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err == nil {
				_ = resp.Body.Close()
			}
			busy <- err == nil && resp.StatusCode == 429
		})
	}
	if !<-busy {
		t.Error("no client was answered 429")
	}
	for range 20 {
		served(t, url)
	}
	if n := h.buffers.used.Load(); n > h.o.MaxInFlightBytes {
		t.Errorf("%d bytes lent, more than %d", n, h.o.MaxInFlightBytes)
	}
	for _, c := range conns {
		_ = c.Close()
	}
	wg.Wait()
	noneLent(t, h)
}

// While others are being unpacked, a heavy request waits, packed or not, and a small one does
// not. All are answered in the end.
func TestHeavyWait(t *testing.T) {
	t.Parallel()
	url, h, m := start(t, Options{}, ServerOptions{})
	for range cap(h.heavy) {
		h.heavy <- struct{}{}
	}
	body := `{"batch":[` + strings.Repeat(" ", heavyBytes) + order + `]}`
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	var wg sync.WaitGroup
	for _, body := range []string{body, b.String()} {
		wg.Go(func() {
			resp, err := client(t).Post(url+"/v1/batch", "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	for h.buffers.used.Load() < 2*heavyBytes { // both have arrived
		served(t, url)
	}
	m.take()
	served(t, url)
	if n := len(m.take()); n != 1 {
		t.Errorf("%d stored", n)
	}
	for range cap(h.heavy) {
		<-h.heavy
	}
	wg.Wait()
	if n := len(m.take()); n != 1 { // both have the same id as order
		t.Errorf("%d stored", n)
	}
	if len(h.heavy) != 0 {
		t.Error("a slot was not released")
	}
	noneLent(t, h)
}

// Clients that go away in the middle of a body leave nothing behind.
func TestGone(t *testing.T) {
	t.Parallel()
	seen := &seenMetrics{}
	url, h, m := start(t, Options{Metrics: seen}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	for i := range 50 {
		c := dial(t, addr)
		_, _ = fmt.Fprintf(c, head+"Content-Length: 100000\r\n\r\n%s", strings.Repeat(" ", i*1000))
		if i%2 == 0 {
			_ = c.(*net.TCPConn).SetLinger(0) // a reset instead of a regular close
		}
		_ = c.Close()
	}
	served(t, url)
	noneLent(t, h)
	if n := len(m.take()); n != 1 {
		t.Errorf("%d stored", n)
	}
}

// The event of a client that did not wait for the answer is stored completely.
func TestGoneAfterBody(t *testing.T) {
	t.Parallel()
	entered, goOn := make(chan struct{}), make(chan struct{})
	m := &memory{before: func(ctx context.Context) error {
		close(entered)
		<-goOn
		return ctx.Err()
	}}
	url, h, _ := start(t, Options{Queue: m}, ServerOptions{})
	c := dial(t, strings.TrimPrefix(url, "http://"))
	_, _ = fmt.Fprintf(c, head+"Content-Length: %d\r\n\r\n%s", len(order), order)
	<-entered
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	close(goOn)
	noneLent(t, h)
	if es := m.take(); len(es) != 1 || string(es[0].Body) != order {
		t.Errorf("stored %v", es)
	}
}

// A body whose messages repeat a name of the shared members. An earlier implementation merged
// at each occurrence: 478 bytes on the wire allocated gigabytes, and the budget stayed negative.
func TestMergeAmplification(t *testing.T) {
	t.Parallel()
	url, h, m := start(t, Options{}, ServerOptions{})
	shared := `"context":{"a":"` + strings.Repeat("x", 1000) + `"}`
	for _, tc := range []struct {
		name, body string
		status     int
	}{
		{"a name repeated in a message", `{` + shared + `,"batch":[{"event":"Order Completed",` + strings.Repeat(`"context":{},`, 10000) + `"x":1}]}`, 200},
		{"a name repeated inside of it", `{"context":{"a":{"b":"` + strings.Repeat("x", 4000) + `"}},"batch":[{"event":"Order Completed","context":{` + strings.Repeat(`"a":{},`, 20000) + `"x":1}}]}`, 200},
		{"a context for very many", `{"context":{"a":"` + strings.Repeat("x", 100_000) + `"},"batch":[` + repeat(2500, `{"event":"e"}`) + `]}`, 413},
	} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				req, _ := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/batch", strings.NewReader(zip(tc.body)))
				req.Header.Set("Content-Encoding", "gzip")
				resp, err := client(t).Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != tc.status && resp.StatusCode != 429 {
					t.Errorf("%s: status %d", tc.name, resp.StatusCode)
				}
			})
		}
		wg.Wait()
		for _, e := range m.take() {
			if len(e.Body) > 5000 {
				t.Errorf("%s: %d bytes stored", tc.name, len(e.Body))
			}
		}
		for h.buffers.used.Load() != 0 { // the last answer is sent just before its buffers are returned
			served(t, url)
		}
	}
	noneLent(t, h)
}

// An event that its batch's context makes too large is unusable by itself; the others are
// stored.
func TestMergedTooLarge(t *testing.T) {
	t.Parallel()
	url, _, m := start(t, Options{MaxEventBytes: 32 << 10}, ServerOptions{})
	body := `{"context":{"a":"` + strings.Repeat("x", 20<<10) + `"},"batch":[` +
		`{"event":"Order Completed","messageId":"small"},` +
		`{"event":"Order Completed","messageId":"grows","b":"` + strings.Repeat("y", 20<<10) + `"},` +
		`{"event":"Order Completed","messageId":"has its own","b":"` + strings.Repeat("y", 20<<10) + `","context":{"a":1}}]}`
	resp, err := client(t).Post(url+"/v1/batch", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if want := `{"success":true,"rejected":[{"index":1,"messageId":"grows","code":"event_too_large","message":"the event is over the size limit"}]}`; resp.StatusCode != 200 || string(b) != want {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
	for _, e := range m.take() {
		large := e.Flags&queue.FlagTooLarge != 0
		if large != (e.ID == "grows") || large != (e.Lanes[0] == queue.LaneRefused) || !large && len(e.Body) > 32<<10 {
			t.Errorf("%s: flags %v, lanes %v, %d bytes", e.ID, e.Flags, e.Lanes, len(e.Body))
		}
	}
}

// Basic credentials cost three comparisons however many colons they contain.
func TestColons(t *testing.T) {
	t.Parallel()
	keys, err := newKeyring([]Key{{Key: "a"}, {Key: "b:c"}})
	if err != nil {
		t.Fatal(err)
	}
	cost := func(n int) time.Duration {
		user := []byte(strings.Repeat(":", n))
		best := time.Hour
		for range 5 {
			best = min(best, cputime.Of(func() {
				if keys.findUser(user) != nil {
					t.Error("found")
				}
			}))
		}
		return best
	}
	// An earlier implementation computed 24,000 hashes of up to 24,000 bytes for 24,000
	// colons: 100 times as long as for ten times fewer.
	if few, many := cost(2_400), cost(24_000); many > 40*few+time.Millisecond {
		t.Errorf("%v for 2,400 colons, %v for 24,000", few, many)
	}
}
