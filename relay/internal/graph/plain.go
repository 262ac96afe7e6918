package graph

import (
	"fmt"
	"strings"
	"time"
)

// Plain says in plain words what happened to a request and who must do what,
// for the status page, the log and `relay status`. Meta's own words and codes
// follow at the end. It holds nothing that Message may not hold.
func Plain(r Result) string {
	s := plain(r)
	if r.Class == Delivered && r.Message == "" {
		return s
	}
	var b strings.Builder
	b.WriteString(s)
	if r.Message != "" {
		who := "Seen: "
		if r.Code != 0 {
			who = "Meta says: "
		}
		b.WriteString(" " + who + strings.TrimRight(r.Message, ". ") + ".")
	}
	if ref := Ref(r); ref != "" {
		b.WriteString(" (" + ref + ")")
	}
	return b.String()
}

// Ref is what Meta's support asks for: code, subcode, trace id; "" without.
func Ref(r Result) string {
	var parts []string
	switch {
	case r.Subcode != 0:
		parts = append(parts, fmt.Sprintf("code %d/%d", r.Code, r.Subcode))
	case r.Code != 0:
		parts = append(parts, fmt.Sprintf("code %d", r.Code))
	case r.HTTPStatus != 0 && (r.HTTPStatus < 200 || r.HTTPStatus > 299):
		parts = append(parts, fmt.Sprintf("HTTP %d", r.HTTPStatus))
	}
	if r.FBTraceID != "" && r.Class != Delivered {
		parts = append(parts, "fbtrace_id "+r.FBTraceID)
	}
	return strings.Join(parts, ", ")
}

// Advice is Plain without what others said: what happened, and who must do
// what.
func Advice(r Result) string { return plain(r) }

func plain(r Result) string {
	switch r.Class {
	case Delivered:
		return fmt.Sprintf("Delivered: Meta received %d %s.", r.Received, events(r.Received))
	case Duplicate:
		return "Meta has these events already; they count as delivered."
	case Retry:
		return retryWords(r)
	case Doubt:
		return "It is not known whether Meta stored these events. relay sends exactly the same again, so that Meta can tell them from new ones. Nobody has to do anything."
	case Throttle:
		return throttleWords(r)
	case TokenPause:
		return tokenWords(r)
	case PermPause:
		return "The access token is not allowed to send to this event set. Somebody with admin rights in Business Settings must assign the dataset to the token's system user with permission to manage it (ads_management); relay keeps the events and tries again by itself."
	case ConfigPause:
		return configWords(r)
	case InvalidEvent, InvalidBatch:
		return invalidWords(r)
	case NotApplicable:
		return "Meta answered with an error that belongs to other kinds of calls than relay's. relay keeps the events; please report this code."
	}
	return "relay does not know what this answer means; it keeps the events."
}

func retryWords(r Result) string {
	switch {
	case r.HTTPStatus == 0 && strings.Contains(r.Message, "certificate"):
		return "The connection to Meta is not secure, so nothing was sent. If a firewall here inspects encrypted traffic, put its certificate into graph.ca_file; also check the clock of this machine. relay tries again by itself."
	case r.HTTPStatus == 0 && strings.Contains(r.Message, "proxy"):
		return "The proxy could not be used, so nothing was sent. Whoever runs it should look at graph.proxy (or the HTTPS_PROXY variable). relay keeps the events and tries again by itself."
	case r.HTTPStatus == 0:
		return "Meta could not be reached, so nothing was sent. relay keeps the events and tries again by itself; if this lasts, check the internet connection of this machine."
	case r.Code != 0:
		if _, known := Verdict(r.Code, r.Subcode); !known {
			return "Meta answered with an error that relay does not know. relay keeps the events and tries again by itself; if this lasts, look at the code below."
		}
		return "Meta has trouble of its own. relay keeps the events and tries again by itself. Nobody has to do anything."
	case r.HTTPStatus >= 500:
		return "Meta's servers are in trouble. relay keeps the events and tries again by itself. Nobody has to do anything."
	}
	return "Something other than Meta answered (a proxy, a firewall or a log-in page of the network?). relay keeps the events and tries again by itself; if this lasts, check the internet connection of this machine."
}

func throttleWords(r Result) string {
	wait := "a while"
	if r.RetryAfter > 0 {
		wait = r.RetryAfter.Round(time.Second).String()
	}
	switch r.Code {
	case 368, 1404078, 2859015:
		return "Meta has blocked this account for a time because of its rules. relay waits " + wait + ". Somebody should look at Account Quality in Business Manager."
	}
	return "Too many calls for Meta's limits: relay waits " + wait + " and goes on by itself. If this comes often, lower rate.requests_per_second or look for other programs that use the same token."
}

func tokenWords(r Result) string {
	const fix = " Somebody with admin rights must make a new one (Events Manager, the dataset's Settings, Conversions API, Generate access token) and put it into graph.access_token_file; relay notices by itself. Until then the events are kept."
	switch {
	case r.HTTPStatus == 0:
		return "There is no access token, so nothing is uploaded." + fix
	case r.Subcode == 463:
		return "The access token has expired." + fix
	case r.Subcode == 460:
		return "The access token ended because its owner's password was changed; a system user's token does not." + fix
	case r.Subcode == 458:
		return "The app of the access token was removed by the token's owner." + fix
	case r.Subcode == 459, r.Subcode == 464:
		return "Facebook wants the owner of the access token to log in and confirm the account at facebook.com; after that it may work again." + fix
	}
	return "Meta does not accept the access token." + fix
}

func configWords(r Result) string {
	switch {
	case r.HTTPStatus == 0:
		return "The settings do not allow a request to be made: " + "check the event set's id in the mapping and graph.endpoint."
	case r.HTTPStatus == 407:
		return "The proxy asks for a name and password: put them into graph.proxy (http://user:password@host:port)."
	case r.Code == 100 && r.Subcode == 33, r.Code == 803, r.Code == 275, r.Code == 2044055:
		return "Meta does not know this event set, or the access token has no access to it. Check the id in the mapping against Events Manager, and that the dataset is assigned to the token's system user. relay keeps the events."
	case r.Code == 104:
		return "Meta does not accept the signature made with graph.app_secret. It must be the secret of the app that made the token (App Dashboard, Settings, Basic), or be left out; also check the clock of this machine. relay keeps the events."
	case r.Code == 2635:
		return "Meta no longer serves this version of its API: set graph.version to a current one. relay keeps the events."
	case r.Code == 100 && r.Subcode == 2804030:
		return "Meta wants a choice about Limited Data Use: set limited_data_use in the mapping. relay keeps the events."
	}
	return "Meta refuses the way relay is set up for this event set; the settings must be changed. relay keeps the events."
}

// eventWords says what is wrong with an event (facts: meta-wire 6.5).
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

func invalidWords(r Result) string {
	what := eventWords[r.Subcode]
	if what != "" {
		what = ": " + what
	}
	if r.HTTPStatus == 413 {
		return "The request was too large for somebody on the way. relay sends it in smaller parts; if this comes often, lower batch.max_bytes."
	}
	if n := len(r.Bad); n > 0 {
		return fmt.Sprintf("Meta refused the request because of %d %s in it%s. The bad go to the dead letters, the others are sent again.", n, events(n), what)
	}
	return "Meta refused the request because of an event in it" + what + ". relay finds it by sending smaller parts; it goes to the dead letters, the others are delivered."
}

func events(n int) string {
	if n == 1 {
		return "event"
	}
	return "events"
}
