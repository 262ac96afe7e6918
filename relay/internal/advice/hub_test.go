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

// Each answer of a hub has its own cause, and says what relay does or what to do.
func TestForHub(t *testing.T) {
	for _, c := range []struct {
		answer graph.Result
		want   string
	}{
		{graph.Result{Class: graph.Delivered, HTTPStatus: 200}, "hub_takes"},
		{graph.Result{Class: graph.Retry, Failure: graph.FailureSlow}, "hub_slow_connection"},
		{graph.Result{Class: graph.Retry}, "hub_unreachable"},
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

// Each failure to reach a hub has its own cause and fix.
func TestHubNetwork(t *testing.T) {
	for _, c := range []struct {
		failure   graph.Failure
		cause, do string
	}{
		{graph.FailureRefused, "hub_unreachable", "relay is running"},
		{graph.FailureTimeout, "hub_unreachable", "relay is running"},
		{graph.FailureDNS, "hub_dns", "the host in forward.url"},
		{graph.FailureSlow, "hub_slow_connection", "the connection to the hub"},
		{graph.FailureProxy, "hub_proxy", "graph.proxy"},
		{graph.FailureProxyRefused, "hub_proxy", "through the proxy"},
		{graph.FailureNoTLS, "hub_tls", "scheme and port of forward.url"},
		{graph.FailureHandshake, "hub_tls", "tls on the hub"},
		{graph.FailureUntrusted, "hub_tls", "set graph.ca_file here"},
		{graph.FailureWrongHost, "hub_tls", "a name in forward.url"},
		{graph.FailureExpired, "hub_tls", "give the hub"},
		{graph.FailureNotYetValid, "hub_tls", "set the clock of this machine"},
		{graph.FailureNotHTTP, "hub_foreign", "forward.url"},
	} {
		a := ForHub(graph.Result{Class: graph.Retry, Failure: c.failure})
		if a.Cause != c.cause || !strings.Contains(a.Do, c.do) {
			t.Errorf("%s: %+v, want %s and %q", c.failure, a, c.cause, c.do)
		}
	}
	for _, f := range graph.Failures() {
		if a := ForHub(graph.Result{Class: graph.Retry, Failure: f}); a.What == "" || a.Who == "" || a.Do == "" || a.Relay == "" {
			t.Errorf("%s: the advice is incomplete: %+v", f, a)
		}
	}
}
