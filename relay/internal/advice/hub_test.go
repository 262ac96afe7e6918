package advice

import (
	"strings"
	"testing"

	"relay/relay/internal/graph"
)

// A relay that forwards does not refer to a mapping of its own.
func TestUnrouted(t *testing.T) {
	if got := Unrouted(""); !strings.Contains(got, "current mapping") {
		t.Error(got)
	}
	if got := Unrouted("https://hub.example.com"); !strings.HasPrefix(got, MappingAtHub("https://hub.example.com")) || strings.Contains(got, "current mapping") {
		t.Error(got)
	}
}

// Each problem with a certificate has its own fix, for Meta and for a hub.
func TestCertificates(t *testing.T) {
	for _, c := range []struct{ message, hub, meta string }{
		{"the certificate is signed by an authority this machine does not know", "restart relay", "restart relay"},
		{"the certificate is for another host", "forward.url", "answers instead of Meta"},
		{"the certificate is not valid: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z", "tls.cert", "clock of this machine"},
		{"the certificate is not valid: x509: certificate has expired or is not yet valid: current time 1970-01-10T00:00:00-03:00 is before 2025-01-01T00:00:00Z", "set the clock of this machine", "set the clock of this machine"},
		{"the certificate is not valid: x509: certificate has expired or is not yet valid: current time 1970-01-10T00:00:00+01:00 is after 1969-01-01T00:00:00Z", "set the clock of this machine", "set the clock of this machine"},
		{"the server refused the TLS handshake: tls: bad certificate", "tls on the hub", "graph.ca_file"},
		{"tls: first record does not look like a TLS handshake", "tls on the hub", "graph.ca_file"},
	} {
		r := graph.Result{Class: graph.Retry, Message: c.message}
		if a := ForHub(r); a.Cause != "hub_tls" || a.Who != Operator || a.When != "" || !strings.Contains(a.Do, c.hub) || strings.HasPrefix(c.hub, "set the clock") != strings.HasPrefix(a.Do, "set the clock") {
			t.Errorf("%s: %+v", c.message, a)
		}
		if a := For(r); a.Cause != "tls" || !strings.Contains(a.Do, c.meta) {
			t.Errorf("%s: %+v", c.message, a)
		}
	}
}

// Each answer of a hub has its own cause, and says what relay does or what to do.
func TestForHub(t *testing.T) {
	for _, c := range []struct {
		answer graph.Result
		want   string
	}{
		{graph.Result{Class: graph.Delivered, HTTPStatus: 200}, "hub_takes"},
		{graph.Result{Class: graph.Retry, TooSlow: true}, "hub_slow_connection"},
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
		if a.Cause != c.want || a.What == "" || c.want != "hub_takes" && a.Do == "" && a.Relay == "" {
			t.Errorf("%+v: %+v, want %s", c.answer, a, c.want)
		}
	}
}
