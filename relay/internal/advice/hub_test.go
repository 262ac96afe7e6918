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

// TestForHub: each answer of a hub has its cause, and says what is done or what to do.
func TestForHub(t *testing.T) {
	for _, c := range []struct {
		answer graph.Result
		want   string
	}{
		{graph.Result{Class: graph.Delivered, HTTPStatus: 200}, "hub_takes"},
		{graph.Result{Class: graph.Retry, TooSlow: true}, "hub_slow_line"},
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
		if string(a.Cause) != c.want || a.What == "" || c.want != "hub_takes" && a.Do == "" && a.Relay == "" {
			t.Errorf("%+v: %+v, want %s", c.answer, a, c.want)
		}
	}
}
