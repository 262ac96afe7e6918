package doctor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"relay/config"
	"relay/internal/meta"
	"relay/mapper/rules"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// tokenText looks at the token itself; false: there is none that could work.
func (e *exam) tokenText() bool {
	text := e.Config.Graph.AccessToken.Reveal()
	switch {
	case text == "":
		f := advised(Finding{Check: "token", Level: Fail}, advice.NoToken(string(e.Config.Graph.AccessTokenLack)))
		if flaw := e.Config.Graph.AccessTokenFlaw; flaw != "" {
			f.Text += " In " + e.Config.Graph.AccessTokenFile + ": " + flaw + "."
		}
		e.say(f)
		return false
	case config.Malformed(e.Config.Graph.AccessToken) != "":
		e.say(malformedToken(config.Malformed(e.Config.Graph.AccessToken)))
		return false
	case strings.ContainsAny(text, "\"'"):
		e.say(malformedToken("there are quotes in it; remove them"))
		return false
	}
	return true
}

func malformedToken(what string) Finding {
	return Finding{
		Check: "token", Code: "token_malformed", Level: Fail, Who: You,
		Text: "The access token was not copied right: " + what + ".",
		Fix:  "Put the bare token there, on one line.",
	}
}

// token asks Meta what it thinks of the access token and of each event set.
func (e *exam) token(ctx context.Context) {
	if !e.scopes(ctx) {
		return
	}
	for _, set := range e.Mapping.Sets() {
		if !e.eventSet(ctx, set) {
			return
		}
	}
	if len(e.Mapping.Sets()) == 0 {
		e.say(Finding{Check: "token", Code: "token_untried", Level: Note, Text: "Without an event set in the mapping the token cannot be tried."})
	}
}

// needed are the permissions of which a sending token has one (docs/meta.md
// 1.2).
var needed = []string{"ads_management", "business_management"}

// scopes reads the token's permissions, where it may; false: the app's secret is
// refused, and so is every other call.
func (e *exam) scopes(ctx context.Context) bool {
	scopes, res := e.Client.ReadScopes(ctx)
	switch {
	case res.ProofRefused():
		e.say(refusal(rules.Set{}, res))
		return false
	case res.Class == graph.TokenPause: // said with the event set
	case res.Class != graph.Delivered:
		e.say(Finding{Check: "token", Code: "send_only", Level: Note, Text: "The token can send and cannot read, as tokens made in Events Manager are. That is normal."})
	case len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(needed, s) }):
		e.say(Finding{
			Check: "token", Code: "scopes", Level: Warn, Who: MetaAdmin,
			Text: "The token has neither ads_management nor business_management, only: " + strings.Join(scopes, ", ") + ".",
			Fix:  "If uploads are refused, make a token with ads_management, or let Events Manager make one.",
		})
	case len(scopes) > 0:
		e.say(Finding{Check: "token", Code: "scopes", Level: OK, Text: "The token has the permissions " + strings.Join(scopes, ", ") + "."})
	}
	return true
}

// eventSet asks for one event set; false: the token is dead, and the others
// need not be asked.
func (e *exam) eventSet(ctx context.Context, set rules.Set) bool {
	res := e.Client.CheckToken(ctx, graph.Request{EventSet: set.ID, API: set.API})
	if res.Class != graph.Delivered {
		e.say(refusal(set, res))
		return res.Class != graph.TokenPause
	}
	e.node(ctx, set)
	e.roundTrip(ctx, set)
	return true
}

// refusal is what Meta's answer means for an event set, or for the token.
func refusal(set rules.Set, res graph.Result) Finding {
	a := advice.For(res)
	f := advised(Finding{Check: "event_set", EventSet: set.ID, Level: Fail}, a)
	f.Text = fmt.Sprintf("Event set %s: %s", label(set), advice.Describe(res))
	switch {
	case res.Class == graph.TokenPause:
		f.Check, f.EventSet, f.Text = "token", "", advice.Describe(res)
	case a.Cause == advice.AppSecret:
		f.Check, f.EventSet, f.Text = "token", "", advice.Describe(res)
	case res.Class != graph.PermPause && res.Class != graph.ConfigPause: // it passes
		f.Level = Warn
	}
	return f
}

// node reads what the event set is, where the token may.
func (e *exam) node(ctx context.Context, set rules.Set) {
	f := Finding{Check: "event_set", Code: "accepted", Level: OK, EventSet: set.ID, Text: fmt.Sprintf("Event set %s takes uploads with this token.", label(set))}
	n, res := e.Client.ReadNode(ctx, set.ID)
	if res.Class == graph.Delivered && n.Name != "" {
		f.Text = fmt.Sprintf("Event set %s, %q at Meta, takes uploads with this token.", label(set), n.Name)
	}
	e.say(f)
	if res.Class == graph.Delivered && n.Consolidated != nil && !*n.Consolidated && set.API != meta.Offline {
		e.say(Finding{
			Check: "event_set", Code: "not_consolidated", Level: Warn, EventSet: set.ID, Who: MetaAdmin,
			Text: fmt.Sprintf("Event set %s is not a dataset that takes offline events through the Conversions API (is_consolidated_container is false).", label(set)),
			Fix:  "Use the dataset that replaced it: Events Manager shows which.",
		})
	}
}

// roundTrip sends one made-up event, when a test event code is given.
func (e *exam) roundTrip(ctx context.Context, set rules.Set) {
	if e.TestEventCode == "" {
		return
	}
	f := Finding{Check: "round_trip", EventSet: set.ID}
	if set.API == meta.Offline {
		f.Code, f.Level, f.Text = "not_possible", Note, fmt.Sprintf("Event set %s: api: offline knows no test event code; nothing was sent.", label(set))
		e.say(f)
		return
	}
	res := e.Client.Send(ctx, graph.Request{
		EventSet: set.ID, API: set.API, UploadTag: "relay doctor", TestEventCode: e.TestEventCode,
		Data: [][]byte{e.testEvent()},
	})
	switch res.Class {
	case graph.Delivered, graph.Duplicate:
		f.Code, f.Level, f.Text = "round_trip", OK, fmt.Sprintf("Event set %s: Meta received a test event; see Events Manager, Test events.", label(set))
	default:
		a := advice.For(res)
		f = advised(Finding{Check: f.Check, EventSet: set.ID, Level: Fail}, a)
		f.Code = "round_trip_failed"
		f.Text = fmt.Sprintf("Event set %s: the test event did not arrive. %s", label(set), advice.Describe(res))
		if f.Fix == "" || a.Cause == advice.EventsRefused { // no mapping made this event
			f.Fix, f.Who = "Check the test event code in Events Manager, Test events.", MetaAdmin
		}
	}
	e.say(f)
}

// testEvent is about nobody: the address is of a domain that cannot have one
// (RFC 2606). Meta processes test events like others (docs/meta.md 8), so
// it is neither a purchase nor a lead.
func (e *exam) testEvent() []byte {
	now := e.Now()
	sum := sha256.Sum256([]byte("relay.doctor@example.com"))
	id := fmt.Sprintf("relay-doctor-%d", now.Unix())
	b, _ := json.Marshal(map[string]any{ // text and numbers always encode
		"event_name": "RelayDoctor", "event_time": now.Unix(), "event_id": id, "action_source": "physical_store",
		"user_data":   map[string]any{"em": []string{hex.EncodeToString(sum[:])}},
		"order_id":    id, // at both places, as the mapper has it
		"custom_data": map[string]any{"order_id": id},
	})
	return b
}
