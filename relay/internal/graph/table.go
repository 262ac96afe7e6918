package graph

import (
	"net/http"
	"slices"
	"strings"

	"relay/internal/meta"
)

// key identifies a row of the table: a code with a subcode, or with any subcode (0).
type key struct{ code, subcode int }

// verdicts indexes the table of codes (internal/meta; docs/meta.md 6.5). A row
// without a subcode also applies to unknown subcodes. ranges are the rows for
// codes without a row of their own.
//
// textRows are the errors that differ from others only in their text: a wrong app
// secret has the code of a bad event and no subcode (docs/meta.md 6.7, 6.8). Only
// the beginning of the text counts, because the rest can quote an event. If Meta
// changes the text, the class of the code applies.
var verdicts, ranges, textRows = func() (one map[key]Class, ranges, textRows []meta.Code) {
	one = make(map[key]Class)
	for _, row := range meta.Codes() {
		switch {
		case row.Text != "":
			textRows = append(textRows, row)
		case row.To != 0:
			ranges = append(ranges, row)
		default:
			one[key{row.Code, row.Subcode}] = classNamed(row.Class)
		}
	}
	return one, ranges, textRows
}()

// textVerdict returns the class of an error by its text. It is false if the error
// has a subcode or the table has no such text.
func textVerdict(code, subcode int, text string) (Class, bool) {
	if subcode != 0 {
		return 0, false
	}
	text = strings.ToLower(strings.TrimSpace(text))
	if number, rest, ok := strings.Cut(text, ") "); ok && strings.HasPrefix(number, "(#") {
		text = rest
	}
	for _, s := range textRows {
		if s.Code == code && strings.HasPrefix(text, s.Text) {
			return classNamed(s.Class), true
		}
	}
	return 0, false
}

// Verdict returns the class of an error by its code and subcode (0: none in the
// answer). known is false if the table does not have the code. The class is then
// Retry: an undocumented number is no reason to give up on an event, and the
// status shows Meta's message.
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

// StatusVerdict returns the class of an answer that is not from the Graph API
// (a gateway, a proxy, a captive portal), by its HTTP status.
//
//	2xx  Doubt          Meta might have stored the events
//	3xx  Retry          Meta does not redirect; redirects are never followed
//	407  ConfigPause    the proxy requires a user and password
//	413  InvalidBatch   too large for the proxy; a smaller request can succeed
//	429  Throttle
//	502, 504  Doubt     a gateway lost the answer of the server behind it
//	else Retry          5xx, and 4xx without an error of the Graph API
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

// classNames are the names of classes in metrics, JSON and the table of codes.
var classNames = [...]string{
	Delivered: "delivered", Duplicate: "duplicate", Retry: "retry", Doubt: "doubt", TooMuch: "too_much",
	Throttle: "throttle", TokenPause: "token", PermPause: "permission", ConfigPause: "config",
	InvalidEvent: "invalid_event", InvalidBatch: "invalid_batch", NotApplicable: "not_applicable",
}

// String returns the class in snake case.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return "unknown"
	}
	return classNames[c]
}

// classNamed returns the class with a name. A test checks every name in the table.
func classNamed(name string) Class {
	return Class(slices.Index(classNames[:], name))
}
