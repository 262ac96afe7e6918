package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"relay/relay/internal/sandbox"
)

// Notes for match quality are counted by code, never with values: those of what
// is delivered, and names that are nearly mapped, which no lane ever sees.
func TestNotesAreCounted(t *testing.T) {
	_, addr := startSandbox(t, sandbox.Options{})
	p := newHome(t, testConfig(addr, ""), "version: 1\nevents: { Order Completed: \"701000000000001\" }\n").start(t)
	for _, body := range []string{
		`{"event":"order completed","userId":"u","messageId":"m-1"}`,
		`{"event":"Till Opened","userId":"u","messageId":"m-2"}`,
		`{"event":"Order Completed","userId":"u","messageId":"m-3","properties":{"revenue":5,"currency":"USD","note":"jane@example.com"},"context":{"traits":{"phone":"650-555-1212","address":{"country":"Atlantis"}}}}`,
	} {
		if status, answer := post(t, p.url+"/v1/track", body); status != http.StatusOK {
			t.Fatal(status, answer)
		}
	}
	metrics := func() string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.admin+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	eventually(t, "every note is counted", func() bool {
		m := metrics()
		for _, code := range []string{"near_miss_event", "property_personal", "phone_no_country", "country_unknown"} {
			if !strings.Contains(m, `relay_event_notes_total{code="`+code+`"} 1`) {
				return false
			}
		}
		return true
	})
	if m := metrics(); strings.Contains(m, "jane") || strings.Contains(m, "Atlantis") || strings.Contains(m, "5551212") {
		t.Error("a metric shows a customer's data")
	}
	p.stop(t)
}
