package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// Bounds of the clock check: above the first, events dated by this machine are
// odd; above the second, Meta refuses signatures (docs/meta.md 1.3).
const (
	skewOdd = time.Minute
	skewBad = 5 * time.Minute
)

// network goes to the Graph API without a token, and says whether it answered.
func (e *exam) network(ctx context.Context) bool {
	e.version()
	e.table()
	via, ok := e.way()
	if !ok {
		return false
	}
	res := e.Client.Reach(ctx)
	if res.Class == graph.Delivered {
		e.say(Finding{Check: "network", Code: "reached", Level: OK, Text: fmt.Sprintf("The Graph API answers at %s, %s.", e.Config.Graph.Endpoint, via)})
		e.clock(res, "Meta's")
		if res.Warning != "" {
			e.say(Finding{
				Check: "version", Code: "version_warning", Level: Warn, Text: "Meta says of graph.version: " + res.Warning + ".",
				Fix: "Set graph.version to a newer one.", Who: You,
			})
		}
		return true
	}
	e.say(unreached(res, e.Config.Graph.Endpoint, via))
	return false
}

func unreached(res graph.Result, endpoint, via string) Finding {
	f := advised(Finding{Check: "network", Level: Fail}, advice.For(res))
	f.Text = fmt.Sprintf("%s Asked: %s, %s. Seen: %s.", f.Text, endpoint, via, res.Message)
	return f
}

// way says by which way requests go; false: there is none.
func (e *exam) way() (string, bool) {
	via, err := e.proxy()
	if err != nil {
		e.say(Finding{
			Check: "network", Code: "proxy_invalid", Level: Fail, Text: "The proxy of the environment is not a URL.",
			Fix: "Correct HTTPS_PROXY, or set graph.proxy.", Who: You,
		})
	}
	return via, err == nil
}

func (e *exam) proxy() (string, error) {
	switch p := e.Config.Graph.Proxy; p {
	case "none":
		return "directly", nil
	case "":
		req, err := http.NewRequest(http.MethodGet, cmp.Or(e.Config.Forward.URL, e.Config.Graph.Endpoint), nil) //nolint:noctx // never sent
		if err != nil {
			return "", err
		}
		host, err := e.proxyOf(req)
		if err != nil {
			return "", err
		}
		if host == "" {
			return "directly", nil
		}
		return "through the proxy " + host + " (from the environment)", nil
	default:
		u, err := url.Parse(p)
		if err != nil {
			return "", err
		}
		return "through the proxy " + u.Host, nil
	}
}

func environmentProxy(r *http.Request) (string, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil || u == nil {
		return "", err
	}
	return u.Host, nil
}

// clock compares this machine's clock with that of whom the answer is from.
func (e *exam) clock(res graph.Result, whose string) {
	skew, ok := res.Skew(e.Now(), 0)
	if !ok {
		e.say(Finding{Check: "clock", Code: "no_date", Level: Note, Text: "The answer carried no date, so the clock cannot be compared."})
		return
	}
	ahead := "ahead of"
	if skew < 0 {
		ahead = "behind"
	}
	words := fmt.Sprintf("This machine's clock is %s %s %s.", skew.Abs().Round(time.Second), ahead, whose)
	fix := "Set the clock and keep it right (timedatectl set-ntp true; on Windows: w32tm /resync). Events without a time of their own are dated by it."
	switch {
	case skew.Abs() > skewBad:
		e.say(Finding{Check: "clock", Code: "clock_wrong", Level: Fail, Text: words, Fix: fix, Who: You})
	case skew.Abs() > skewOdd:
		e.say(Finding{Check: "clock", Code: "clock_off", Level: Warn, Text: words, Fix: fix, Who: You})
	default:
		e.say(Finding{Check: "clock", Code: "clock", Level: OK, Text: "This machine's clock agrees with " + whose + "."})
	}
}
