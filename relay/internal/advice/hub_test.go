package advice

import (
	"strings"
	"testing"

	"relay/relay/internal/graph"
)

// TestUnrouted: a relay that forwards does not speak of a mapping of its own.
func TestUnrouted(t *testing.T) {
	if said := Unrouted(""); !strings.Contains(said, "today's mapping") {
		t.Error(said)
	}
	if said := Unrouted("https://hub.example.com"); !strings.HasPrefix(said, MappingAtHub("https://hub.example.com")) || strings.Contains(said, "today's mapping") {
		t.Error(said)
	}
}

// TestUnsafe: a certificate that is refused is no matter of the network between, and each
// mistake with one has its own way out, whoever is called.
func TestUnsafe(t *testing.T) {
	for _, c := range []struct{ said, hub, meta string }{
		{"the certificate is signed by an authority this machine does not know", "set graph.ca_file here", "graph.ca_file"},
		{"the certificate is for another host", "forward.url", "answers in Meta's place"},
		{"the certificate is not valid: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z", "tls.cert", "clock of this machine"},
		{"the server refused the TLS handshake: tls: bad certificate", "tls at the hub", "graph.ca_file"},
		{"tls: first record does not look like a TLS handshake", "tls at the hub", "graph.ca_file"},
	} {
		r := graph.Result{Class: graph.Retry, Message: c.said}
		if a := ForHub(r); a.Cause != "hub_tls" || a.Who != Operator || a.When != "" || !strings.Contains(a.Do, c.hub) {
			t.Errorf("%s: %+v", c.said, a)
		}
		if a := For(r); a.Cause != "tls" || !strings.Contains(a.Do, c.meta) {
			t.Errorf("%s: %+v", c.said, a)
		}
	}
}

// TestForHub: each answer of a hub has its cause, and says what is done or what to do.
func TestForHub(t *testing.T) {
	for _, c := range []struct {
		answer graph.Result
		want   string
	}{
		{graph.Result{Class: graph.Delivered, HTTPStatus: 200}, "hub_takes"},
		{graph.Result{Class: graph.Retry, TooSlow: true}, "hub_slow_line"},
		{graph.Result{Class: graph.Retry}, "hub_unreachable"},
		{graph.Result{Class: graph.Retry, Message: "connection refused"}, "hub_unreachable"},
		{graph.Result{Class: graph.Retry, Message: "the certificate is for another host"}, "hub_tls"},
		{graph.Result{Class: graph.Retry, Message: "the server does not use TLS"}, "hub_tls"},
		{graph.Result{Class: graph.Retry, Message: "connection refused by the proxy"}, "hub_proxy"},
		{graph.Result{Class: graph.Retry, HTTPStatus: 200, Foreign: true}, "hub_foreign"},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 401}, "hub_key"},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 403}, "hub_refuses"},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 403, Said: "no_store"}, "hub_no_store"},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 404}, "hub_not_one"},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 405}, "hub_not_one"},
		{graph.Result{Class: graph.ConfigPause, HTTPStatus: 415}, "hub_version"},
		{graph.Result{Class: graph.TooMuch, HTTPStatus: 413}, "hub_too_much"},
		{graph.Result{Class: graph.Throttle, HTTPStatus: 429}, "hub_full"},
		{graph.Result{Class: graph.Retry, HTTPStatus: 503}, "hub_busy"},
	} {
		a := ForHub(c.answer)
		if string(a.Cause) != c.want || a.What == "" || c.want != "hub_takes" && a.Do == "" && a.Relay == "" {
			t.Errorf("%+v: %+v, want %s", c.answer, a, c.want)
		}
	}
}
