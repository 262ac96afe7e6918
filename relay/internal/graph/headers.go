package graph

import (
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bounds of RetryAfter. Meta's windows are hours (docs/meta.md 7); what is
// beyond a day is a mistake of somebody's clock or unit and counts as ten minutes,
// after which a paused event set is probed, too.
const (
	maxRetryAfter    = 24 * time.Hour
	absurdRetryAfter = 10 * time.Minute
)

// fromHeaders reads what the headers say about limits, time and versions.
func (a *answer) fromHeaders(r *Result) {
	if t, err := http.ParseTime(a.header.Get("Date")); err == nil && t.Year() >= 2020 && t.Year() < 2100 {
		r.ServerTime = t
	}
	throttled := r.Class == Throttle
	u := usage{throttled: throttled}
	u.app(a.header.Values("X-App-Usage"))
	u.account(a.header.Values("X-Ad-Account-Usage"))
	u.business(a.header.Values("X-Business-Use-Case-Usage"))
	r.Usage = u.percent
	// Meta does not send Retry-After (docs/meta.md 7); proxies do.
	now := a.now
	if !r.ServerTime.IsZero() {
		now = r.ServerTime // the clock the date was made with
	}
	if r.Class != Delivered && r.Class != Duplicate {
		u.wait = max(u.wait, retryAfter(a.header.Get("Retry-After"), now))
	}
	r.RetryAfter = u.wait
	a.versions(r)
}

// usage gathers the highest percentage and the longest wait of all headers.
type usage struct {
	throttled bool
	percent   float64
	wait      time.Duration
}

func (u *usage) seen(percent float64) {
	if percent > u.percent && percent <= 1e6 {
		u.percent = percent
	}
}

// app reads X-App-Usage: percent of the hourly allowance.
func (u *usage) app(values []string) {
	for _, v := range values {
		var h struct{ CallCount, TotalTime, TotalCPUTime pct }
		if into(v, map[string]*pct{"call_count": &h.CallCount, "total_time": &h.TotalTime, "total_cputime": &h.TotalCPUTime}) {
			u.seen(max(float64(h.CallCount), float64(h.TotalTime), float64(h.TotalCPUTime)))
		}
	}
}

// account reads X-Ad-Account-Usage. reset_time_duration, in seconds, is sent
// with every answer; it is a wait only for who has used everything up.
func (u *usage) account(values []string) {
	for _, v := range values {
		var used, reset pct
		if !into(v, map[string]*pct{"acc_id_util_pct": &used, "reset_time_duration": &reset}) {
			continue
		}
		u.seen(float64(used))
		if u.throttled || used >= 100 {
			u.wait = max(u.wait, bounded(float64(reset), time.Second))
		}
	}
}

// business reads X-Business-Use-Case-Usage: lists by id. No type is
// documented for /events, so all count. estimated_time_to_regain_access, in
// minutes, is above 0 only for who is blocked.
func (u *usage) business(values []string) {
	for _, v := range values {
		var ids map[string]json.RawMessage
		if json.Unmarshal([]byte(v), &ids) != nil {
			continue
		}
		for _, raw := range ids {
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) != nil {
				list = []json.RawMessage{raw}
			}
			for _, e := range list {
				var calls, cpu, total, regain pct
				if into(string(e), map[string]*pct{
					"call_count": &calls, "total_cputime": &cpu, "total_time": &total,
					"estimated_time_to_regain_access": &regain,
				}) {
					u.seen(max(float64(calls), float64(cpu), float64(total)))
					u.wait = max(u.wait, bounded(float64(regain), time.Minute))
				}
			}
		}
	}
}

// into reads the named members of a JSON object; false: it is none.
func into(s string, fields map[string]*pct) bool {
	var o map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &o) != nil {
		return false
	}
	for name, p := range fields {
		p.set(o[name])
	}
	return true
}

// pct is a number that may be written as text; unreadable or negative: 0.
type pct float64

func (p *pct) set(raw json.RawMessage) {
	f, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(string(raw)), `"% `), 64)
	if err == nil && f > 0 && !math.IsInf(f, 0) {
		*p = pct(f)
	}
}

// bounded is n units, at least 0, and ten minutes where it is beyond belief.
func bounded(n float64, unit time.Duration) time.Duration {
	switch {
	case !(n > 0):
		return 0
	case n > float64(maxRetryAfter/unit):
		return absurdRetryAfter
	}
	return time.Duration(n * float64(unit))
}

// retryAfter reads Retry-After: seconds or an HTTP date; past: 0.
func retryAfter(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return bounded(n, time.Second)
	}
	t, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return bounded(t.Sub(now).Seconds(), time.Second)
}

var versionParts = regexp.MustCompile(`^v(\d{1,3})\.(\d{1,2})$`)

// versions warns when the version in the URL is no longer the one that
// answered: an expired version is served by another without an error (docs/meta.md
// 1.4). An answer by an older version is a simulator's.
func (a *answer) versions(r *Result) {
	warn := a.clean.text(a.header.Get("X-Ad-Api-Version-Warning"))
	if served := a.header.Get("Facebook-Api-Version"); warn == "" && newer(served, a.version) {
		warn = "version " + a.version + " has expired, Meta answered as " + served + "; set graph.version"
	}
	if warn != "" {
		if r.Warning != "" {
			warn += " · " + r.Warning
		}
		r.Warning = warn
	}
}

func newer(a, b string) bool {
	x, y := versionParts.FindStringSubmatch(a), versionParts.FindStringSubmatch(b)
	if x == nil || y == nil {
		return false
	}
	for i := 1; i < 3; i++ {
		m, _ := strconv.Atoi(x[i]) // digits by the expression
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m > n
		}
	}
	return false
}
