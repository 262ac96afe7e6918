package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// hub asks the hub of a relay that forwards whether it would take a chunk.
func (e *exam) hub(ctx context.Context) {
	via, ok := e.way()
	if !ok {
		return
	}
	at := e.Config.Forward.URL
	res := e.Hub(ctx)
	told := advice.ForHub(res)
	say := func(f Finding) { // what is wrong
		if took := e.Running.HubTook; !took.IsZero() {
			f.Text += fmt.Sprintf(" The hub last took something at %s.", took.Local().Format(time.DateTime))
		}
		e.say(f)
	}
	switch {
	case res.HTTPStatus == 0:
		say(unreachedHub(res.Message, at, via))
		return
	case res.Foreign:
		say(Finding{
			Check: "hub", Code: "hub_foreign", Level: Fail, Text: fmt.Sprintf("%s Asked: %s, %s. Seen: %s.", told.What, at, via, res.Message),
			Fix: told.Fix(), Who: You,
		})
		return
	}
	reached := Finding{Check: "hub", Code: "hub_reached", Level: OK, Text: fmt.Sprintf("The hub answers at %s, %s.", at, via)}
	if strings.HasPrefix(at, "https:") {
		reached.Text = fmt.Sprintf("The hub answers at %s, %s, with a certificate that this machine trusts.", at, via)
	}
	e.say(reached)
	switch {
	case res.Class == graph.Delivered:
		e.say(Finding{Check: "hub", Code: "hub_takes", Level: OK, Text: "The hub takes this relay's key, and reads the version of what it forwards."})
		e.clock(res, "the hub's")
	case res.Class == graph.ConfigPause:
		say(Finding{Check: "hub", Code: refusedHub(res.HTTPStatus), Level: Fail, Text: fmt.Sprintf("%s Seen: %s.", told.What, res.Message), Fix: told.Fix(), Who: You})
	case res.Class == graph.Throttle:
		say(Finding{
			Check: "hub", Code: "hub_full", Level: Fail, Text: fmt.Sprintf("The hub is full, so nothing is forwarded. Seen: %s.", res.Message), Who: You,
			Fix: strings.TrimSpace(told.Fix() + " " + told.Relay),
		})
	default:
		say(Finding{
			Check: "hub", Code: "hub_busy", Level: Warn, Text: fmt.Sprintf("%s Seen: %s.", told.What, res.Message), Who: You,
			Fix: strings.TrimSpace(told.Fix() + " " + told.Relay),
		})
	}
}

func unreachedHub(said, at, via string) Finding {
	f := Finding{
		Check: "hub", Code: "hub_unreachable", Level: Fail, Who: Network,
		Text: fmt.Sprintf("The hub cannot be reached, so nothing is forwarded. Asked: %s, %s. Seen: %s.", at, via, said),
		Fix:  "Check that the hub's relay runs, that forward.url is its address, and the network between. This relay keeps its events meanwhile.",
	}
	if strings.Contains(said, "certificate") || strings.Contains(said, "TLS") {
		f.Code, f.Who = "hub_tls", You
		f.Text = fmt.Sprintf("The connection to the hub is not safe, so nothing is forwarded. Asked: %s, %s. Seen: %s.", at, via, said)
		f.Fix = "Check tls at the hub and forward.url here. For a certificate of your own authority, set graph.ca_file here to the authority's certificate."
	}
	return f
}

func refusedHub(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "hub_key"
	case http.StatusForbidden:
		return "hub_store"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "hub_not_one"
	}
	return "hub_version"
}

// sentence is a clause of a message as a sentence of its own.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
