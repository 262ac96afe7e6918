package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/exit"
)

// Whoever holds connections of the admin address, idle, half asked or never
// read, starves neither the intake nor the owner, the page or `relay tail`, and
// uses up no files: the process may have 128 open.
func TestAdminStarvesNobody(t *testing.T) {
	h := newHome(t, testConfig("127.0.0.1:1", "health: { listen: 127.0.0.1:0 }\n"), testMapping)
	h.files = 128
	p := h.start(t)
	addr := strings.TrimPrefix(p.admin, "http://")
	hold := func(ask string, n int) {
		t.Helper()
		for i := range n {
			c, err := net.DialTimeout("tcp", addr, 5*time.Second)
			if err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			t.Cleanup(func() { c.Close() })
			_ = c.(*net.TCPConn).SetReadBuffer(1)
			fmt.Fprintf(c, ask, addr)
			if i%10 == 0 && strings.HasSuffix(ask, "\r\n\r\n") && !strings.Contains(ask, "live") {
				_ = c.SetReadDeadline(time.Now().Add(time.Second))
				_, _ = bufio.NewReader(c).ReadByte()
			}
		}
	}
	took := func() time.Duration {
		t.Helper()
		var all []time.Duration
		for i := range 50 {
			start := time.Now()
			if status, body := post(t, p.url+"/v1/track", order(fmt.Sprint("s-", time.Now().UnixNano(), i))); status != http.StatusOK {
				t.Fatalf("intake: %d %s", status, body)
			}
			all = append(all, time.Since(start))
		}
		slices.Sort(all)
		return all[48]
	}
	before := took()
	for what, ask := range map[string]string{
		"idle":        "GET /livez HTTP/1.1\r\nHost: %s\r\n\r\n",
		"silent":      "",
		"half asked":  "GET /livez HTTP/1.1\r\nHost: %s\r\nX-A: ",
		"half sent":   "POST /api/v1/session HTTP/1.1\r\nHost: %s\r\nX-Relay: 1\r\nContent-Length: 900\r\n\r\n{",
		"watching":    "GET /api/v1/live HTTP/1.1\r\nHost: %s\r\n\r\n",
		"slow reader": "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n",
	} {
		if ask == "" {
			hold("%.0s", 300)
		} else {
			hold(ask, 300)
		}
		if after := took(); after > 4*before+100*time.Millisecond {
			t.Errorf("%s: p98 of the intake %v, before %v", what, after, before)
		}
		start := time.Now()
		if out, code := h.command(t, "status", "--config", h.path("relay.yaml")); code != exit.OK {
			t.Errorf("%s: the owner's status: %d %s", what, code, out)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://relay/api/v1/tail", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := p.control().Do(q)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: tail: %v", what, err)
		} else {
			res.Body.Close()
		}
		q, err = http.NewRequestWithContext(ctx, http.MethodGet, p.admin+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Close = true
		res, err = http.DefaultClient.Do(q)
		if err != nil {
			t.Errorf("%s: the page: %v", what, err)
		} else {
			b, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK || !strings.Contains(string(b), "<title>relay</title>") {
				t.Errorf("%s: the page: %d %s", what, res.StatusCode, b)
			}
		}
		cancel()
		if d := time.Since(start); d > 6*time.Second {
			t.Errorf("%s: owner, tail and page took %v", what, d)
		}
	}
	if strings.Contains(p.log.String(), "too many open files") {
		t.Error("files were used up")
	}
}
