package admin

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"relay/relay/internal/api"
)

// FuzzBodies gives anything as the body of a call: it costs memory in proportion
// to its size, and to no more than the limit of a body.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"ids":["d1"],"reason":"expired"}`, `{"names":["ada@example.com"]}`, strings.Repeat(`{"ids":`, 3000), strings.Repeat("[", 20000), `{"ids":[` + strings.Repeat(`"a",`, 5000) + `"a"]}`,
		`{"from":"1","to":"2"}{}`, "", "null", `{"limit":1e400}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, into := range []any{&api.DeadFilter{}, &struct{ IDs, Emails, Names []string }{}} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_ = readJSON(httptest.NewRecorder(), r, into)
			runtime.ReadMemStats(&after)
			if cost := int64(after.TotalAlloc - before.TotalAlloc); cost > 1<<20+100*int64(len(body)) {
				t.Errorf("%d bytes in the heap for a body of %d", cost, len(body))
			}
		}
	})
}
