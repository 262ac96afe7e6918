package advice

import (
	"fmt"
	"net/http"
	"strings"

	"relay/relay/internal/graph"
)

const (
	retries = "relay keeps the events and tries again by itself."
	probes  = "relay keeps the events and tries again by itself after each retry.probe_interval, or at once with `relay lane resume`."
)

// For says what an answer means. The class decides; code, subcode, HTTP status
// and the network's words tell causes of one class apart.
func For(r graph.Result) Advice {
	if r.Code == 100 && r.Subcode == 0 && strings.Contains(r.Message, "appsecret_proof") {
		return appSecret() // the class of code 100 is another (facts: meta-wire 6.7)
	}
	switch r.Class {
	case graph.Delivered:
		return Advice{Cause: "delivered", What: "Meta has received the events."}
	case graph.Duplicate:
		return Advice{Cause: "duplicate", What: "Meta has these events already; they count as delivered."}
	case graph.Doubt:
		return Advice{
			Cause: "doubt", What: "It is not known whether Meta stored these events.",
			Relay: "relay sends exactly the same again, so that Meta can tell a repeat from new events.",
		}
	case graph.Retry:
		return retry(r)
	case graph.Throttle:
		return throttle(r)
	case graph.TokenPause:
		return token(r)
	case graph.PermPause:
		return permission()
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

// retry is about errors that pass, and about those of the network that a
// person must end.
func retry(r graph.Result) Advice {
	is := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(r.Message, w) {
				return true
			}
		}
		return false
	}
	switch {
	case r.HTTPStatus == 0 && is("proxy"):
		return Advice{
			Cause: "proxy", What: "The proxy could not be used, so nothing was sent.",
			Who: Network, Do: "check graph.proxy (or HTTPS_PROXY): host, port, and user and password if the proxy asks for them (http://user:password@host:port)", Relay: retries,
		}
	case r.HTTPStatus == 0 && is("certificate", "TLS", "x509"):
		return Advice{
			Cause: "tls", What: "The connection to Meta is not secure, so nothing was sent.",
			Who: Network, Do: "put the certificate (PEM) of a firewall that inspects encrypted traffic into graph.ca_file; without one, install the system's certificates (ca-certificates) and check the clock of this machine",
			Relay: retries,
		}
	case r.HTTPStatus == 0 && is("address of"):
		return Advice{
			Cause: "dns", What: "The name of Meta's server could not be looked up, so nothing was sent.",
			Do: "if this lasts, check the name server of this machine; with a proxy set graph.proxy, which then looks names up", Relay: retries,
		}
	case r.HTTPStatus == 0:
		return Advice{
			Cause: "unreachable", What: "Meta could not be reached, so nothing was sent.",
			Do:    "if this lasts, check the internet connection, and that the firewall lets this machine open connections to port 443 of graph.facebook.com",
			Relay: retries,
		}
	case r.Code != 0:
		if _, known := graph.Verdict(r.Code, r.Subcode); !known {
			return Advice{
				Cause: "unknown_code", What: "Meta answered with an error that relay does not know.",
				Do: "if this lasts, look for its code in Meta's documentation", Relay: retries,
			}
		}
		return Advice{Cause: "meta_trouble", What: "Meta has trouble of its own.", Relay: retries}
	case r.HTTPStatus >= 500:
		return Advice{
			Cause: "server_trouble", What: "Meta's servers, or a proxy on the way to them, are in trouble.",
			Do: "if this lasts, look at https://metastatus.com", Relay: retries,
		}
	}
	return Advice{
		Cause: "foreign_answer", What: "Something other than Meta answered: a login page, a proxy or a firewall on the way.",
		Do: "if this lasts, let this machine through to graph.facebook.com, and check graph.endpoint if it is set", Relay: retries,
	}
}

func throttle(r graph.Result) Advice {
	switch r.Code {
	case 368, 1404078, 2859015:
		return Advice{
			Cause: "blocked", What: "Meta has blocked the account or app for a while because of its rules.",
			Who: MetaAdmin, Do: "look into Account Quality in Business Manager", Relay: "relay keeps the events and goes on when the block ends.",
		}
	}
	return Advice{
		Cause: "throttled", What: "Meta limits how often it is called.",
		Do:    "if this happens often, lower rate.requests_per_second, or look for other programs that use the same token",
		Relay: "relay waits as long as Meta asks and goes on by itself.",
	}
}

const tokenHow = "(Events Manager, the dataset's Settings, Conversions API, Generate access token) and put it where graph.access_token or graph.access_token_file reads it"

// token is about an access token that is missing or refused, by Meta's
// subcodes (facts: meta-wire 6.4).
func token(r graph.Result) Advice {
	a := Advice{
		Cause: "token_invalid", What: "Meta does not accept the access token.", Who: MetaAdmin,
		Do:    "make a new one " + tokenHow,
		Relay: "relay keeps the events and notices a changed file by itself; a changed environment needs a restart.",
	}
	switch {
	case r.HTTPStatus == 0:
		a.Cause, a.What, a.Do = "token_missing", "There is no access token, so nothing is uploaded.", "make one "+tokenHow
	case r.Subcode == 458:
		a.What = "The owner of the access token has removed its app."
	case r.Subcode == 459, r.Subcode == 464:
		a.What = "Facebook wants the owner of the access token to confirm the account."
		a.Who, a.Do = TokenOwner, "log in at facebook.com and confirm the account; if Meta refuses the token after that, "+MetaAdmin+" must "+a.Do
	case r.Subcode == 460:
		a.What = "The access token ended because its owner's password was changed; a system user's token does not."
	case r.Subcode == 463:
		a.What = "The access token has expired."
	}
	return a
}

func permission() Advice {
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
			Cause: "proxy", What: "The proxy asks for a user and password, so nothing was sent.",
			Who: Network, Do: "put them into graph.proxy (http://user:password@host:port)", Relay: probes,
		}
	case r.Code == 100 && r.Subcode == 33, r.Code == 803, r.Code == 275, r.Code == 2044055:
		return Advice{
			Cause: "event_set_wrong", What: "Meta does not know this event set, or the access token has no access to it.",
			Who: MetaAdmin, Do: "compare the id in the mapping with Events Manager (the dataset's Settings), and " + assign, Relay: probes,
		}
	case r.Code == 100 && r.Subcode == 2804030:
		return Advice{
			Cause: "data_use", What: "Meta wants a choice about Limited Data Use.",
			Who: Operator, Do: "set limited_data_use in the mapping, or choose in Events Manager", Relay: probes,
		}
	case r.Code == 104:
		return appSecret()
	case r.Code == 2635:
		return Advice{
			Cause: "version_retired", What: "Meta no longer serves this version of its API.",
			Who: Operator, Do: "set graph.version to a current one", Relay: probes,
		}
	}
	return settingsWrong()
}

func settingsWrong() Advice {
	return Advice{
		Cause: "settings", What: "Meta refuses the way relay is set up for this event set.",
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

// eventWords is what is wrong with an event, by subcode (facts: meta-wire 6.5).
var eventWords = map[int]string{
	2804003: "it is too old for Meta",
	2804004: "its time is in the future",
	2804008: "an item of contents has no id",
	2804009: "a Purchase has no value",
	2804010: "a Purchase has no currency",
	2804016: "a customer field is not hashed or is empty",
	2804019: "a required field is missing",
	2804023: "a value has no currency",
	2804036: "its lead_id is not valid",
	2804050: "too little is known about the customer to find anybody",
}

func invalid(r graph.Result) Advice {
	if r.HTTPStatus == http.StatusRequestEntityTooLarge {
		return Advice{
			Cause: "request_too_large", What: "The request was too large for something on the way to Meta.",
			Do: "if this happens often, lower batch.max_bytes", Relay: "relay sends it in smaller parts.",
		}
	}
	a := Advice{
		Cause: "events_refused", What: "Meta refused the request because of an event in it",
		Who: Operator, Do: "correct the mapping if it is the cause, then `relay dead retry`",
		Relay: "relay finds the event and makes it a dead letter with Meta's words; the others are delivered.",
	}
	if n := len(r.Bad); n > 1 {
		a.What = fmt.Sprintf("Meta refused the request because of %d events in it", n)
		a.Relay = "They become dead letters with Meta's words; the others are delivered."
	}
	if words := eventWords[r.Subcode]; words != "" {
		a.What += ": " + words
	}
	a.What += "."
	if r.Subcode == 2804003 {
		a.Who, a.Do = "", "" // nothing makes it younger
	}
	return a
}
