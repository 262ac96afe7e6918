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
	} {
		a := answer{status: http.StatusTooManyRequests, body: []byte(`{"error":{"message":"m","code":4}}`), sent: 1, version: "v26.0", now: now, header: tt.header}
		if r := a.result(); r.RetryAfter != tt.want {
			t.Errorf("%s: %s, want %s", name, r.RetryAfter, tt.want)
		}
	}
}
