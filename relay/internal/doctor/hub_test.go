package doctor

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
)

// hubAt makes relay one that forwards to url.
func hubAt(url string) func(*testing.T, *Options) {
	return func(t *testing.T, o *Options) {
		t.Helper()
		post, err := graph.New(graph.Options{Endpoint: url, Proxy: "none", Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = post.Close() })
		o.Config.Forward.URL, o.Config.Graph.Proxy = url, "none"
		o.Hub = func(ctx context.Context) graph.Result { return forward.Probe(ctx, post, fakeToken) }
	}
}

// testHubs provokes every finding about a hub, once.
func testHubs(t *testing.T) {
	answer := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != forward.Path || r.Header.Get("Authorization") != "Bearer "+fakeToken {
				t.Errorf("asked: %s", r.URL.Path)
			}
			sent, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, strings.ReplaceAll(body, "PROOF", forward.Proof(sent)))
		})
	}
	takes := answer(http.StatusOK, `{"success":true,"proof":"PROOF"}`)
	down := httptest.NewServer(takes)
	down.Close()
	secure := httptest.NewTLSServer(takes)
	defer secure.Close()
	for _, c := range []struct {
		name, url string
		hub       http.Handler
		code      string
		level     Level
		fix       string
	}{
		{"takes it", "", takes, "hub_takes", OK, ""},
		{"reached", "", answer(401, `{"code":"unauthorized"}`), "hub_reached", OK, ""},
		{"down", down.URL, nil, "hub_unreachable", Fail, "relay is running on the hub"},
		{"unknown authority", secure.URL, nil, "hub_tls", Fail, "graph.ca_file"},
		{"another program", "", answer(200, "<html>"), "hub_foreign", Fail, "forward.url"},
		{"what answers everything", "", answer(200, `{"success":true}`), "hub_foreign", Fail, "forward.url"},
		{"its queue is full", "", answer(429, `{"code":"queue_full"}`), "hub_full", Fail, "its queue is full"},
		{"another key", "", answer(401, `{"code":"unauthorized"}`), "hub_key", Fail, "Compare forward.key with auth.keys"},
		{"a key of no store", "", answer(403, `{"code":"no_store"}`), "hub_store", Fail, "auth.keys"},
		{"it forwards itself", "", answer(404, `{"code":"not_found"}`), "hub_not_one", Fail, "listen"},
		{"another version", "", answer(415, `{"code":"unsupported_version","versions":[2]}`), "hub_version", Fail, "older of the two relays"},
		{"it starts", "", answer(503, `{"code":"starting"}`), "hub_busy", Warn, "relay doctor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := c.url
			if url == "" {
				srv := httptest.NewServer(c.hub)
				defer srv.Close()
				url = srv.URL
			}
			got := setup{mapping: "version: 1\nevents: {}\n", change: hubAt(url)}.examine(t)
			f := want(t, got, c.code, c.level)
			if !strings.Contains(f.Fix, c.fix) || c.level == Fail && (f.Fix == "" || f.Who == "") {
				t.Errorf("%+v", f)
			}
			for _, f := range got {
				switch f.Check {
				case "token", "event_set", "version", "network":
					t.Errorf("Meta is asked about: %+v", f)
				}
			}
			if s := printed(got); strings.Contains(s, fakeToken) {
				t.Errorf("the key is shown:\n%s", s)
			}
		})
	}
}
