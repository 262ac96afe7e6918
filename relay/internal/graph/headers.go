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

// Limits of RetryAfter. Meta's rate limit windows last hours (docs/meta.md 7). A
// wait of more than a day is a mistake in a clock or a unit; it is replaced by ten
// minutes, the interval at which a paused event set is probed too.
const (
	maxRetryAfter         = 24 * time.Hour
	implausibleRetryAfter = 10 * time.Minute
)

// fromHeaders sets the fields of r that come from headers: rate limits, time and
// version warnings.
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
		now = r.ServerTime // an HTTP date in Retry-After uses this clock
	}
	if r.Class != Delivered && r.Class != Duplicate {
		u.wait = max(u.wait, retryAfter(a.header.Get("Retry-After"), now))
	}
	r.RetryAfter = u.wait
	a.warnVersion(r)
}

// usage collects the highest percentage and the longest wait of all headers.
type usage struct {
	throttled bool
	percent   float64
	wait      time.Duration
}

func (u *usage) raise(percent float64) {
	if percent > u.percent && percent <= 1e6 {
		u.percent = percent
	}
}

// app reads X-App-Usage: percentages of the hourly allowance.
func (u *usage) app(values []string) {
	for _, v := range values {
		var h struct{ CallCount, TotalTime, TotalCPUTime pct }
		if readNumbers(v, map[string]*pct{"call_count": &h.CallCount, "total_time": &h.TotalTime, "total_cputime": &h.TotalCPUTime}) {
			u.raise(max(float64(h.CallCount), float64(h.TotalTime), float64(h.TotalCPUTime)))
		}
	}
}

// account reads X-Ad-Account-Usage. Every answer has reset_time_duration, in
// seconds; it means a wait only once the allowance is used up.
func (u *usage) account(values []string) {
	for _, v := range values {
		var used, reset pct
		if !readNumbers(v, map[string]*pct{"acc_id_util_pct": &used, "reset_time_duration": &reset}) {
			continue
		}
		u.raise(float64(used))
		if u.throttled || used >= 100 {
			u.wait = max(u.wait, plausible(float64(reset), time.Second))
		}
	}
}

// business reads X-Business-Use-Case-Usage: lists by id. Meta documents no type
// for /events, so every type counts. estimated_time_to_regain_access, in minutes,
// is above 0 only while the caller is blocked.
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
				if readNumbers(string(e), map[string]*pct{
					"call_count": &calls, "total_cputime": &cpu, "total_time": &total,
					"estimated_time_to_regain_access": &regain,
				}) {
					u.raise(max(float64(calls), float64(cpu), float64(total)))
					u.wait = max(u.wait, plausible(float64(regain), time.Minute))
				}
			}
		}
	}
}

// readNumbers reads the named members of a JSON object; false: s is not one.
func readNumbers(s string, fields map[string]*pct) bool {
	var o map[string]json.RawMessage
	if json.Unmarshal([]byte(s), &o) != nil {
		return false
	}
	for name, p := range fields {
		p.set(o[name])
	}
	return true
}

// pct is a number, or a text that contains one. If it is unreadable or negative
// it is 0.
type pct float64

func (p *pct) set(raw json.RawMessage) {
	f, err := strconv.ParseFloat(strings.Trim(strings.TrimSpace(string(raw)), `"% `), 64)
	if err == nil && f > 0 && !math.IsInf(f, 0) {
		*p = pct(f)
	}
}

// plausible returns n units as a duration: 0 if n is negative, and
// implausibleRetryAfter above maxRetryAfter.
func plausible(n float64, unit time.Duration) time.Duration {
	switch {
	case !(n > 0):
		return 0
	case n > float64(maxRetryAfter/unit):
		return implausibleRetryAfter
	}
	return time.Duration(n * float64(unit))
}

// retryAfter reads Retry-After: seconds or an HTTP date. A past date gives 0.
func retryAfter(s string, now time.Time) time.Duration {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return plausible(n, time.Second)
	}
	t, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return plausible(t.Sub(now).Seconds(), time.Second)
}

var versionParts = regexp.MustCompile(`^v(\d{1,3})\.(\d{1,2})$`)

// warnVersion sets a warning if Meta sent one, or if a newer version answered than
// the one in the URL: Meta serves an expired version with a newer one, without an
// error (docs/meta.md 1.4). Only a simulator answers with an older version.
func (a *answer) warnVersion(r *Result) {
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
		m, _ := strconv.Atoi(x[i]) // versionParts matched digits
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m > n
		}
	}
	return false
}
