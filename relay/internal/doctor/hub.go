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

// hub checks whether the hub would accept what this relay forwards.
func (e *exam) hub(ctx context.Context) {
	via, ok := e.route()
	if !ok {
		return
	}
	at := e.Config.Forward.URL
	res := e.Hub(ctx)
	told := advice.ForHub(res)
	problem := func(f Finding) {
		if took := e.Running.HubTook; !took.IsZero() {
			f.Text += fmt.Sprintf(" The hub last accepted events at %s.", took.Local().Format(time.DateTime))
		}
		e.report(f)
	}
	switch {
	case res.HTTPStatus == 0:
		problem(unreachedHub(told, res.Message, at, via))
		return
	case res.Foreign:
		problem(Finding{
			Check: "hub", Code: "hub_foreign", Level: Fail, Text: fmt.Sprintf("%s Called: %s, %s. Result: %s.", told.What, at, via, res.Message),
			Fix: told.Fix(), Who: You,
		})
		return
	}
	reached := Finding{Check: "hub", Code: "hub_reached", Level: OK, Text: fmt.Sprintf("The hub answers at %s, %s.", at, via)}
	if strings.HasPrefix(at, "https:") {
		reached.Text = fmt.Sprintf("The hub answers at %s, %s, with a certificate that this machine trusts.", at, via)
	}
	e.report(reached)
	switch {
	case res.Class == graph.Delivered:
		e.report(Finding{Check: "hub", Code: "hub_takes", Level: OK, Text: "The hub accepts this relay's key and format version."})
		e.clock(res, "the hub's")
	case res.Class == graph.ConfigPause:
		problem(Finding{Check: "hub", Code: refusedHub(res.HTTPStatus), Level: Fail, Text: fmt.Sprintf("%s Result: %s.", told.What, res.Message), Fix: told.Fix(), Who: You})
	case res.Class == graph.Throttle:
		problem(Finding{
			Check: "hub", Code: "hub_full", Level: Fail, Text: fmt.Sprintf("The hub is full, so nothing is forwarded. Result: %s.", res.Message), Who: You,
			Fix: strings.TrimSpace(told.Fix() + " " + told.Relay),
		})
	default:
		problem(Finding{
			Check: "hub", Code: "hub_busy", Level: Warn, Text: fmt.Sprintf("%s Result: %s.", told.What, res.Message), Who: You,
			Fix: strings.TrimSpace(told.Fix() + " " + told.Relay),
		})
	}
}

func unreachedHub(told advice.Advice, result, at, via string) Finding {
	f := advised(Finding{Check: "hub", Level: Fail}, told)
	f.Text = fmt.Sprintf("%s Called: %s, %s. Result: %s.", f.Text, at, via, result)
	return f
}

// refusedHub returns the code of the finding for a hub that refuses with an HTTP status.
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

// sentence makes a sentence of a clause.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
