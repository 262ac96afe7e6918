package advice

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/relay/internal/graph"
)

// Advice is what happened, what a person does about it and what relay does
// meanwhile.
type Advice struct {
	Cause string // a stable name in snake_case
	What  string // a sentence: what happened
	When  string // on which condition somebody must act, as in "if this lasts"; "": at once
	Who   string // who must act; "": nobody must
	Do    string // what they do, as in "must …", without a full stop; "": nothing
	Relay string // a sentence: what relay does; "": nothing worth telling
}

// Causes that readers tell from others.
const (
	AppSecret     = "app_secret"     // a refused or missing appsecret_proof
	EventsRefused = "events_refused" // by Meta, for what is in them
)

// Who must act.
const (
	Operator   = "whoever looks after this machine"
	Network    = "whoever looks after the network"
	MetaAdmin  = "an admin of the Meta business account"
	TokenOwner = "the owner of the access token"
)

// String is all of it.
func (a Advice) String() string {
	parts := []string{a.What}
	if a.Do != "" {
		parts = append(parts, a.must())
	}
	if a.Relay != "" {
		parts = append(parts, a.Relay)
	}
	if a.Do == "" && a.Relay != "" {
		parts = append(parts, "Nobody has to do anything.")
	}
	return strings.Join(parts, " ")
}

// Fix is what to do as a sentence of its own, for a reader who is told beside
// it who must; "": nothing.
func (a Advice) Fix() string {
	if a.Do == "" {
		return ""
	}
	return sentence(a.given() + a.Do)
}

// must says who must do what, and when. a.Do is set.
func (a Advice) must() string { return sentence(a.given() + a.Who + " must " + a.Do) }

func (a Advice) given() string {
	if a.When == "" {
		return ""
	}
	return a.When + ", "
}

// sentence begins s with a capital and ends it with a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:] + "."
}

// Told is what happened, with Meta's own words and what its support asks for:
// code, subcode, trace id.
func Told(r graph.Result) string {
	s := For(r).What
	if r.Class == graph.Delivered && r.Message == "" {
		return s
	}
	if r.Message != "" {
		who := "Seen: "
		if r.Code != 0 {
			who = "Meta says: "
		}
		s += " " + who + strings.TrimRight(r.Message, ". ") + "."
	}
	if ref := reference(r); ref != "" {
		s += " (" + ref + ")"
	}
	return s
}

func reference(r graph.Result) string {
	var parts []string
	switch {
	case r.Subcode != 0:
		parts = append(parts, fmt.Sprintf("code %d/%d", r.Code, r.Subcode))
	case r.Code != 0:
		parts = append(parts, fmt.Sprintf("code %d", r.Code))
	case r.HTTPStatus != 0 && (r.HTTPStatus < 200 || r.HTTPStatus > 299):
		parts = append(parts, fmt.Sprintf("HTTP %d", r.HTTPStatus))
	}
	if r.FBTraceID != "" && r.Class != graph.Delivered {
		parts = append(parts, "fbtrace_id "+r.FBTraceID)
	}
	return strings.Join(parts, ", ")
}
