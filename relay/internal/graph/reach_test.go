package graph

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"relay/internal/meta"
)

// A proxy's 413 does not prove that the token is valid: only the Graph API checks
// it before the list of events.
func TestCheckTokenBehindProxy(t *testing.T) {
	body := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = w.Write([]byte(body))
	}))
	defer srv.Close()
	c, err := New(Options{Endpoint: srv.URL, Proxy: "none", Token: func() string { return "EAAB-test" }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for text, want := range map[string]Class{"<h1>Too large</h1>": InvalidBatch, `{"error":{"code":100,"message":"(#100) data is empty"}}`: Delivered} {
		body = text
		if r := c.CheckToken(t.Context(), Request{EventSet: "701000000000001", API: meta.Conversions}); r.Class != want {
			t.Errorf("%s: %s, want %s", text, r.Class, want)
		}
	}
}

// A server that does not answer with valid HTTP can send anything. Error messages
// quote none of it.
func TestNetworkErrorsQuoteNothing(t *testing.T) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nada@example.com +1 212 555 0147 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\r\n\r\n{}",
		"ada@example.com +1 212 555 0147\r\n\r\n",
		"HTTP/1.1 ada@example.com +1 212 555 0147\r\n\r\n",
		"HTTP/ada@example.com 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: ada@example.com\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: ada@example.com\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 5550147\r\nContent-Length: 2125550\r\n\r\n{}",
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, answer)
				_ = c.Close()
			}
		}()
		c, err := New(Options{Endpoint: "http://" + ln.Addr().String(), Proxy: "none", Version: "v26.0", Token: func() string { return "test-token" }})
		if err != nil {
			t.Fatal(err)
		}
		check, reach := c.CheckToken(t.Context(), Request{EventSet: "701000000000001", API: meta.Conversions}), c.Reach(t.Context())
		if reach.Failure != FailureNotHTTP {
			t.Errorf("answer %q: %s", answer, reach.Failure)
		}
		message := check.Message + reach.Message
		for _, personal := range []string{"ada", "example.com", "555", "9f86d0"} {
			if strings.Contains(strings.ReplaceAll(message, ln.Addr().String(), ""), personal) {
				t.Errorf("answer %q: the message contains %q: %s", answer, personal, message)
			}
		}
		_ = c.Close()
		ln.Close()
	}
}
