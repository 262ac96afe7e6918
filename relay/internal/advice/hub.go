package advice

import (
	"net/http"

	"relay/relay/internal/graph"
)

// MappingAtHub explains why a relay that forwards to url has no mapping.
func MappingAtHub(url string) string {
	return "this relay forwards to " + url + ", so it has no mapping of its own; the hub has it"
}

// Unrouted explains why dead letters cannot be redriven. hub is the URL that this relay
// forwards to, if it does.
func Unrouted(hub string) string {
	if hub != "" {
		return MappingAtHub(hub) + " (`relay dead export` here, `relay import --dead` there)"
	}
	return "the current mapping has no event set for them, or their events are truncated"
}

// ForHub returns the advice for an answer of the hub to a forwarded chunk.
func ForHub(r graph.Result) Advice {
	switch {
	case r.Class == graph.Delivered:
		return Advice{Cause: "hub_takes", What: "The hub has the events."}
	case r.HTTPStatus == 0:
		return hubNetwork(r.Failure)
	case r.Foreign:
		return hubForeign()
	case r.Class == graph.ConfigPause:
		return hubRefuses(r)
	case r.Class == graph.TooMuch:
		return Advice{Cause: "hub_too_much", What: "The chunk is too large for the hub.", Relay: "relay keeps the events and makes its chunks smaller."}
	case r.Class == graph.Throttle:
		return Advice{
			Cause: "hub_full", What: "The hub accepts no events at the moment.",
			When: ifLasts, Who: Operator, Do: "check `relay status` on the hub: its queue is full", Relay: relayRetries,
		}
	}
	return Advice{
		Cause: "hub_busy", What: "The hub could not accept the events at the moment.",
		When: ifLasts, Who: Operator, Do: "run `relay doctor` on the hub", Relay: relayRetries,
	}
}

// hubRefuses is the advice for answers that stay the same until a person acts.
func hubRefuses(r graph.Result) Advice {
	a := Advice{Who: Operator, Relay: relayRetries}
	switch r.HTTPStatus {
	case http.StatusUnauthorized:
		a.Cause, a.What, a.Do = "hub_key", "The hub does not know this key.", "compare forward.key with auth.keys on the hub"
	case http.StatusForbidden:
		a.Cause, a.What, a.Do = "hub_refuses", "The hub refuses the request.", "run `relay doctor` on the hub, and check any proxy or firewall between this machine and the hub"
		if r.Said == "no_store" {
			a.Cause, a.What, a.Do = "hub_no_store", "The key belongs to no store.", "set store in the key's entry of auth.keys on the hub"
		}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		a.Cause, a.What = "hub_not_one", "The server at forward.url does not accept forwarded events."
		a.Do = "set forward.url to the address that relay on the hub has in listen, and update the hub's relay to at least this version"
	default:
		a.Cause, a.What, a.Do = "hub_version", "The hub cannot read the format that this relay forwards.", "upgrade the older of the two relays"
	}
	return a
}
