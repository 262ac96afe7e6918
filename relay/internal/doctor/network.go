package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"relay/relay/internal/graph"
)

// Bounds of the clock check: above the first, events dated by this machine are
// odd; above the second, Meta refuses signatures (facts: meta-wire 1.3).
const (
	skewOdd = time.Minute
	skewBad = 5 * time.Minute
)

// network goes to the Graph API without a token, and says whether it answered.
func (e *exam) network(ctx context.Context) bool {
	e.version()
	via, err := e.proxy()
	if err != nil {
		e.say(Finding{
			Check: "network", Code: "proxy_invalid", Level: Fail, Text: "The proxy of the environment is not a URL.",
			Fix: "Correct HTTPS_PROXY, or set graph.proxy.", Who: You,
		})
		return false
	}
	res := e.Client.Reach(ctx)
	if res.Class == graph.Delivered {
		e.say(Finding{Check: "network", Code: "reached", Level: OK, Text: fmt.Sprintf("The Graph API answers at %s, %s.", e.Config.Graph.Endpoint, via)})
		e.clock(res)
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
	m := res.Message
	f := Finding{
		Check: "network", Code: "unreachable", Level: Fail, Who: Network,
		Text: fmt.Sprintf("The Graph API cannot be reached at %s, %s: %s.", endpoint, via, m),
		Fix:  "Check the internet connection, and that the firewall lets this machine open connections to port 443 of graph.facebook.com. Events are kept meanwhile.",
	}
	switch {
	case strings.Contains(m, "proxy"), res.HTTPStatus == http.StatusProxyAuthRequired:
		f.Code = "proxy"
		f.Fix = "Check graph.proxy (or HTTPS_PROXY): host, port, and user and password if the proxy asks for them (http://user:password@host:port)."
	case strings.Contains(m, "certificate"), strings.Contains(m, "TLS"), strings.Contains(m, "x509"):
		f.Code = "tls"
		f.Text = fmt.Sprintf("The connection to %s, %s, is not to be trusted: %s.", endpoint, via, m)
		f.Fix = "If a firewall here opens encrypted traffic, put its certificate (PEM) into graph.ca_file. Else install the system's certificates (ca-certificates) and check the clock."
	case strings.Contains(m, "address of"):
		f.Code = "dns"
		f.Fix = "Check the name server of this machine; with a proxy set graph.proxy, which then looks names up."
	case res.HTTPStatus != 0:
		f.Code = "foreign_answer"
		f.Text = fmt.Sprintf("Something other than Meta answers at %s, %s: %s.", endpoint, via, m)
		f.Fix = "A log-in page, a proxy or a firewall stands between: let graph.facebook.com through. Check graph.endpoint if you changed it."
		if res.HTTPStatus >= 500 {
			f.Fix = "If it lasts, look at https://metastatus.com; a proxy in between may also be in trouble."
		}
	}
	return f
}

// proxy says by which way requests go.
func (e *exam) proxy() (string, error) {
	switch p := e.Config.Graph.Proxy; p {
	case "none":
		return "directly", nil
	case "":
		req, err := http.NewRequest(http.MethodGet, e.Config.Graph.Endpoint, nil) //nolint:noctx // never sent
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

// clock compares this machine's clock with Meta's.
func (e *exam) clock(res graph.Result) {
	skew, ok := res.Skew(e.Now(), 0)
	if !ok {
		e.say(Finding{Check: "clock", Code: "no_date", Level: Note, Text: "The answer brought no date: the clock cannot be compared."})
		return
	}
	ahead := "ahead of"
	if skew < 0 {
		ahead = "behind"
	}
	words := fmt.Sprintf("This machine's clock is %s %s Meta's.", skew.Abs().Round(time.Second), ahead)
	fix := "Set the clock and keep it right (timedatectl set-ntp true; on Windows: w32tm /resync). Events without a time of their own are dated by it."
	switch {
	case skew.Abs() > skewBad:
		e.say(Finding{Check: "clock", Code: "clock_wrong", Level: Fail, Text: words, Fix: fix, Who: You})
	case skew.Abs() > skewOdd:
		e.say(Finding{Check: "clock", Code: "clock_off", Level: Warn, Text: words, Fix: fix, Who: You})
	default:
		e.say(Finding{Check: "clock", Code: "clock", Level: OK, Text: "This machine's clock agrees with Meta's."})
	}
}
