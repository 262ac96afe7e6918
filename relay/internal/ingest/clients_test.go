package ingest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	analytics "gopkg.in/segmentio/analytics-go.v3"

	"relay/queue"
)

// Each kind of client's requests, recorded byte for byte, are stored as the fixtures expect.
func TestClientShapes(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/clients/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	url, _, m := start(t, Options{Keys: []Key{{Key: "WK"}}, AllowedOrigins: []string{"https://till.example.com"}}, ServerOptions{})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, f := range a.Files {
				part[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
			}
			body := strings.ReplaceAll(part["body"], `\xfc`, "\xfc")
			if strings.Contains(string(a.Comment), "byte order mark") {
				body = "\xef\xbb\xbf" + body
			}
			if strings.Contains(part["request"], "Content-Encoding: gzip") {
				body = zip(body)
			}
			if got := rawPost(t, strings.TrimPrefix(url, "http://"), part["request"], body); got != success {
				t.Errorf("answer %q", got)
			}
			var stored []string
			for _, e := range m.take() {
				if len(e.ID) == 36 && !strings.Contains(part["stored"], e.ID) {
					e.ID = "?"
				}
				stored = append(stored, fmt.Sprintf("%s %s %s", e.ID, strings.Join(e.Lanes, ","), e.Body))
			}
			if got := strings.Join(stored, "\n"); got != part["stored"] {
				t.Errorf("stored\n%s\nwant\n%s", got, part["stored"])
			}
		})
	}
}

// rawPost sends a request with this head and body and returns the body of a 200.
func rawPost(t *testing.T, addr, head, body string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head = strings.ReplaceAll(head, "\n", "\r\n")
	go func() {
		_, _ = fmt.Fprintf(c, "%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	}()
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("status %d, %v: %s", resp.StatusCode, err, got)
	}
	return string(got)
}

// The real Go client sends 200 events through a queue that is full at first.
func TestGoClient(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	m := &memory{before: func(context.Context) error {
		if calls.Add(1) <= 15 {
			return &queue.FullError{}
		}
		return nil
	}}
	url, _, _ := start(t, Options{Queue: m, Keys: []Key{{Key: "WK"}}}, ServerOptions{})
	fates := make(chan error, 200)
	c, err := analytics.NewWithConfig("WK", analytics.Config{
		Endpoint: url, BatchSize: 20, Logger: quiet{}, Callback: fate(fates),
		RetryAfter: func(int) time.Duration { return time.Millisecond },
		Transport:  &http.Transport{DisableKeepAlives: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := c.Enqueue(analytics.Track{UserId: "u", Event: "Order Completed", Properties: analytics.NewProperties().SetRevenue(float64(i))}); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		if err := <-fates; err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	es := m.take()
	if len(es) != 200 {
		t.Fatalf("%d events stored", len(es))
	}
	for _, e := range es {
		if !strings.Contains(string(e.Body), `"context":{"library":{"name":"analytics-go"`) || !strings.Contains(string(e.Body), `"sentAt":"`) {
			t.Fatalf("the batch's context is missing: %s", e.Body)
		}
	}
}

// fate counts what happened to each message of the client.
type fate chan error

func (f fate) Success(analytics.Message)              { f <- nil }
func (f fate) Failure(_ analytics.Message, err error) { f <- err }

type quiet struct{}

func (quiet) Logf(string, ...any)   {}
func (quiet) Errorf(string, ...any) {}
