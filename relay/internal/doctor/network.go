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

// Limits of the clock check. Above the first, times set by this machine are noticeably
// wrong; above the second, Meta refuses signatures (docs/meta.md 1.3).
const (
	skewOdd = time.Minute
	skewBad = 5 * time.Minute
)

// network calls the Graph API without a token and reports whether it answered.
func (e *exam) network(ctx context.Context) bool {
	e.version()
	e.table()
	via, ok := e.route()
	if !ok {
		return false
	}
	res := e.Client.Reach(ctx)
	if res.Class == graph.Delivered {
		e.report(Finding{Check: "network", Code: "reached", Level: OK, Text: fmt.Sprintf("The Graph API answers at %s, %s.", e.Config.Graph.Endpoint, via)})
		e.clock(res, "Meta's")
		if res.Warning != "" {
			e.report(Finding{
				Check: "version", Code: "version_warning", Level: Warn, Text: "Meta warns about graph.version: " + res.Warning + ".",
				Fix: "Set graph.version to a newer version.", Who: You,
			})
		}
		return true
	}
	e.report(unreached(res, e.Config.Graph.Endpoint, via))
	return false
}

func unreached(res graph.Result, endpoint, via string) Finding {
	f := advised(Finding{Check: "network", Level: Fail}, advice.For(res))
	f.Text = fmt.Sprintf("%s Called: %s, %s. Result: %s.", f.Text, endpoint, via, res.Message)
	return f
}

// route returns how requests leave: directly or through a proxy. It returns false if the
// proxy is invalid.
func (e *exam) route() (string, bool) {
	via, err := e.proxy()
	if err != nil {
		e.report(Finding{
			Check: "network", Code: "proxy_invalid", Level: Fail, Text: "The proxy in the environment is not a valid URL.",
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

// clock compares this machine's clock with the sender's of an answer, which whose names.
func (e *exam) clock(res graph.Result, whose string) {
	skew, ok := res.Skew(e.Now(), 0)
	if !ok {
		e.report(Finding{Check: "clock", Code: "no_date", Level: Note, Text: "The answer had no date, so the clock cannot be checked."})
		return
	}
	ahead := "ahead of"
	if skew < 0 {
		ahead = "behind"
	}
	words := fmt.Sprintf("This machine's clock is %s %s %s.", skew.Abs().Round(time.Second), ahead, whose)
	fix := "Correct the clock and synchronise it (timedatectl set-ntp true; on Windows: w32tm /resync). relay uses it for events without a time."
	switch {
	case skew.Abs() > skewBad:
		e.report(Finding{Check: "clock", Code: "clock_wrong", Level: Fail, Text: words, Fix: fix, Who: You})
	case skew.Abs() > skewOdd:
		e.report(Finding{Check: "clock", Code: "clock_off", Level: Warn, Text: words, Fix: fix, Who: You})
	default:
		e.report(Finding{Check: "clock", Code: "clock", Level: OK, Text: "This machine's clock agrees with " + whose + "."})
	}
}
