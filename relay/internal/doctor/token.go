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

// tokenText checks the text of the token. It reports whether the token could work.
func (e *exam) tokenText() bool {
	text := e.Config.Graph.AccessToken.Reveal()
	switch {
	case text == "":
		f := advised(Finding{Check: "token", Level: Fail}, advice.NoToken(string(e.Config.Graph.AccessTokenLack)))
		if flaw := e.Config.Graph.AccessTokenFlaw; flaw != "" {
			f.Text += " " + e.Config.Graph.AccessTokenFile + ": " + flaw + "."
		}
		e.report(f)
		return false
	case config.Malformed(e.Config.Graph.AccessToken) != "":
		e.report(malformedToken(config.Malformed(e.Config.Graph.AccessToken)))
		return false
	case strings.ContainsAny(text, "\"'"):
		e.report(malformedToken("it contains quotes; remove them"))
		return false
	}
	return true
}

func malformedToken(what string) Finding {
	return Finding{
		Check: "token", Code: "token_malformed", Level: Fail, Who: You,
		Text: "The access token is malformed: " + what + ".",
		Fix:  "Copy only the token, on one line.",
	}
}

// token checks the access token and each event set at Meta.
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
		e.report(Finding{Check: "token", Code: "token_untried", Level: Note, Text: "The mapping has no event set, so the token cannot be tested."})
	}
}

// needed are the permissions of which a sending token needs one (docs/meta.md 1.2).
var needed = []string{"ads_management", "business_management"}

// scopes checks the token's permissions, if it can read them. It returns false if Meta
// refuses the app secret, and with it every call.
func (e *exam) scopes(ctx context.Context) bool {
	scopes, res := e.Client.ReadScopes(ctx)
	switch {
	case res.ProofRefused():
		e.report(refusal(rules.Set{}, res))
		return false
	case res.Class == graph.TokenPause: // reported with the event set
	case res.Class != graph.Delivered:
		e.report(Finding{Check: "token", Code: "send_only", Level: Note, Text: "The token can send but not read. That is normal for a token from Events Manager."})
	case len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(needed, s) }):
		e.report(Finding{
			Check: "token", Code: "scopes", Level: Warn, Who: MetaAdmin,
			Text: "The token has neither ads_management nor business_management, only: " + strings.Join(scopes, ", ") + ".",
			Fix:  "If uploads are refused, generate a token with ads_management, or generate one in Events Manager.",
		})
	case len(scopes) > 0:
		e.report(Finding{Check: "token", Code: "scopes", Level: OK, Text: "The token has the permissions " + strings.Join(scopes, ", ") + "."})
	}
	return true
}

// eventSet checks one event set. It returns false if the token is refused, which makes
// further checks pointless.
func (e *exam) eventSet(ctx context.Context, set rules.Set) bool {
	res := e.Client.CheckToken(ctx, graph.Request{EventSet: set.ID, API: set.API})
	if res.Class != graph.Delivered {
		e.report(refusal(set, res))
		return res.Class != graph.TokenPause
	}
	e.node(ctx, set)
	e.roundTrip(ctx, set)
	return true
}

// refusal returns the finding about the event set or the token for an error of Meta's.
func refusal(set rules.Set, res graph.Result) Finding {
	a := advice.For(res)
	f := advised(Finding{Check: "event_set", EventSet: set.ID, Level: Fail}, a)
	f.Text = fmt.Sprintf("Event set %s: %s", label(set), advice.Describe(res))
	switch {
	case res.Class == graph.TokenPause:
		f.Check, f.EventSet, f.Text = "token", "", advice.Describe(res)
	case a.Cause == advice.AppSecret:
		f.Check, f.EventSet, f.Text = "token", "", advice.Describe(res)
	case res.Class != graph.PermPause && res.Class != graph.ConfigPause: // temporary
		f.Level = Warn
	}
	return f
}

// node reads the name and kind of the event set, if the token can.
func (e *exam) node(ctx context.Context, set rules.Set) {
	f := Finding{Check: "event_set", Code: "accepted", Level: OK, EventSet: set.ID, Text: fmt.Sprintf("Event set %s accepts uploads with this token.", label(set))}
	n, res := e.Client.ReadNode(ctx, set.ID)
	if res.Class == graph.Delivered && n.Name != "" {
		f.Text = fmt.Sprintf("Event set %s, %q at Meta, accepts uploads with this token.", label(set), n.Name)
	}
	e.report(f)
	if res.Class == graph.Delivered && n.Consolidated != nil && !*n.Consolidated && set.API != meta.Offline {
		e.report(Finding{
			Check: "event_set", Code: "not_consolidated", Level: Warn, EventSet: set.ID, Who: MetaAdmin,
			Text: fmt.Sprintf("Event set %s is not a dataset that accepts offline events through the Conversions API (is_consolidated_container is false).", label(set)),
			Fix:  "Use the dataset that replaced it, which Events Manager shows.",
		})
	}
}

// roundTrip sends one made-up event if a test event code is given.
func (e *exam) roundTrip(ctx context.Context, set rules.Set) {
	if e.TestEventCode == "" {
		return
	}
	f := Finding{Check: "round_trip", EventSet: set.ID}
	if set.API == meta.Offline {
		f.Code, f.Level, f.Text = "not_possible", Note, fmt.Sprintf("Event set %s: api: offline has no test event codes, so nothing was sent.", label(set))
		e.report(f)
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
		if f.Fix == "" || a.Cause == advice.EventsRefused { // this event does not come from the mapping
			f.Fix, f.Who = "Check the test event code in Events Manager, Test events.", MetaAdmin
		}
	}
	e.report(f)
}

// testEvent returns an event about no real person: its address is in a reserved domain
// (RFC 2606). Meta processes test events like any other (docs/meta.md 8), so the event is
// neither a purchase nor a lead.
func (e *exam) testEvent() []byte {
	now := e.Now()
	sum := sha256.Sum256([]byte("relay.doctor@example.com"))
	id := fmt.Sprintf("relay-doctor-%d", now.Unix())
	b, _ := json.Marshal(map[string]any{ // cannot fail: only text and numbers
		"event_name": "RelayDoctor", "event_time": now.Unix(), "event_id": id, "action_source": "physical_store",
		"user_data":   map[string]any{"em": []string{hex.EncodeToString(sum[:])}},
		"order_id":    id, // in both places, as the mapper puts it
		"custom_data": map[string]any{"order_id": id},
	})
	return b
}
