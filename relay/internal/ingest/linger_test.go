package ingest

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// A client that writes the whole refused body before it reads gets the answer, not a
// connection reset.
func TestAnswerAfterRefusedBody(t *testing.T) {
	t.Parallel()
	url, h, _ := start(t, Options{}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	for _, tc := range []struct {
		name, head string
		size       int
		status     int
	}{
		{"just over the limit", head, 4<<20 + 1, 413},
		{"far over the limit", head, 16 << 20, 413},
		{"no such path", strings.Replace(head, "/v1/track", "/v1/none", 1), 16 << 20, 404},
		{"unknown encoding", head + "Content-Encoding: br\r\n", 16 << 20, 415},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, addr)
			body := strings.Repeat(" ", tc.size)
			if _, err := fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n", tc.head, tc.size); err != nil {
				t.Fatal(err)
			}
			if n, err := io.WriteString(c, body); err != nil {
				t.Fatalf("cut off after %d bytes: %v", n, err)
			}
			if a := read(t, c); a.status != tc.status {
				t.Errorf("status %d, want %d", a.status, tc.status)
			}
		})
	}
	t.Run("chunked", func(t *testing.T) {
		c := dial(t, addr)
		_, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n")
		chunk := "10000\r\n" + strings.Repeat(" ", 1<<16) + "\r\n"
		for i := range 128 {
			if _, err := io.WriteString(c, chunk); err != nil {
				t.Fatalf("cut off after %d chunks: %v", i, err)
			}
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
		if a := read(t, c); a.status != 413 {
			t.Errorf("status %d, want 413", a.status)
		}
	})
	served(t, url)
	noneLent(t, h)
}
