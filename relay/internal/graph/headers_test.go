package graph

import (
	"net/http"
	"testing"
	"time"
)

// What no clock or unit of Meta's would say costs an event set ten minutes, as
// long as a paused one waits for its probe; what is plausible is kept to.
func TestImplausibleWaits(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	regain := func(n string) http.Header {
		return http.Header{"X-Business-Use-Case-Usage": {`{"1":[{"call_count":100,"estimated_time_to_regain_access":` + n + `}]}`}}
	}
	after := func(s string) http.Header { return http.Header{"Retry-After": {s}} }
	for name, tt := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"seconds":            {after("90"), 90 * time.Second},
		"seconds for ever":   {after("99999999999"), 10 * time.Minute},
		"seconds of 1e18":    {after("1e18"), 10 * time.Minute},
		"no number":          {after("NaN"), 0},
		"below zero":         {after("-5"), 0},
		"minutes":            {regain("55"), 55 * time.Minute},
		"minutes for ever":   {regain("1e18"), 10 * time.Minute},
		"minutes below zero": {regain("-3"), 0},
		"minutes, no number": {regain(`"NaN"`), 0},
		"a day":              {after("86400"), 24 * time.Hour},
		"over a day":         {after("86401"), 10 * time.Minute},
		"infinite":           {after("Inf"), 10 * time.Minute},
	} {
		a := answer{status: http.StatusTooManyRequests, body: []byte(`{"error":{"message":"m","code":4}}`), sent: 1, version: "v26.0", now: now, header: tt.header}
		if r := a.result(); r.RetryAfter != tt.want {
			t.Errorf("%s: %s, want %s", name, r.RetryAfter, tt.want)
		}
	}
}

// Percentages that nothing could be used to are no news; what is plausible is taken.
func TestImplausibleUsage(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]float64{
		"97": 97, `"97 %"`: 97, "100": 100, "250": 250, "1e18": 0, "-40": 0, "-1e18": 0, `"NaN"`: 0, "NaN": 0, `"Inf"`: 0, "1e400": 0, "null": 0, "{}": 0,
	} {
		for _, header := range []http.Header{
			{"X-App-Usage": {`{"call_count":` + value + `}`}},
			{"X-Ad-Account-Usage": {`{"acc_id_util_pct":` + value + `}`}},
			{"X-Business-Use-Case-Usage": {`{"1":[{"call_count":` + value + `}]}`}},
		} {
			a := answer{status: http.StatusOK, body: []byte(`{"events_received":1,"fbtrace_id":"A"}`), sent: 1, version: "v26.0", now: now, header: header}
			if r := a.result(); r.Usage != want || r.RetryAfter != 0 || r.Class != Delivered {
				t.Errorf("%v: %v %%, wait %s, want %v %%", header, r.Usage, r.RetryAfter, want)
			}
		}
	}
}
