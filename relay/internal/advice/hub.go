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
	case r.HTTPStatus == 0 && r.TooSlow:
		return Advice{
			Cause: "hub_slow_connection", What: "The connection was too slow for the whole chunk, so the hub stored none of it.",
			When: ifLasts, Who: Network, Do: "check the connection to the hub", Relay: "relay keeps the events and makes its chunks smaller until they succeed.",
		}
	case r.HTTPStatus == 0:
		return hubNetwork(r.Message)
	case r.Foreign:
		return Advice{
			Cause: "hub_foreign", What: "Something other than a relay answered instead of the hub.",
			When: ifLasts, Who: Operator, Do: "check forward.url, and any proxy or firewall between this machine and the hub", Relay: relayRetries,
		}
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

// hubNetwork is the advice for a chunk without an answer, by the network error.
func hubNetwork(message string) Advice {
	switch networkFailureOf(message) {
	case failureTLS:
		return Advice{
			Cause: "hub_tls", What: "The connection to the hub is not secure, so nothing is forwarded.",
			Who: Operator, Do: fixHubTLS(message), Relay: relayRetries,
		}
	case failureNoTLS:
		return Advice{
			Cause: "hub_tls", What: "The server at forward.url does not use encryption, so nothing is forwarded.",
			Who: Operator, Do: "check the scheme and port of forward.url, and tls on the hub", Relay: relayRetries,
		}
	case failureProxy:
		return Advice{
			Cause: "hub_proxy", What: "The proxy could not be used, so nothing is forwarded.",
			Who: Network, Do: fixProxy, Relay: relayRetries,
		}
	case failureSlow, failureDNS, failureOther:
	}
	return Advice{
		Cause: "hub_unreachable", What: "The hub does not answer.",
		When: ifLasts, Who: Network, Do: "check that relay is running on the hub, that forward.url is its address, and the network between the two", Relay: relayRetries,
	}
}

// fixHubTLS is what to do about a connection to the hub that is not secure.
func fixHubTLS(message string) string {
	switch badCertificateOf(message) {
	case certificateUntrusted:
		return "set graph.ca_file here to the certificate (PEM) of the authority that signed the hub's certificate, and restart relay"
	case certificateWrongHost:
		return "use a name in forward.url that is in the hub's certificate, or give the hub (tls.cert) a certificate for this name"
	case certificateExpired:
		return "give the hub (tls.cert) a valid certificate, and check the clock of this machine"
	case certificateEarly:
		return setClock + "; if the clock is right, give the hub (tls.cert) a certificate that is valid now"
	}
	return "check tls on the hub and forward.url here; a certificate of your own authority needs graph.ca_file here (restart relay after setting it)"
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
