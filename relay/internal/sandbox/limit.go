package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// window counts calls, for max_calls.
type window struct {
	from    time.Time
	calls   int
	blocked time.Time // until
}

// limit counts a call, and answers it if it exceeds the limit. Calls made
// while limited extend the block (docs/meta.md 7).
func (q *request) limit(now time.Time) bool {
	if q.set.MaxCalls == 0 {
		return true
	}
	s := q.s
	size := time.Duration(cmp.Or(q.set.WindowMS, 3_600_000)) * time.Millisecond
	s.mu.Lock()
	w := &s.window
	switch {
	case now.Before(w.blocked):
		s.calls.stats.CallsWhileBlocked++
		w.blocked = now.Add(size)
	default:
		if now.Sub(w.from) >= size {
			w.from, w.calls = now, 0
		}
		if w.calls++; w.calls > q.set.MaxCalls {
			w.blocked = now.Add(size)
			w.from, w.calls = w.blocked, 0
		}
	}
	left := w.blocked.Sub(now)
	s.mu.Unlock()
	if left <= 0 {
		return true
	}
	q.throttled(left)
	return false
}

// throttled answers with a limit's code: by third-party reports status 400,
// not 429, and the type of a token error (docs/meta.md 6.4, 9.8).
func (q *request) throttled(left time.Duration) {
	code := cmp.Or(q.mode.Code, 80004)
	sub := q.mode.Subcode
	if sub == 0 && code == 80004 {
		sub = 2446079
	}
	q.served = q.asked
	q.setUsage(100, left)
	q.s.mu.Lock()
	q.s.calls.stats.Throttled++
	q.s.mu.Unlock()
	q.refuse(fault{status: cmp.Or(q.mode.Status, 400), code: code, subcode: sub, transient: code == 4})
}

// usageHeaders sets the usage headers if there is usage to report.
func (q *request) usageHeaders() {
	if q.w.Header().Get("X-Business-Use-Case-Usage")+q.w.Header().Get("X-Ad-Account-Usage")+q.w.Header().Get("X-App-Usage") != "" {
		return
	}
	percent := q.set.UsagePercent
	if q.set.MaxCalls > 0 {
		q.s.mu.Lock()
		percent = max(percent, 100*float64(q.s.window.calls)/float64(q.set.MaxCalls))
		q.s.mu.Unlock()
	}
	if percent > 0 {
		q.setUsage(percent, 0)
	}
}

// setUsage writes the headers of docs/meta.md 7, minutes in one and
// seconds in the other.
func (q *request) setUsage(percent float64, left time.Duration) {
	whole := int(math.Ceil(percent))
	set := func(name string, v any) {
		b, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("encode %s: %v", name, err)) // our own types
		}
		q.w.Header().Set(name, string(b))
	}
	kind := cmp.Or(q.set.UsageHeader, "business")
	if kind == "business" || kind == "all" {
		set("X-Business-Use-Case-Usage", map[string]any{cmp.Or(q.id, "0"): []any{map[string]any{
			"type": "ads_management", "call_count": whole, "total_cputime": whole / 3, "total_time": whole / 2,
			"estimated_time_to_regain_access": int(math.Ceil(left.Minutes())), "ads_api_access_tier": "standard_access",
		}}})
	}
	if kind == "account" || kind == "all" {
		set("X-Ad-Account-Usage", map[string]any{
			"acc_id_util_pct": percent, "reset_time_duration": int(math.Ceil(left.Seconds())), "ads_api_access_tier": "standard_access",
		})
	}
	if kind == "app" || kind == "all" {
		set("X-App-Usage", map[string]any{"call_count": whole, "total_time": whole / 2, "total_cputime": whole / 3})
	}
}
