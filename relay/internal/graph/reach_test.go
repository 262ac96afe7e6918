package graph

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"relay/mapper"
)

// An endpoint of another scheme than the server's is told from one that is away.
func TestReachWithoutTLS(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	c, err := New(Options{Endpoint: strings.Replace(srv.URL, "http:", "https:", 1), Proxy: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if r := c.Reach(t.Context()); r.Class != Retry || r.Message != "the other side does not speak TLS" {
		t.Errorf("%s: %q", r.Class, r.Message)
	}
}

// A proxy's 413 does not say that the token would be taken: only the Graph API
// looks at the list of events.
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
		if r := c.CheckToken(t.Context(), Request{EventSet: "701000000000001", API: mapper.Conversions}); r.Class != want {
			t.Errorf("%s: %s, want %s", text, r.Class, want)
		}
	}
}
