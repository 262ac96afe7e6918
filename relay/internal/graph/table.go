package graph

import (
	"net/http"
	"slices"
	"strings"

	"relay/internal/meta"
)

// key is a row of the table: a code with a subcode, or with any (0).
type key struct{ code, subcode int }

// verdicts is the table of codes (internal/meta; docs/meta.md 6.5), as it is looked up:
// a row without a subcode holds for unknown subcodes too. ranges are of codes that have
// no row of their own.
//
// sayings are the errors that Meta tells apart by nothing but their text: a wrong app
// secret has the code of a bad event, and no subcode (docs/meta.md 6.7, 6.8). Only the
// beginning of a text counts: what follows may quote an event. Should Meta change a
// text, the class of the code holds.
var verdicts, ranges, sayings = func() (one map[key]Class, ranges, sayings []meta.Code) {
	one = make(map[key]Class)
	for _, row := range meta.Codes() {
		switch {
		case row.Text != "":
			sayings = append(sayings, row)
		case row.To != 0:
			ranges = append(ranges, row)
		default:
			one[key{row.Code, row.Subcode}] = classNamed(row.Class)
		}
	}
	return one, ranges, sayings
}()

// saying is the class of an error without a subcode by its text, if it has one.
func saying(code, subcode int, text string) (Class, bool) {
	if subcode != 0 {
		return 0, false
	}
	text = strings.ToLower(strings.TrimSpace(text))
	if number, rest, ok := strings.Cut(text, ") "); ok && strings.HasPrefix(number, "(#") {
		text = rest
	}
	for _, s := range sayings {
		if s.Code == code && strings.HasPrefix(text, s.Text) {
			return classNamed(s.Class), true
		}
	}
	return 0, false
}

// Verdict is the class of an error by its code and subcode, 0 meaning that
// the answer had none. known is false for a code that the table does not
// have; its class is Retry then: nothing is given up for a number nobody has
// described, and the status says what Meta wrote.
func Verdict(code, subcode int) (class Class, known bool) {
	if c, ok := verdicts[key{code, subcode}]; ok {
		return c, true
	}
	if c, ok := verdicts[key{code, 0}]; ok {
		return c, true
	}
	for _, r := range ranges {
		if r.Code <= code && code <= r.To {
			return classNamed(r.Class), true
		}
	}
	return Retry, false
}

// StatusVerdict is the class of an answer without a readable Graph API body,
// by HTTP status alone: pages of gateways, proxies and captive portals.
//
//	2xx  Doubt          an answer came, what it said is unknown
//	3xx  Retry          something that is not Meta answered; never followed
//	407  ConfigPause    the proxy wants to know who we are
//	413  InvalidBatch   too large for whoever answered: halves may pass
//	429  Throttle
//	502, 504  Doubt     a gateway lost the answer of the server behind it
//	else Retry          5xx, and 4xx that the Graph API itself did not explain
func StatusVerdict(status int) Class {
	switch {
	case status >= 200 && status < 300:
		return Doubt
	case status == http.StatusProxyAuthRequired:
		return ConfigPause
	case status == http.StatusRequestEntityTooLarge:
		return InvalidBatch
	case status == http.StatusTooManyRequests:
		return Throttle
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		return Doubt
	}
	return Retry
}

// classNames are the classes in snake case, as they appear in metrics, JSON and the
// table of codes.
var classNames = [...]string{
	Delivered: "delivered", Duplicate: "duplicate", Retry: "retry", Doubt: "doubt", TooMuch: "too_much",
	Throttle: "throttle", TokenPause: "token", PermPause: "permission", ConfigPause: "config",
	InvalidEvent: "invalid_event", InvalidBatch: "invalid_batch", NotApplicable: "not_applicable",
}

// String is the class in snake case.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// classNamed is the class of a name. A test sees to it that the table has no other.
func classNamed(name string) Class {
	return Class(slices.Index(classNames[:], name))
}
