package advice

import (
	"net/http"

	"relay/relay/internal/graph"
)

// MappingAtHub says why a relay that forwards to url has no mapping, and who has one.
func MappingAtHub(url string) string {
	return "this relay forwards to " + url + "; it needs no mapping: ask the hub"
}

// Unrouted says why dead letters cannot be put back; hub is where this relay forwards to,
// if it does.
func Unrouted(hub string) string {
	if hub != "" {
		return MappingAtHub(hub) + " (`relay dead export` here, `relay import --dead` there)"
	}
	return "today's mapping sends them nowhere, or their events are cut"
}

// ForHub says what an answer of the hub means, to which this relay hands over what it
// gets. Its words are in r.Message.
func ForHub(r graph.Result) Advice {
	switch {
	case r.Class == graph.Delivered:
		return Advice{Cause: "hub_takes", What: "The hub has the events."}
	case r.HTTPStatus == 0 && r.TooSlow:
		return Advice{
			Cause: "hub_slow_line", What: "The connection did not carry the chunk to its end, so the hub stored none of it.",
			When: lasts, Who: Network, Do: "check the connection to the hub", Relay: "relay keeps the events and makes its chunks smaller until they get through.",
		}
	case r.HTTPStatus == 0 && wayOf(r.Message) == wayUnsafe:
		return Advice{
			Cause: "hub_tls", What: "The connection to the hub is not safe, so nothing is forwarded.",
			Who: Operator, Do: hubSafe(r.Message), Relay: retries,
		}
	case r.HTTPStatus == 0 && wayOf(r.Message) == wayPlain:
		return Advice{
			Cause: "hub_tls", What: "What answers at forward.url does not encrypt, so nothing is forwarded.",
			Who: Operator, Do: "check scheme and port of forward.url, and tls at the hub", Relay: retries,
		}
	case r.HTTPStatus == 0 && wayOf(r.Message) == wayProxy:
		return Advice{
			Cause: "hub_proxy", What: "The proxy could not be used, so nothing is forwarded.",
			Who: Network, Do: proxySet, Relay: retries,
		}
	case r.HTTPStatus == 0:
		return Advice{
			Cause: "hub_unreachable", What: "The hub does not answer.",
			When: lasts, Who: Network, Do: "check that the hub's relay runs, that forward.url is its address, and the network between", Relay: retries,
		}
	case r.Foreign:
		return Advice{
			Cause: "hub_foreign", What: "What answers in the hub's place is no relay.",
			When: lasts, Who: Operator, Do: "check forward.url, and what stands between this machine and the hub", Relay: retries,
		}
	case r.Class == graph.ConfigPause:
		return hubRefuses(r)
	case r.Class == graph.TooMuch:
		return Advice{Cause: "hub_too_much", What: "The hub takes no chunk of this size.", Relay: "relay keeps the events and makes its chunks smaller."}
	case r.Class == graph.Throttle:
		return Advice{
			Cause: "hub_full", What: "The hub takes nothing just now.",
			When: lasts, Who: Operator, Do: "look at the hub's `relay status`: its queue is full", Relay: retries,
		}
	}
	return Advice{
		Cause: "hub_busy", What: "The hub could not take it just now.",
		When: lasts, Who: Operator, Do: "look at the hub with `relay doctor` there", Relay: retries,
	}
}

// hubSafe is what ends an unsafe connection to the hub.
func hubSafe(said string) string {
	switch badCertificateOf(said) {
	case ofStranger:
		return "set graph.ca_file here to the certificate (PEM) of the authority that signed the hub's"
	case ofOtherHost:
		return "give forward.url a name that the hub's certificate is for, or give the hub (tls.cert) a certificate for this name"
	case outOfDate:
		return "give the hub (tls.cert) a certificate that is valid, and check the clock of this machine"
	}
	return "check tls at the hub and forward.url here; a certificate of your own authority needs graph.ca_file here"
}

// hubRefuses is about answers that stay the same until somebody acts.
func hubRefuses(r graph.Result) Advice {
	a := Advice{Who: Operator, Relay: "relay keeps the events, and tries again by itself."}
	switch r.HTTPStatus {
	case http.StatusUnauthorized:
		a.Cause, a.What, a.Do = "hub_key", "The hub does not know this key.", "compare forward.key with auth.keys at the hub"
	case http.StatusForbidden:
		a.Cause, a.What, a.Do = "hub_refuses", "The hub refuses the call.", "look at the hub with `relay doctor` there, and at what stands between"
		if r.Said == "no_store" {
			a.Cause, a.What, a.Do = "hub_no_store", "The key is of no store.", "give its entry of auth.keys at the hub a store"
		}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		a.Cause, a.What = "hub_not_one", "The hub does not take what is forwarded."
		a.Do = "set forward.url to the address of its relay's listen, and update the hub's relay to one as new as this"
	default:
		a.Cause, a.What, a.Do = "hub_version", "The hub does not read what this relay forwards.", "update whichever of the two relays is older"
	}
	return a
}
