package advice

import (
	"fmt"
	"net/http"

	"relay/internal/meta"
	"relay/relay/internal/graph"
)

const (
	retries = "relay keeps the events and tries again by itself."
	notices = "relay keeps the events and notices a changed file by itself; a changed environment needs a restart."
	waits   = "relay keeps the events, waits as long as it is asked to and goes on by itself."
	probes  = "relay keeps the events and tries again by itself after each retry.probe_interval, or at once with `relay lane resume`."
)

// For says what an answer means. The class decides; code, subcode, HTTP status
// and the network's words tell causes of one class apart.
func For(r graph.Result) Advice {
	if r.ProofRefused() {
		return appSecret()
	}
	switch r.Class {
	case graph.Delivered:
		return Advice{Cause: "delivered", What: "Meta has received the events."}
	case graph.Duplicate:
		return Advice{Cause: "duplicate", What: "Meta has these events already; they count as delivered."}
	case graph.Doubt:
		return doubt(r)
	case graph.Retry:
		return retry(r)
	case graph.TooMuch:
		return Advice{Cause: "too_much", What: "Meta wants less at once.", Relay: "relay keeps the events and makes its requests smaller."}
	case graph.Throttle:
		return throttle(r)
	case graph.TokenPause:
		return token(r)
	case graph.PermPause:
		return permission(r)
	case graph.ConfigPause:
		return settings(r)
	case graph.InvalidEvent, graph.InvalidBatch:
		return invalid(r)
	case graph.NotApplicable:
		return Advice{
			Cause: "not_applicable", What: "Meta answered with an error that belongs to other kinds of calls than relay's.",
			Who: Operator, Do: "report this code to the makers of relay", Relay: "relay keeps the events.",
		}
	}
	return Advice{Cause: "unknown", What: "relay does not know what this answer means.", Relay: "relay keeps the events."}
}

// Conditions on which somebody must act.
const (
	lasts = "if this lasts"
	often = "if this happens often"
)

// doubt is about answers that leave open whether Meta stored the events. What
// caused them is said in the words of an answer that leaves nothing open.
func doubt(r graph.Result) Advice {
	var a Advice
	switch {
	case r.HTTPStatus == 0:
		a = unreachable()
		a.Cause, a.What = "no_answer", "The connection ended before Meta's answer came."
	case r.Foreign, r.HTTPStatus > 299:
		a = retry(r)
	default:
		a = foreign()
		a.Cause, a.What = "answer_unclear", "An answer came that does not say whether Meta received the events."
	}
	a.Relay = "Meta may have stored the events: relay keeps them and sends exactly the same again, so that Meta can tell a repeat from new events."
	return a
}

// retry is about errors that pass, and about those of the network that a
// person must end.
func retry(r graph.Result) Advice {
	switch {
	case r.HTTPStatus == 0:
		return network(r.Message)
	case r.Code != 0:
		if _, known := graph.Verdict(r.Code, r.Subcode); !known {
			return Advice{
				Cause: "unknown_code", What: "Meta answered with an error that relay does not know.",
				When: lasts, Who: Operator, Do: "look for its code in Meta's documentation", Relay: retries,
			}
		}
		return Advice{
			Cause: "meta_trouble", What: "Meta has trouble of its own.",
			When: lasts, Who: Operator, Do: "look at https://metastatus.com", Relay: retries,
		}
	case r.HTTPStatus >= 500:
		return Advice{
			Cause: "server_trouble", What: "Meta's servers, or a proxy on the way to them, are in trouble.",
			When: lasts, Who: Network, Do: "look at https://metastatus.com, and at the proxy or firewall on the way if there is one", Relay: retries,
		}
	}
	return foreign()
}

func foreign() Advice {
	return Advice{
		Cause: "foreign_answer", What: "Something other than Meta answered: a login page, a proxy or a firewall on the way.",
		When: lasts, Who: Network, Do: "let this machine through to graph.facebook.com, and check graph.endpoint if it is set", Relay: retries,
	}
}

// network is about requests that did not get through, by what the network said.
func network(said string) Advice {
	switch wayOf(said) {
	case wayProxy:
		return Advice{
			Cause: "proxy", What: "The proxy could not be used, so nothing was sent.",
			Who: Network, Do: proxySet, Relay: retries,
		}
	case wayPlain:
		return Advice{
			Cause: "not_encrypted", What: "What answers in Meta's place does not encrypt, so nothing was sent.",
			Who: Network, Do: "check scheme and port of graph.endpoint if it is set; if it is not, let this machine through to graph.facebook.com", Relay: retries,
		}
	case wayUnsafe:
		return Advice{
			Cause: "tls", What: "The connection to Meta is not secure, so nothing was sent.",
			Who: Network, Do: metaSafe(said), Relay: retries,
		}
	case waySlow:
		return Advice{
			Cause: "slow_line", What: "The connection did not carry the request to its end, so Meta stored none of it.",
			When: lasts, Who: Network, Do: "check the internet connection", Relay: "relay keeps the events and makes its requests smaller until they get through.",
		}
	case wayName:
		return Advice{
			Cause: "dns", What: "The name of Meta's server could not be looked up, so nothing was sent.",
			When: lasts, Who: Network, Do: "check the name server of this machine; with a proxy set graph.proxy, which then looks names up", Relay: retries,
		}
	case wayElse:
	}
	return unreachable()
}

// metaSafe is what ends an unsafe connection to Meta.
func metaSafe(said string) string {
	const firewall = "put the certificate (PEM) of a firewall that inspects encrypted traffic into graph.ca_file; without one, "
	switch badCertificateOf(said) {
	case ofStranger:
		return firewall + "install the system's certificates (ca-certificates)"
	case ofOtherHost:
		return "find out what answers in Meta's place (a login page, a firewall, the name server), and check graph.endpoint if it is set"
	case outOfDate:
		return "check the clock of this machine; if it is right, the certificate of a firewall that inspects encrypted traffic has ended"
	}
	return firewall + "install the system's certificates (ca-certificates) and check the clock of this machine"
}

func unreachable() Advice {
	return Advice{
		Cause: "unreachable", What: "Meta could not be reached, so nothing was sent.",
		When: lasts, Who: Network, Do: "check the internet connection, and that the firewall lets this machine open connections to port 443 of graph.facebook.com (or to graph.endpoint)",
		Relay: retries,
	}
}

func throttle(r graph.Result) Advice {
	if a, ok := byRow(r.Code, r.Subcode); ok {
		return a
	}
	if r.Code == 0 {
		return Advice{
			Cause: "throttled_on_the_way", What: "Something on the way to Meta limits the rate: this answer does not come from the Graph API.",
			When: lasts, Who: Network, Do: "raise the limit of the proxy or firewall on the way; if there is none, lower rate.requests_per_second", Relay: waits,
		}
	}
	return Advice{
		Cause: "throttled", What: "Meta limits how often it is called.",
		When: often, Who: Operator, Do: "lower rate.requests_per_second, or look for other programs that use the same token", Relay: waits,
	}
}

const tokenHow = "(Events Manager, the dataset's Settings, Conversions API, Generate access token) and put it where graph.access_token or graph.access_token_file reads it"

// token is about an access token that is refused, by Meta's subcodes (docs/meta.md
// 6.4).
func token(r graph.Result) Advice {
	if r.HTTPStatus == 0 {
		return NoToken("")
	}
	if a, ok := byRow(meta.InvalidToken, r.Subcode); ok { // its subcodes come with code 102 as well
		return a
	}
	return tokenInvalid("Meta does not accept the access token.")
}

func tokenInvalid(what string) Advice {
	return Advice{Cause: "token_invalid", What: what, Who: MetaAdmin, Do: "make a new one " + tokenHow, Relay: notices}
}

// NoToken is about a relay without an access token. lack says why the file of
// the token gave none, as package config does; "": no token is configured.
func NoToken(lack string) Advice {
	a := Advice{Cause: "token_missing", Who: Operator, Relay: notices}
	switch lack {
	case "file_missing":
		a.What, a.Do = "The file that graph.access_token_file names does not exist, so nothing is uploaded.", "put the access token there, or correct the path"
	case "file_unreadable":
		a.What, a.Do = "The file that graph.access_token_file names cannot be read, so nothing is uploaded.", "let the user that relay runs as read it"
	case "file_empty":
		a.What, a.Do = "The file that graph.access_token_file names is empty, so nothing is uploaded.", "put the access token there"
	case "file_malformed":
		a.What, a.Do = "The file that graph.access_token_file names does not hold an access token, so nothing is uploaded.", "put the bare token there, on one line; relay check says what is wrong with it"
	default:
		a.What, a.Who, a.Do = "There is no access token, so nothing is uploaded.", MetaAdmin, "make one "+tokenHow
		return a
	}
	a.Cause = "token_" + lack
	return a
}

func permission(r graph.Result) Advice {
	if a, ok := byRow(r.Code, r.Subcode); ok {
		return a
	}
	return Advice{
		Cause: "no_permission", What: "The access token is not allowed to send to this event set.",
		Who: MetaAdmin, Do: assign + ", with permission to manage it; the token needs ads_management or business_management", Relay: probes,
	}
}

const assign = "assign the dataset to the token's system user in Business settings"

// settings is about what a change of relay.yaml or the mapping cures.
func settings(r graph.Result) Advice {
	switch {
	case r.HTTPStatus == 0:
		return Advice{
			Cause: "request_impossible", What: "The settings do not allow a request to be made.",
			Who: Operator, Do: "check the event set's id in the mapping, and graph.endpoint", Relay: probes,
		}
	case r.HTTPStatus == http.StatusProxyAuthRequired:
		return Advice{
			Cause: "proxy", What: "A proxy on the way asks for a user and password, so nothing was sent.",
			Who: Network, Do: "put them into graph.proxy (http://user:password@host:port); if no proxy is wanted, let this machine through to graph.facebook.com, and check graph.endpoint if it is set",
			Relay: probes,
		}
	}
	if a, ok := byRow(r.Code, r.Subcode); ok {
		return a
	}
	return settingsWrong()
}

func settingsWrong() Advice {
	return Advice{
		Cause: "settings", What: "Meta does not accept uploads to this event set with these settings.",
		Who: Operator, Do: "check graph.version in relay.yaml, and the event set's id and api in the mapping", Relay: probes,
	}
}

func appSecret() Advice {
	return Advice{
		Cause: AppSecret, What: "Meta does not accept the signature made with graph.app_secret, or wants one.",
		Who:   Operator,
		Do:    "set graph.app_secret to the secret of the app that made the token (App Dashboard, Settings, Basic) or, if it is not wanted, take it out, and check the clock of this machine",
		Relay: probes,
	}
}

func invalid(r graph.Result) Advice {
	if TooLarge(r) {
		return tooLarge(r)
	}
	a := Advice{
		Cause: EventsRefused, What: "Meta refused the request because of an event in it",
		Who: Operator, Do: "correct the mapping if it is the cause, then `relay dead retry`",
		Relay: "relay finds the event and makes it a dead letter with Meta's words; the others are delivered.",
	}
	if n := len(r.Bad); n > 1 {
		a.What = fmt.Sprintf("Meta refused the request because of %d events in it", n)
		a.Relay = "They become dead letters with Meta's words; the others are delivered."
	}
	if row, ok := meta.CodeOf(r.Code, r.Subcode); ok && row.Event != "" {
		a.What += ": " + row.Event
	}
	a.What += "."
	if r.Subcode == meta.EventTooOld {
		a.Who, a.Do = "", "" // nothing makes it younger
	}
	return a
}

// TooLarge reports whether something on the way refused a request for its size:
// the Graph API says why it refuses.
func TooLarge(r graph.Result) bool {
	return r.Code == 0 && r.HTTPStatus == http.StatusRequestEntityTooLarge
}

func tooLarge(r graph.Result) Advice {
	if r.Sent > 1 {
		return Advice{
			Cause: "request_too_large", What: "The request was too large for something on the way to Meta.",
			When: often, Who: Operator, Do: "lower batch.max_bytes", Relay: "relay sends it in smaller parts.",
		}
	}
	return Advice{
		Cause: "way_too_narrow", What: "Something on the way to Meta refuses even a single event: this answer does not come from the Graph API.",
		Who: Network, Do: "raise the limit of the proxy or firewall on the way, or let this machine through to graph.facebook.com", Relay: "relay tries one event now and then, and makes it a dead letter only if others pass.",
	}
}

// Breaker is about an event set of which so many events in a row were refused
// that it is paused; r is the last refusal, or the zero Result.
func Breaker(r graph.Result) Advice {
	a := Advice{
		Cause: "breaker", What: "Many events in a row were refused, so the event set is paused; the rest is kept.",
		Who: Operator, Do: "correct the mapping, which is probably wrong, and then `relay dead retry`",
		Relay: "relay goes on when the mapping is saved, or at once with `relay lane resume`; it tries one event after each retry.probe_interval.",
	}
	return a
}

// HeldClass is the class of a trouble that is no answer: a new mapping lets nothing pass.
const HeldClass = "held"

// Held is about events that a mapping lets not pass, one after the other, since it is
// in force.
func Held() Advice {
	return Advice{
		Cause: "held", What: "The mapping that is in force lets none of these events pass, and nothing was delivered by it yet.",
		Who: Operator, Do: "correct the mapping; if it is right, let the events become dead letters with `relay lane resume`",
		Relay: "relay keeps the events and goes on when the mapping is saved.",
	}
}
