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
		say(unreachedHub(told, res.Message, at, via))
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

func unreachedHub(told advice.Advice, said, at, via string) Finding {
	f := advised(Finding{Check: "hub", Level: Fail}, told)
	f.Text = fmt.Sprintf("%s Asked: %s, %s. Seen: %s.", f.Text, at, via, said)
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
