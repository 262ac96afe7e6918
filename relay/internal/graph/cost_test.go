package graph

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// FuzzAnswer: any answer is classified without a panic, with memory in proportion
// to its size, and the result is bounded.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"events_received":2,"messages":[],"fbtrace_id":"A"}`,
		`{"error":{"message":"(#100) Param data[1][event_time] is bad","type":"OAuthException","code":100,"error_subcode":2804003,"error_data":"{\"blame_field_specs\":[[\"data[1]\"]]}","fbtrace_id":"A"}}`,
		`{"error":{"message":"` + strings.Repeat("data[0] ", 3000) + `","code":100}}`, strings.Repeat(`{"error":`, 3000), strings.Repeat(`[`, 20000),
		`{"error":{"error_user_msg":"` + strings.Repeat("a@example.com ", 1000) + `","code":190}}`, "<html>" + strings.Repeat("<b>", 2000),
		`{"error":{"code":100,"error_data":{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}}}`,
	} {
		f.Add(200, s, `{"1":[{"call_count":100}]}`)
		f.Add(400, s, strings.Repeat("{", 2000))
		f.Add(502, s, "")
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, body, usage string) {
		a := answer{
			status: status, body: []byte(body), sent: 5, version: "v26.0", now: now,
			header: http.Header{"X-Business-Use-Case-Usage": {usage}, "X-App-Usage": {usage}, "Retry-After": {usage}, "Date": {usage}},
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := a.result()
		runtime.ReadMemStats(&after)
		size := int64(len(body) + 4*len(usage))
		if cost := int64(after.TotalAlloc - before.TotalAlloc); cost > 4<<20+500*size {
			t.Errorf("an answer of %d bytes allocated %d bytes", size, cost)
		}
		if len(r.Bad) > 1000 || len(r.Message) > 4096 {
			t.Errorf("%d bad events, a message of %d bytes", len(r.Bad), len(r.Message))
		}
	})
}
