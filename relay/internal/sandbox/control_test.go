package sandbox

import (
	"net/http"
	"strings"
	"testing"
)

func TestControl(t *testing.T) {
	_, base := start(t, Options{KeepBodies: true, Tokens: map[string]TokenState{"secret-token-1": TokenOK}})
	post(t, base+conversions, wrap(good(), with(t, with(t, good(), "event_id", `"m-2"`), "custom_data.order_id", `"o-2"`)))
	post(t, base+conversions, wrap(good()))
	post(t, base+conversions, wrap(with(t, good(), "custom_data.value", `11`)))
	post(t, base+offline, wrap(legacy()))
	post(t, base+conversions, strings.Replace(wrap(good()), "secret-token-1", "secret-token-2", 1))

	st := get(t, base+"/sandbox/stats").json
	for k, want := range map[string]any{
		"requests": 5.0, "accepted_requests": 4.0, "events": 5.0, "unique": 3.0, "duplicates": 2.0,
		"max_events_per_request": 2.0, "mode": "ok",
	} {
		if st[k] != want {
			t.Errorf("%s = %v, want %v", k, st[k], want)
		}
	}
	ev := get(t, base+"/sandbox/events?id=m-1").body
	if strings.Count(ev, "\n") != 1 || !strings.Contains(ev, `"times":3`) || !strings.Contains(ev, `"duplicates":2`) || !strings.Contains(ev, `"body":{`) {
		t.Errorf("events: %s", ev)
	}
	if n := strings.Count(get(t, base+"/sandbox/events?limit=2").body, "\n"); n != 2 {
		t.Errorf("limit: %d lines", n)
	}
	if n := strings.Count(get(t, base+"/sandbox/events?set=701000000000002").body, "\n"); n != 1 {
		t.Errorf("set: %d lines", n)
	}
	calls := get(t, base+"/sandbox/calls?after=3").body
	if strings.Count(calls, "\n") != 2 || !strings.Contains(calls, `"code":190`) || !strings.Contains(calls, `"data_hash"`) {
		t.Errorf("calls: %s", calls)
	}
	v := post(t, base+"/sandbox/verify?set=701000000000001", "m-1\nm-3\nm-3\n").json
	for k, want := range map[string]float64{"ids": 2, "missing": 1, "unexpected": 1, "repeated": 1, "changed": 1} {
		if v[k] != want {
			t.Errorf("verify: %s = %v, want %v", k, v[k], want)
		}
	}
	if v := post(t, base+"/sandbox/verify", `["m-1","m-2","o-1"]`).json; v["missing"] != 0.0 || v["unexpected"] != 0.0 {
		t.Errorf("verify all: %v", v)
	}
	page := get(t, base+"/")
	if page.status != 200 || !strings.Contains(page.body, "701000000000001") || !strings.Contains(page.body, "<code>m-2</code>") {
		t.Errorf("page: %d %s", page.status, page.body)
	}
	if !strings.Contains(get(t, base+"/sandbox/rules").body, "docs/meta.md 3.4") || !strings.Contains(get(t, base+"/sandbox/rules?api=offline").body, "one of 18") {
		t.Error("rules")
	}
	// No output of any kind holds a token.
	for _, path := range []string{"/", "/sandbox/mode", "/sandbox/stats", "/sandbox/events", "/sandbox/calls", "/sandbox/rules", "/sandbox/scenario"} {
		if r := get(t, base+path); r.status != 200 || strings.Contains(r.body, "secret-token") {
			t.Errorf("%s: %d, token: %v", path, r.status, strings.Contains(r.body, "secret-token"))
		}
	}
	if r := post(t, base+"/sandbox/reset", ""); r.json["events"] != 0.0 {
		t.Errorf("reset: %s", r.body)
	}
	if got := get(t, base+"/sandbox/events").body; got != "" {
		t.Errorf("after reset: %s", got)
	}
	if r := post(t, base+conversions, wrap(good())); r.status != 200 {
		t.Errorf("tokens are gone after reset: %s", r.body)
	}
}

func TestControlRefuses(t *testing.T) {
	s, base := start(t, Options{})
	for name, c := range map[string]struct {
		path, body string
		status     int
	}{
		"unknown mode":        {"/sandbox/mode", `{"mode":"broken"}`, 400},
		"unknown member":      {"/sandbox/mode", `{"modus":"ok"}`, 400},
		"wrong type":          {"/sandbox/mode", `{"latency_ms":"5"}`, 400},
		"two values":          {"/sandbox/mode", `{} {}`, 400},
		"no JSON":             {"/sandbox/mode", `mode=down`, 400},
		"negative":            {"/sandbox/mode", `{"latency_ms":-1}`, 400},
		"rate over one":       {"/sandbox/mode", `{"fail_rate":2}`, 400},
		"store days":          {"/sandbox/mode", `{"store_days":30}`, 400},
		"unknown set mode":    {"/sandbox/mode", `{"sets":{"701":{"mode":"x"}}}`, 400},
		"down for one set":    {"/sandbox/mode", `{"sets":{"701":{"mode":"down"}}}`, 400},
		"token state":         {"/sandbox/tokens", `{"secret-token-1":"fine"}`, 400},
		"tokens no object":    {"/sandbox/tokens", `["secret-token-1"]`, 400},
		"verify a broken one": {"/sandbox/verify", `["a",`, 400},
		"not UTF-8":           {"/sandbox/verify", "\xff", 400},
		"no such address":     {"/sandbox/nothing", `{}`, 404},
	} {
		r := post(t, base+c.path, c.body)
		if r.status != c.status || strings.Contains(r.body, "secret-token") {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if got := s.Settings(); got.Mode != "" || got.LatencyMS != 0 || len(got.Sets) != 0 {
		t.Errorf("something was changed: %+v", got)
	}
	for _, path := range []string{"/sandbox/events?limit=x", "/sandbox/calls?after=-1", "/sandbox/calls?limit=x"} {
		if r := get(t, base+path); r.status != 400 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
	// A page of another site may not switch it.
	for path, body := range map[string]string{"/sandbox/mode": `{"mode":"down"}`, conversions: wrap(good())} {
		req, _ := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
		req.Header.Set("Origin", "https://evil.example.com")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if r, err := do(t, req); err != nil || r.status != http.StatusForbidden || s.Settings().Mode == Down || s.Stats().Events != 0 {
			t.Errorf("cross-site: %s: %v %d", path, err, r.status)
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s, base := start(t, Options{MaxEvents: 1})
	second := with(t, with(t, good(), "event_id", `"m-2"`), "custom_data.order_id", `"o-2"`)
	if r := post(t, base+conversions, wrap(good(), second)); r.status != 200 {
		t.Fatal(r.body)
	}
	if st := s.Stats(); st.Events != 2 || st.Unique != 1 || st.Forgotten != 1 {
		t.Errorf("%+v", st)
	}
	if v := s.Verify([]string{"m-1"}, ""); v.Forgotten != 1 {
		t.Errorf("%+v", v)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"mode":  {Settings: Settings{Behaviour: Behaviour{Mode: "x"}}},
		"token": {Tokens: map[string]TokenState{"t": "x"}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A web page whose name has come to resolve to this machine is not answered.
func TestControlKnowsItsHost(t *testing.T) {
	_, base := start(t, Options{})
	for host, want := range map[string]int{
		"evil.example": http.StatusForbidden, "evil.example:80": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden,
		"localhost:1": http.StatusOK, "127.0.0.1:1": http.StatusOK, "[::1]:1": http.StatusOK,
	} {
		for _, path := range []string{"/", "/sandbox/events", "/sandbox/stats"} {
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Host = host
			res, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s at %s: %d, want %d", path, host, res.StatusCode, want)
			}
		}
	}
}
