package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"relay/mapper"
	"relay/relay/internal/api"
	"relay/relay/internal/sandbox"
)

// Match keys are counted once for each conversion that Meta has accepted: not
// again for one that was tried before, and not for what is skipped or held.
func TestMatchKeysAreCountedOnce(t *testing.T) {
	sb, addr := startSandbox(t, sandbox.Options{})
	if err := sb.Update(func(s *sandbox.Settings) { s.Mode, s.Requests = sandbox.Fail, 3 }); err != nil {
		t.Fatal(err)
	}
	p := newHome(t, testConfig(addr, ""), testMapping).start(t)
	send := func(body string) {
		t.Helper()
		if status, answer := post(t, p.url+"/v1/track", body); status != http.StatusOK {
			t.Fatal(status, answer)
		}
	}
	for i := range 6 {
		send(order(fmt.Sprint("k-", i)))
	}
	send(strings.Replace(order("opted-out"), `"type"`, `"integrations":{"All":false},"type"`, 1))
	send(strings.Replace(order("held"), `"revenue":39.95`, `"revenue":"free"`, 1))
	eventually(t, "six are delivered", func() bool { return p.status(t).Totals.Delivered == 6 })
	for _, c := range p.status(t).Coverage {
		want := api.Coverage{Key: c.Key, Missing: 6}
		if c.Key == "email" || c.Key == "external_id" {
			want = api.Coverage{Key: c.Key, Sent: 6}
		}
		if c != want {
			t.Errorf("match key %+v, want %+v", c, want)
		}
	}
	if n := len(p.status(t).Coverage); n != len(mapper.KeyNames()) {
		t.Errorf("%d match keys", n)
	}
	p.stop(t)
}

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
	for _, c := range p.status(t).Coverage {
		want := api.Coverage{Key: c.Key, Missing: 1}
		switch c.Key {
		case "external_id":
			want = api.Coverage{Key: c.Key, Sent: 1}
		case "phone", "country":
			want = api.Coverage{Key: c.Key, Unusable: 1}
		}
		if c != want {
			t.Errorf("match key %+v, want %+v", c, want)
		}
	}
	if m := metrics(); strings.Contains(m, "jane") || strings.Contains(m, "Atlantis") || strings.Contains(m, "5551212") {
		t.Error("a metric shows a customer's data")
	}
	p.stop(t)
}
