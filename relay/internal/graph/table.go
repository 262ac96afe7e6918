package graph

import (
	"net/http"
	"strings"
)

// key is a row of the table: a code, with a subcode or with any.
type key struct{ code, subcode int }

// anySubcode marks the row of a code that holds for every subcode which has
// no row of its own.
const anySubcode = -1

// CodesAsOf is the day on which the table of codes was compared with Meta's
// documentation and with what others have seen.
const CodesAsOf = "2026-11-26"

// verdicts is the one table of codes (testdata/meta-errors.csv; docs/meta.md 6.5).
// Rows that these give without a subcode hold for unknown subcodes too:
// texts and subcodes grow, the meaning of a code does not.
var verdicts = map[key]Class{
	{1, anySubcode}:       Retry,
	{1, 99}:               Retry,
	{2, anySubcode}:       Retry,
	{3, anySubcode}:       PermPause,
	{4, anySubcode}:       Throttle,
	{4, 1504022}:          Throttle,
	{4, 1504039}:          Throttle,
	{10, anySubcode}:      PermPause,
	{12, anySubcode}:      ConfigPause,
	{17, anySubcode}:      Throttle,
	{17, 2446079}:         Throttle,
	{17, 1885172}:         NotApplicable,
	{32, anySubcode}:      Throttle,
	{100, anySubcode}:     InvalidBatch,
	{100, 33}:             ConfigPause,
	{100, 2804001}:        InvalidEvent,
	{100, 2804003}:        InvalidEvent,
	{100, 2804004}:        InvalidEvent,
	{100, 2804007}:        InvalidEvent,
	{100, 2804008}:        InvalidEvent,
	{100, 2804009}:        InvalidEvent,
	{100, 2804010}:        InvalidEvent,
	{100, 2804016}:        InvalidEvent,
	{100, 2804017}:        InvalidEvent,
	{100, 2804019}:        InvalidEvent,
	{100, 2804023}:        InvalidEvent,
	{100, 2804030}:        ConfigPause,
	{100, 2804036}:        InvalidEvent,
	{100, 2804043}:        InvalidEvent,
	{100, 2804048}:        InvalidEvent,
	{100, 2804050}:        InvalidEvent,
	{100, 2804063}:        NotApplicable,
	{100, 2804066}:        NotApplicable,
	{100, 2804069}:        NotApplicable,
	{100, 2804079}:        NotApplicable,
	{100, 2804087}:        NotApplicable,
	{100, 2804116}:        NotApplicable,
	{100, 2804117}:        NotApplicable,
	{100, 2804118}:        NotApplicable,
	{100, 2804132}:        NotApplicable,
	{100, 1815356}:        InvalidBatch,
	{100, 2044011}:        Duplicate,
	{102, anySubcode}:     TokenPause,
	{104, anySubcode}:     ConfigPause,
	{105, anySubcode}:     ConfigPause,
	{190, anySubcode}:     TokenPause,
	{190, 458}:            TokenPause,
	{190, 459}:            TokenPause,
	{190, 460}:            TokenPause,
	{190, 463}:            TokenPause,
	{190, 464}:            TokenPause,
	{190, 467}:            TokenPause,
	{190, 492}:            TokenPause,
	{200, anySubcode}:     PermPause, // and 201–299, see Verdict
	{275, anySubcode}:     ConfigPause,
	{294, anySubcode}:     PermPause,
	{341, anySubcode}:     Throttle,
	{368, anySubcode}:     Throttle,
	{506, anySubcode}:     NotApplicable,
	{613, anySubcode}:     Throttle,
	{613, 1996}:           Throttle,
	{613, 1487225}:        NotApplicable,
	{613, 1487632}:        NotApplicable,
	{613, 1487742}:        Throttle,
	{613, 5044001}:        Throttle,
	{803, anySubcode}:     ConfigPause,
	{2500, anySubcode}:    ConfigPause,
	{2635, anySubcode}:    ConfigPause,
	{5000, anySubcode}:    Retry,
	{21009, anySubcode}:   Retry,
	{80000, anySubcode}:   Throttle,
	{80001, anySubcode}:   Throttle,
	{80002, anySubcode}:   Throttle,
	{80003, anySubcode}:   Throttle,
	{80004, anySubcode}:   Throttle,
	{80005, anySubcode}:   Throttle,
	{80006, anySubcode}:   Throttle,
	{80007, anySubcode}:   Throttle, // docs/meta.md 6.5: 80000–80009 as a range
	{80008, anySubcode}:   Throttle,
	{80009, anySubcode}:   Throttle,
	{80014, anySubcode}:   Throttle,
	{1357045, anySubcode}: Retry,
	{1404078, anySubcode}: Throttle,
	{1404163, anySubcode}: PermPause,
	{2044055, anySubcode}: ConfigPause,
	{2859015, anySubcode}: Throttle,
	{3910001, anySubcode}: Retry,
}

// sayings are the errors that Meta tells apart by nothing but their text: a
// wrong app secret has the code of a bad event, and no subcode (docs/meta.md
// 6.7, 6.8). Only the beginning of a text counts: what follows may quote an
// event. Should Meta change a text, the class of the code holds.
var sayings = []struct {
	code  int
	text  string // in lower case, without Meta's "(#100) "
	class Class
}{
	{1, "please reduce the amount of data", TooMuch},
	{100, "invalid appsecret_proof", ConfigPause},
	{100, "api calls from the server require an appsecret_proof", ConfigPause},
	{100, "missing permission", PermPause},
}

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
		if s.code == code && strings.HasPrefix(text, s.text) {
			return s.class, true
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
	if c, ok := verdicts[key{code, anySubcode}]; ok {
		return c, true
	}
	switch {
	case code < 0: // internal to Meta; the cause is in the subcode
		return Retry, true
	case code >= 200 && code <= 299:
		return PermPause, true
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

// String is the class in snake case, as it appears in metrics and JSON.
func (c Class) String() string {
	switch c {
	case Delivered:
		return "delivered"
	case Duplicate:
		return "duplicate"
	case Retry:
		return "retry"
	case Doubt:
		return "doubt"
	case TooMuch:
		return "too_much"
	case Throttle:
		return "throttle"
	case TokenPause:
		return "token"
	case PermPause:
		return "permission"
	case ConfigPause:
		return "config"
	case InvalidEvent:
		return "invalid_event"
	case InvalidBatch:
		return "invalid_batch"
	case NotApplicable:
		return "not_applicable"
	}
	return "unknown"
}
