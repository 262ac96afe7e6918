package advice

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/relay/internal/graph"
)

// Advice is what happened, what a person must do about it, and what relay does in
// the meantime.
type Advice struct {
	Cause string // stable name in snake_case
	What  string // sentence: what happened
	When  string // condition on which a person must act, such as "if this lasts"; "": at once
	Who   string // who must act; "": no one
	Do    string // what they must do, as it follows "must", without a full stop; "": nothing
	Relay string // sentence: what relay does; "": nothing worth mentioning
}

// Causes that callers handle specially.
const (
	AppSecret     = "app_secret"     // a refused or missing appsecret_proof
	EventsRefused = "events_refused" // Meta refused events for their content
)

// Who must act.
const (
	Operator   = "the administrator of this machine"
	Network    = "the network administrator"
	MetaAdmin  = "an admin of the Meta business account"
	TokenOwner = "the owner of the access token"
)

// String returns the whole advice: what happened, who must do what, what relay does.
func (a Advice) String() string {
	parts := []string{a.What}
	if a.Do != "" {
		parts = append(parts, a.must())
	}
	if a.Relay != "" {
		parts = append(parts, a.Relay)
	}
	if a.Do == "" && a.Relay != "" {
		parts = append(parts, "No action is needed.")
	}
	return strings.Join(parts, " ")
}

// Fix returns what to do, in one or two sentences, without who must do it; "": nothing.
func (a Advice) Fix() string {
	if a.Do == "" {
		return ""
	}
	return WithRestart(sentence(a.condition() + a.Do))
}

// must returns who must do what, and when, in one or two sentences. a.Do must be set.
func (a Advice) must() string {
	return WithRestart(sentence(a.condition() + a.Who + " must " + a.Do))
}

func (a Advice) condition() string {
	if a.When == "" {
		return ""
	}
	return a.When + ", "
}

// sentence capitalizes s and adds a full stop.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:] + "."
}

// Describe returns what happened, Meta's own message, and what Meta's support asks
// for: code, subcode and trace id.
func Describe(r graph.Result) string {
	s := For(r).What
	if r.Class == graph.Delivered && r.Message == "" {
		return s
	}
	if r.Message != "" {
		source := "Seen: "
		if r.Code != 0 {
			source = "Meta says: "
		}
		s += " " + source + strings.TrimRight(r.Message, ". ") + "."
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
