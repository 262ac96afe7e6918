package ingest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The connection is closed after a request with two lengths, but not after one that is only
// chunked.
func TestTwoLengthsCloseTheConnection(t *testing.T) {
	t.Parallel()
	url, _, _ := start(t, Options{}, ServerOptions{})
	addr := strings.TrimPrefix(url, "http://")
	order := `{"event":"Order Completed","messageId":"f-%d","properties":{"revenue":5,"currency":"USD"}}`
	n := 0
	body := func() string { n++; return fmt.Sprintf(order, n) }
	chunked := func(extra string) string {
		b := body()
		return fmt.Sprintf("POST /v1/track HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", extra, len(b), b)
	}
	plain := func() string {
		b := body()
		return fmt.Sprintf("POST /v1/track HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
	}
	// Requests of one group are written without waiting for an answer, each piece by itself.
	// A group is written after the first answer to the previous one.
	for _, tc := range []struct {
		name   string
		groups [][]string
		want   int // answers before the connection ends
	}{
		{"plain", [][]string{{plain()}, {plain()}, {plain()}}, 3},
		{"chunked", [][]string{{chunked("")}, {chunked("")}, {plain()}}, 3},
		{"both", [][]string{{chunked("Content-Length: 5\r\n")}, {plain()}}, 1},
		{"both, in other letters", [][]string{{plain()}, {chunked("cOntent-length: 5\r\n")}, {plain()}}, 2},
		{"both, the other way round", [][]string{{strings.Replace(chunked(""), "\r\n\r\n", "\r\nContent-Length: 4\r\n\r\n", 1)}, {plain()}}, 1},
		{"both, byte by byte", [][]string{strings.Split(chunked("Content-Length: 5\r\n"), ""), {plain()}}, 1},
		{"both, not waiting for an answer", [][]string{{chunked("Content-Length: 5\r\n"), plain()}}, 1},
		{"both, behind another in one piece", [][]string{{plain() + chunked("Content-Length: 5\r\n") + plain()}}, 2},
		{"both, cut in its header", [][]string{{plain() + "POST /v1/track HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + plain()}}, 2},
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		r, got := bufio.NewReader(c), 0
		answered := func() bool {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				return false
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			got++
			return true
		}
		open := true
		for i, group := range tc.groups {
			if open = open && (i == 0 || answered()); !open {
				break
			}
			for _, piece := range group {
				_, _ = io.WriteString(c, piece) // fails if the connection has been closed, as it can be
				time.Sleep(time.Millisecond)    // so that the pieces are sent apart
			}
		}
		for open {
			if got == tc.want { // one more would be too many
				_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			}
			open = answered()
		}
		c.Close()
		if got != tc.want {
			t.Errorf("%s: %d answers, want %d", tc.name, got, tc.want)
		}
	}
}
