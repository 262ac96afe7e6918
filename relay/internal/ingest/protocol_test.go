package ingest

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// Requests that net/http itself refuses get an error in JSON, which arrives although the request
// was not read to its end.
func TestProtocolErrors(t *testing.T) {
	t.Parallel()
	url, _, _ := start(t, Options{}, ServerOptions{})
	for _, tc := range []struct {
		name, request string
		status        int
		code          string
	}{
		{"no HTTP", "\x16\x03\x01\x02\r\n\r\n", 400, "bad_request"},
		{"no Host", "POST /v1/track HTTP/1.1\r\n\r\n", 400, "bad_request"},
		{"a Host that is none", "POST /v1/track HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "bad_request"},
		{"two lengths", head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400, "bad_request"},
		{"a header without colon", head + "nonsense\r\n\r\n", 400, "bad_request"},
		{"another Transfer-Encoding", head + "Transfer-Encoding: gzip\r\n\r\n", 501, "unsupported_transfer_encoding"},
		{"another expectation", "POST /v1/track HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", 417, "unsupported_expectation"},
		{"another HTTP", "POST /v1/track HTTP/3.7\r\nHost: localhost\r\n\r\n", 505, "unsupported_version"},
		{"a flood of headers", head + strings.Repeat("X-Flood: "+strings.Repeat("x", 100)+"\r\n", 2000) + "\r\n", 431, "headers_too_large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, strings.TrimPrefix(url, "http://"))
			_, _ = io.WriteString(c, tc.request)
			a := read(t, c)
			var got struct {
				Success              *bool
				Code, Message, Error string
			}
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatalf("%d %s: %v", a.status, a.body, err)
			}
			if a.status != tc.status || got.Code != tc.code || got.Success == nil || *got.Success || got.Message == "" || got.Message != got.Error ||
				a.header.Get("Content-Type") != "application/json" || !a.close {
				t.Errorf("%d %v %s", a.status, a.header, a.body)
			}
		})
	}
	served(t, url)
}
