package advice

import (
	"fmt"
	"net/http"

	"relay/internal/meta"
	"relay/relay/internal/graph"
)

// What relay does in the meantime.
const (
	relayRetries = "relay keeps the events and tries again by itself."
	relayReloads = "relay keeps the events. It reads a changed file by itself; a changed environment variable needs a restart."
	relayWaits   = "relay keeps the events, waits as long as it was asked to, and continues by itself."
	relayProbes  = "relay keeps the events and tries again by itself after each retry.probe_interval, or at once with `relay lane resume`."
)

// For returns the advice for an answer. Within a class, the code, the subcode, the
// HTTP status and the network error distinguish the causes.
func For(r graph.Result) Advice {
	if r.ProofRefused() {
		return appSecret()
	}
	switch r.Class {
	case graph.Delivered:
		return Advice{Cause: "delivered", What: "Meta has received the events."}
	case graph.Duplicate:
		return Advice{Cause: "duplicate", What: "Meta already has these events, so they count as delivered."}
	case graph.Doubt:
		return doubt(r)
	case graph.Retry:
		return retry(r)
	case graph.TooMuch:
		return Advice{Cause: "too_much", What: "Meta asks for smaller requests.", Relay: "relay keeps the events and makes its requests smaller."}
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
			Cause: "not_applicable", What: "Meta answered with an error that does not apply to relay's requests.",
			Who: Operator, Do: "report this code to the developers of relay", Relay: "relay keeps the events.",
		}
	}
	return Advice{Cause: "unknown", What: "relay cannot interpret this answer.", Relay: "relay keeps the events."}
}

// Conditions on which a person must act.
const (
	ifLasts = "if this lasts"
	ifOften = "if this happens often"
)

// doubt is the advice for answers after which Meta might have stored the events. Who
// must do what is the same as when Meta certainly did not.
func doubt(r graph.Result) Advice {
	var a Advice
	switch {
	case r.HTTPStatus == 0:
		a = unreachable()
		a.Cause, a.What = "no_answer", "The connection ended before Meta's answer arrived."
	case r.Foreign, r.HTTPStatus > 299:
		a = retry(r)
	default:
		a = foreign()
		a.Cause, a.What = "answer_unclear", "The answer does not say whether Meta received the events."
	}
	a.Relay = "Meta might have stored the events. relay keeps them and sends exactly the same again, so that Meta can recognize the repeat."
	return a
}

// retry is the advice for temporary errors, and for network errors that a person must
// fix.
func retry(r graph.Result) Advice {
	switch {
	case r.HTTPStatus == 0:
		return network(r.Failure)
	case r.Code != 0:
		if _, known := graph.Verdict(r.Code, r.Subcode); !known {
			return Advice{
				Cause: "unknown_code", What: "Meta answered with an error that relay does not know.",
				When: ifLasts, Who: Operator, Do: "look up its code in Meta's documentation", Relay: relayRetries,
			}
		}
		return Advice{
			Cause: "meta_trouble", What: "Meta has a temporary problem.",
			When: ifLasts, Who: Operator, Do: "check https://metastatus.com", Relay: relayRetries,
		}
	case r.HTTPStatus >= 500:
		return Advice{
			Cause: "server_trouble", What: "Meta's servers, or a proxy in front of them, reported an error.",
			When: ifLasts, Who: Network, Do: "check https://metastatus.com, and the proxy or firewall between this machine and Meta if there is one", Relay: relayRetries,
		}
	}
	return foreign()
}

func foreign() Advice {
	return Advice{
		Cause: "foreign_answer", What: "Something other than Meta answered: a login page, a proxy or a firewall between this machine and Meta.",
		When: ifLasts, Who: Network, Do: "allow this machine to connect to graph.facebook.com, and check graph.endpoint if it is set", Relay: relayRetries,
	}
}

func throttle(r graph.Result) Advice {
	if a, ok := causeOf(r.Code, r.Subcode); ok {
		return a
	}
	if r.Code == 0 {
		return Advice{
			Cause: "throttled_by_proxy", What: "Something between this machine and Meta limits the request rate: this answer does not come from the Graph API.",
			When: ifLasts, Who: Network, Do: "raise the limit of the proxy or firewall; if there is none, lower rate.requests_per_second", Relay: relayWaits,
		}
	}
	return Advice{
		Cause: "throttled", What: "Meta limits how often it can be called.",
		When: ifOften, Who: Operator, Do: "lower rate.requests_per_second, or look for other programs that use the same token", Relay: relayWaits,
	}
}

const tokenHow = "(Events Manager, the dataset's Settings, Conversions API, Generate access token) and put it where graph.access_token or graph.access_token_file reads it"

// token is the advice for a refused access token, by Meta's subcodes (docs/meta.md
// 6.4).
func token(r graph.Result) Advice {
	if r.HTTPStatus == 0 {
		return NoToken("")
	}
	if a, ok := causeOf(meta.InvalidToken, r.Subcode); ok { // code 102 has the same subcodes
		return a
	}
	return tokenInvalid("Meta does not accept the access token.")
}

func tokenInvalid(what string) Advice {
	return Advice{Cause: "token_invalid", What: what, Who: MetaAdmin, Do: "make a new one " + tokenHow, Relay: relayReloads}
}

// NoToken is the advice for a relay without an access token. lack is the problem with
// the token's file (config.Lack); "": no token is configured.
func NoToken(lack string) Advice {
	a := Advice{Cause: "token_missing", Who: Operator, Relay: relayReloads}
	switch lack {
	case "file_missing":
		a.What, a.Do = "The file that graph.access_token_file names does not exist, so nothing is uploaded.", "put the access token into that file, or correct the path in relay.yaml"
	case "file_unreadable":
		a.What, a.Do = "The file that graph.access_token_file names cannot be read, so nothing is uploaded.", "allow the user that relay runs as to read it"
	case "file_empty":
		a.What, a.Do = "The file that graph.access_token_file names is empty, so nothing is uploaded.", "put the access token into that file"
	case "file_malformed":
		a.What, a.Do = "The file that graph.access_token_file names does not contain an access token, so nothing is uploaded.", "put only the token there, on one line; `relay check` shows what is wrong"
	default:
		a.What, a.Who, a.Do = "There is no access token, so nothing is uploaded.", MetaAdmin, "make one "+tokenHow
		return a
	}
	a.Cause = "token_" + lack
	return a
}

func permission(r graph.Result) Advice {
	if a, ok := causeOf(r.Code, r.Subcode); ok {
		return a
	}
	return Advice{
		Cause: "no_permission", What: "The access token is not allowed to send to this event set.",
		Who: MetaAdmin, Do: assignDataset + ", with permission to manage it; the token needs ads_management or business_management", Relay: relayProbes,
	}
}

const assignDataset = "assign the dataset to the token's system user in Business settings"

// settings is the advice for errors that a change of relay.yaml or the mapping fixes.
func settings(r graph.Result) Advice {
	switch {
	case r.HTTPStatus == 0:
		return Advice{
			Cause: "request_impossible", What: "No request can be made with these settings.",
			Who: Operator, Do: "check the event set's id in the mapping, and graph.endpoint", Relay: relayProbes,
		}
	case r.HTTPStatus == http.StatusProxyAuthRequired:
		return Advice{
			Cause: "proxy", What: "A proxy requires a user and password, so nothing was sent.",
			Who: Network, Do: "put them into graph.proxy (http://user:password@host:port); if no proxy should be used, allow this machine to connect to graph.facebook.com, and check graph.endpoint if it is set",
			Relay: relayProbes,
		}
	}
	if a, ok := causeOf(r.Code, r.Subcode); ok {
		return a
	}
	return settingsWrong()
}

func settingsWrong() Advice {
	return Advice{
		Cause: "settings", What: "Meta does not accept uploads to this event set with these settings.",
		Who: Operator, Do: "check graph.version in relay.yaml, and the event set's id and api in the mapping", Relay: relayProbes,
	}
}

func appSecret() Advice {
	return Advice{
		Cause: AppSecret, What: "Meta does not accept the signature made with graph.app_secret, or requires one.",
		Who:   Operator,
		Do:    "set graph.app_secret to the secret of the app that made the token (App Dashboard, Settings, Basic) or remove it if it is not needed, and check the clock of this machine",
		Relay: relayProbes,
	}
}

func invalid(r graph.Result) Advice {
	if TooLarge(r) {
		return tooLarge(r)
	}
	if a, ok := causeOf(r.Code, r.Subcode); ok {
		return a
	}
	a := Advice{
		Cause: EventsRefused, What: "Meta refused the request because of an event in it",
		Who: Operator, Do: "correct the mapping if it is the cause, then `relay dead retry`",
		Relay: "relay finds the event and makes it a dead letter with Meta's message; the others are delivered.",
	}
	if n := len(r.Bad); n > 1 {
		a.What = fmt.Sprintf("Meta refused the request because of %d events in it", n)
		a.Relay = "They become dead letters with Meta's message; the others are delivered."
	}
	if row, ok := meta.CodeOf(r.Code, r.Subcode); ok && row.Event != "" {
		a.What += ": " + row.Event
	}
	a.What += "."
	if r.Subcode == meta.EventTooOld {
		a.Who, a.Do = "", "" // no correction can help
	}
	return a
}

// TooLarge reports whether a proxy or firewall refused a request for its size. The
// Graph API would give a code.
func TooLarge(r graph.Result) bool {
	return r.Code == 0 && r.HTTPStatus == http.StatusRequestEntityTooLarge
}

func tooLarge(r graph.Result) Advice {
	if r.Sent > 1 {
		return Advice{
			Cause: "request_too_large", What: "The request was too large for a proxy or firewall between this machine and Meta.",
			When: ifOften, Who: Operator, Do: "lower batch.max_bytes", Relay: "relay sends it in smaller parts.",
		}
	}
	return Advice{
		Cause: "event_too_large_for_proxy", What: "A proxy or firewall refuses even a single event for its size: this answer does not come from the Graph API.",
		Who: Network, Do: "raise the limit of the proxy or firewall, or allow this machine to connect to graph.facebook.com", Relay: "relay tries one event from time to time, and makes it a dead letter only if others are accepted.",
	}
}

// Breaker is the advice for an event set that is paused because many of its events in
// a row were refused.
func Breaker() Advice {
	return Advice{
		Cause: "breaker", What: "Many events in a row were refused, so the event set is paused. The remaining events are kept.",
		Who: Operator, Do: "correct the mapping, which is probably wrong, and then run `relay dead retry`",
		Relay: "relay continues when the mapping is saved, or at once with `relay lane resume`. It tries one event after each retry.probe_interval.",
	}
}

// HeldClass is the class of a problem without an answer: a new mapping holds every event.
const HeldClass = "held"

// Held is the advice for a mapping that has held every event since it was loaded.
func Held() Advice {
	return Advice{
		Cause: "held", What: "The current mapping makes none of these events sendable, and nothing was delivered with it yet.",
		Who: Operator, Do: "correct the mapping; if it is right, run `relay lane resume`: the events then become dead letters",
		Relay: "relay keeps the events and continues when the mapping is saved.",
	}
}
