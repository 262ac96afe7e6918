package graph

import (
	"net/http"
	"testing"
	"time"
)

// A wait that is too long to be true becomes ten minutes; a plausible one is used
// as it is.
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
		"seconds":          {after("90"), 90 * time.Second},
		"too many seconds": {after("99999999999"), 10 * time.Minute},
		"seconds of 1e18":  {after("1e18"), 10 * time.Minute},
		"not a number":     {after("NaN"), 0},
		"negative seconds": {after("-5"), 0},
		"minutes":          {regain("55"), 55 * time.Minute},
		"too many minutes": {regain("1e18"), 10 * time.Minute},
		"negative minutes": {regain("-3"), 0},
		"minutes, NaN":     {regain(`"NaN"`), 0},
		"a day":            {after("86400"), 24 * time.Hour},
		"more than a day":  {after("86401"), 10 * time.Minute},
		"infinite":         {after("Inf"), 10 * time.Minute},
	} {
		a := answer{status: http.StatusTooManyRequests, body: []byte(`{"error":{"message":"m","code":4}}`), sent: 1, version: "v26.0", now: now, header: tt.header}
		if r := a.result(); r.RetryAfter != tt.want {
			t.Errorf("%s: RetryAfter is %s, want %s", name, r.RetryAfter, tt.want)
		}
	}
}

// Implausible percentages are ignored.
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
				t.Errorf("%v: usage %v %%, wait %s, class %s; want %v %%, no wait, delivered", header, r.Usage, r.RetryAfter, r.Class, want)
			}
		}
	}
}
