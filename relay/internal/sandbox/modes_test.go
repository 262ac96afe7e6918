package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Every mode: what is answered, and whether the event was taken.
func TestModes(t *testing.T) {
	type want struct {
		status int // 0: no answer
		code   string
		taken  bool
		body   string // part of it
	}
	wants := map[string]want{
		OK: {200, "", true, `"events_received":1`}, Down: {}, Cut: {}, CutAfter: {taken: true}, CutAnswer: {taken: true},
		Fail: {500, "2", false, `"is_transient":true`}, HTML: {502, "", false, "<html>"}, HTMLOK: {200, "", false, "Wi-Fi"},
		Empty: {200, "", false, ""}, Garbage: {200, "", false, `{"events_received":`}, Redirect: {302, "", false, ""},
		Throttled: {400, "80004/2446079", false, "OAuthException"}, TooMany: {429, "", false, "<html>"},
		TokenDead: {400, "190/463", false, "OAuthException"}, Permission: {403, "200", false, ""}, Missing: {400, "100/33", false, "GraphMethodException"},
		RefuseAll: {400, "100/2804050", false, ""}, Miscount: {200, "", true, `"events_received":0`}, Quiet: {200, "", true, "fbtrace_id"},
		OldStyle: {200, "", true, ""}, Suppressed: {200, "", true, ""}, Duplicate: {400, "100/2044011", false, ""},
		Malformed: {400, "", false, `"code":"100"`}, Gzipped: {200, "", true, `"events_received":1`}, Proxy407: {407, "", false, ""},
		TooLarge: {413, "", false, ""}, SlowAnswer: {200, "", true, `"events_received":1`},
	}
	for _, mode := range modes {
		if mode == Hang || mode == HangAfter {
			continue // TestHang
		}
		t.Run(mode, func(t *testing.T) {
			w, ok := wants[mode]
			if !ok {
				t.Fatal("the test does not know this mode")
			}
			s, base := start(t, Options{})
			if err := s.SetMode(mode); err != nil {
				t.Fatal(err)
			}
			r, err := tryPost(t, base+conversions, wrap(good()))
			if (err != nil) != (w.status == 0) {
				t.Fatalf("error %v, answer %d %s", err, r.status, r.body)
			}
			if mode == Malformed {
				r.json = nil
			}
			if r.status != w.status || r.code() != w.code || !strings.Contains(r.body, w.body) {
				t.Errorf("%d %s", r.status, r.body)
			}
			if taken := s.Stats().Events == 1; taken != w.taken {
				t.Errorf("taken: %v", taken)
			}
			calls := s.Calls(0, 0)
			if len(calls) != 1 || calls[0].Accepted != w.taken || (mode != CutAnswer && calls[0].Status != w.status) {
				t.Errorf("record %+v", calls)
			}
		})
	}
}

// A request that hangs is let go when the settings change, without an answer.
func TestHang(t *testing.T) {
	for mode, taken := range map[string]bool{Hang: false, HangAfter: true} {
		s, base := start(t, Options{})
		if err := s.SetMode(mode); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := tryPost(t, base+conversions, wrap(good()))
			done <- err
		}()
		waitFor(t, func() bool { c := s.Calls(0, 0); return len(c) == 1 && c[0].Bytes > 0 && c[0].Accepted == taken })
		select {
		case err := <-done:
			t.Errorf("%s: answered: %v", mode, err)
		default:
		}
		if err := s.SetMode(OK); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err == nil {
			t.Errorf("%s: an answer came", mode)
		}
		if got := s.Stats().Events == 1; got != taken {
			t.Errorf("%s: taken %v", mode, got)
		}
	}
}

// A client that leaves ends a hanging request (goleak sees if not).
func TestHangEndsWithTheClient(t *testing.T) {
	s, base := start(t, Options{Settings: Settings{Behaviour: Behaviour{Mode: Hang}}})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, base+conversions, strings.NewReader(wrap(good())))
	done := make(chan error, 1)
	go func() {
		tr := &http.Transport{DisableKeepAlives: true}
		resp, err := tr.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	waitFor(t, func() bool { c := s.Calls(0, 0); return len(c) == 1 && c[0].Bytes > 0 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	waitFor(t, func() bool { return s.Stats().ConnectionsCut == 1 })
}

// waitFor polls, since what is waited for happens in the server.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("it never came")
		}
	}
}

func TestModeForSomeRequestsAndSets(t *testing.T) {
	s, base := start(t, Options{})
	const other = "/v26.0/702/events"
	set := func(json string) {
		t.Helper()
		if r := post(t, base+"/sandbox/mode", json); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	codes := func(path string, n int) (out []string) {
		for range n {
			out = append(out, post(t, base+path, wrap(good())).code())
		}
		return out
	}
	set(`{"mode":"throttle","code":4,"requests":2}`)
	if got := strings.Join(codes(conversions, 3), ","); got != "4,4," {
		t.Errorf("two throttled, then ok: %q", got)
	}
	set(`{"sets":{"702":{"mode":"token","requests":1}}}`)
	if got := strings.Join(append(codes(conversions, 1), codes(other, 2)...), ","); got != ",190/463," {
		t.Errorf("one set for one request: %q", got)
	}
	set(`{"sets":{"702":{"mode":"permission"}}}`)
	set(`{"latency_ms":1}`) // leaves the rest
	if got := strings.Join(codes(other, 2), ","); got != "200,200" {
		t.Errorf("a set for ever: %q", got)
	}
	set(`{"sets":{"702":null}}`)
	if got := strings.Join(codes(other, 1), ","); got != "" {
		t.Errorf("back: %q", got)
	}
	if err := s.SetModeOf("701", Missing); err != nil {
		t.Fatal(err)
	}
	if r := post(t, base+"/v26.0/701/events", wrap(good())); r.code() != "100/33" {
		t.Error(r.body)
	}
	if err := s.SetModeOf("701", ""); err != nil {
		t.Fatal(err)
	}
	if r := post(t, base+"/v26.0/701/events", wrap(good())); r.status != 200 {
		t.Error(r.body)
	}
}

// The forms an error can take (docs/meta.md 6.2, 2.3).
func TestEnvelopes(t *testing.T) {
	bad := wrap(good(), with(t, good(), "user_data.em", `"jane@example.com"`))
	for name, c := range map[string]struct {
		settings string
		status   int
		want     []string
		not      string
	}{
		"plain":      {`{}`, 400, []string{`"type":"OAuthException"`, `"code":100`, `"error_subcode":2804016`, `"is_transient":false`, `"error_user_title":"Event not accepted"`, `"fbtrace_id":"Sandbox`}, "error_data"},
		"French":     {`{"language":"fr"}`, 400, []string{`"error_user_title":"Évènement refusé"`, `"error_subcode":2804016`}, "hashed"},
		"path":       {`{"name_bad":"path"}`, 400, []string{`$['data'][1]['user_data']['em']`}, "error_data"},
		"specs":      {`{"name_bad":"specs"}`, 400, []string{`"error_data":{"blame_field_specs":[["data[1][user_data.em]"]]}`}, "$["},
		"specs text": {`{"name_bad":"specs","error_data":"string"}`, 400, []string{`"error_data":"{\"blame_field_specs\":`}, "$["},
		"old style":  {`{"mode":"old_style"}`, 400, []string{`"error_code":100`, `"error_msg":`, `"error_subcode":2804016`}, `"error":`},
		"suppressed": {`{"mode":"suppressed"}`, 200, []string{`"error_subcode":2804016`}, "events_received"},
		"gzip":       {`{"mode":"gzip"}`, 400, []string{`"error_subcode":2804016`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, base := start(t, Options{})
			if r := post(t, base+"/sandbox/mode", c.settings); r.status != 200 {
				t.Fatal(r.body)
			}
			r := post(t, base+conversions, bad)
			if r.status != c.status {
				t.Errorf("status %d", r.status)
			}
			for _, w := range c.want {
				if !strings.Contains(r.body, w) {
					t.Errorf("%q is not in %s", w, r.body)
				}
			}
			if c.not != "" && strings.Contains(r.body, c.not) {
				t.Errorf("%q is in %s", c.not, r.body)
			}
			if strings.Contains(r.body, "jane@example.com") {
				t.Error("the value is in the error")
			}
		})
	}
	_, base := start(t, Options{})
	req := strings.Replace(bad, `{"access_token"`, `{"suppress_http_code":1,"access_token"`, 1)
	if r := post(t, base+conversions, req); r.status != 200 || r.code() != "100/2804016" {
		t.Errorf("suppress_http_code: %d %s", r.status, r.body)
	}
}

// Limits count calls in a window; calls while limited lengthen the block; one
// header is in minutes, the other in seconds (docs/meta.md 7).
func TestThrottlingByWindow(t *testing.T) {
	now := time.Unix(clock, 0)
	s, base := start(t, Options{
		Now:      func() time.Time { return now },
		Settings: Settings{MaxCalls: 4, WindowMS: 90_000, UsageHeader: "all"},
	})
	header := func(r reply, name string) (m map[string]any) {
		t.Helper()
		if err := json.Unmarshal([]byte(r.header.Get(name)), &m); err != nil {
			t.Fatalf("%s: %v in %v", name, err, r.header)
		}
		return m
	}
	for i := 1; i <= 4; i++ {
		r := post(t, base+conversions, wrap(good()))
		if got := header(r, "X-App-Usage")["call_count"]; r.status != 200 || got != float64(25*i) {
			t.Errorf("call %d: %d, usage %v", i, r.status, got)
		}
	}
	r := post(t, base+conversions, wrap(good()))
	if r.status != 400 || r.code() != "80004/2446079" {
		t.Fatalf("call 5: %d %s", r.status, r.body)
	}
	business := header(r, "X-Business-Use-Case-Usage")["701000000000001"].([]any)[0].(map[string]any)
	if business["estimated_time_to_regain_access"] != 2.0 || business["type"] != "ads_management" || business["call_count"] != 100.0 {
		t.Errorf("business: %v", business)
	}
	if account := header(r, "X-Ad-Account-Usage"); account["reset_time_duration"] != 90.0 || account["acc_id_util_pct"] != 100.0 {
		t.Errorf("account: %v", account)
	}
	now = now.Add(80 * time.Second)
	post(t, base+conversions, wrap(good())) // too early: the block begins anew
	now = now.Add(80 * time.Second)
	if r := post(t, base+conversions, wrap(good())); r.status != 400 {
		t.Errorf("the block was not lengthened: %d", r.status)
	}
	now = now.Add(91 * time.Second)
	if r := post(t, base+conversions, wrap(good())); r.status != 200 {
		t.Errorf("after the block: %s", r.body)
	}
	if st := s.Stats(); st.CallsWhileBlocked != 2 || st.Throttled != 3 {
		t.Errorf("%+v", st)
	}
}

func TestRatesOfFailure(t *testing.T) {
	s, base := start(t, Options{Settings: Settings{FailRate: 0.5}})
	fails := 0
	for range 100 {
		if post(t, base+conversions, wrap(good())).status == 500 {
			fails++
		}
	}
	if fails < 25 || fails > 75 {
		t.Errorf("%d of 100 failed", fails)
	}
	s.Reset()
	if err := s.Update(func(n *Settings) { n.FailRate, n.LostRate = 0, 1 }); err != nil {
		t.Fatal(err)
	}
	if _, err := tryPost(t, base+conversions, wrap(good())); err == nil || s.Stats().Events != 1 {
		t.Errorf("lost answer: %v, %+v", err, s.Stats())
	}
}

func TestDateOffset(t *testing.T) {
	_, base := start(t, Options{Settings: Settings{DateOffsetS: 3600, VersionWarning: true}})
	r := post(t, base+conversions, wrap(good()))
	at, err := http.ParseTime(r.header.Get("Date"))
	if err != nil || at.Unix() != clock+3600 {
		t.Errorf("%v %v", at, err)
	}
	if r.header.Get("X-Ad-Api-Version-Warning") == "" {
		t.Error("no warning")
	}
}

// A body that never ends, or is too large, is cut and not kept.
func TestEndlessBody(t *testing.T) {
	s, base := start(t, Options{})
	req, _ := http.NewRequest(http.MethodPost, base+conversions, bytes.NewReader(make([]byte, 65<<20)))
	req.Header.Set("Content-Type", "application/json")
	if r, err := do(t, req); err == nil {
		t.Errorf("answered %d", r.status)
	}
	if s.Stats().Events != 0 {
		t.Error("taken")
	}
}
