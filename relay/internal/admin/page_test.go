package admin

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/chromium"
	"relay/relay/internal/drain"
)

// busyFixture is a relay with a day behind it, for looking at.
func busyFixture(t *testing.T, change func(*Options)) *fixture {
	now := time.Now()
	refusedAt := now.Add(-4 * time.Minute)
	loadedAt := now.Add(-26 * time.Hour)
	good := "version: 1\n\n# which event goes where\nevents:\n  Order Completed: stores\n  Product Added: [stores, web]\n  Quote Requested: web\n\n" +
		"event_sets:\n  stores: { id: \"701000000000001\" }\n  web: { id: \"701000000000002\" }\n\ndefault_currency: USD\ndefault_country: US\n"
	files := api.Files{
		Config: api.FileState{File: "/etc/relay/relay.yaml", OK: true, LoadedAt: &loadedAt, Generation: 1},
		Mapping: api.FileState{
			File: "/etc/relay/mapping.yaml", Digest: "3f2a9c10d1e2f3a4", LoadedAt: &loadedAt, Generation: 3, Text: good,
			Refused: &api.Refused{
				At: refusedAt, Message: "mapping.yaml:13:1: unknown key",
				Problems: []api.Problem{{File: "mapping.yaml", Line: 13, Column: 1, Message: `unknown key "default_curency": did you mean "default_currency"?`}},
			},
		},
	}
	f := newFixture(t, func(o *Options) {
		o.Now = time.Now
		o.Interval = 200 * time.Millisecond
		o.Files = func() api.Files { return files }
		o.Build = api.Build{Version: "1.0.0"}
		if change != nil {
			change(o)
		}
	})
	f.queue.mu.Lock()
	f.queue.records, f.queue.dead = nil, nil
	for i := range 4310 {
		lane := setA
		if i%7 == 0 {
			lane = setB
		}
		f.queue.records = append(f.queue.records, queue.Record{
			Seq: queue.Seq(1<<32 | i), ID: fmt.Sprint("m-", i), Lanes: []string{lane},
			Received: now.Add(-time.Duration(4310-i) * 2 * time.Second), Body: []byte(saleBody),
		})
	}
	for i := range 12 {
		f.queue.records = append(f.queue.records, queue.Record{Seq: queue.Seq(2<<32 | i), Lanes: []string{setC}, Received: now.Add(-50 * time.Hour), Body: []byte(`{"event":"Gone"}`)})
	}
	for i, d := range []queue.DeadLetter{
		{Event: "Order Completed", EventSet: setA, Reason: mapper.ReasonMissingCurrency, Message: "a Purchase needs a currency and the mapping has no default_currency"},
		{Event: "Order Completed", EventSet: setA, Reason: mapper.ReasonRejected, Message: "Invalid parameter: the event is too old", Code: 100, Subcode: 2804003, FBTraceID: "AbCdEfGhIjK", Attempts: 2},
		{Event: "Product Added", EventSet: setB, Reason: mapper.ReasonNoMatchKey, Message: "there was customer data, none of it usable"},
		{Event: "Gone", EventSet: setC, Reason: mapper.ReasonUnrouted, Message: "the mapping no longer sends this event to this set"},
		{Event: "", Reason: mapper.ReasonInvalid, Message: "event is absent"},
		{Event: "Order Completed", EventSet: setA, Reason: mapper.ReasonMissingCurrency, Message: "a Purchase needs a currency and the mapping has no default_currency"},
		{Event: "Product Added", EventSet: setB, Reason: mapper.ReasonExpired, Message: "the event is older than 62 days"},
	} {
		d.ID, d.MessageID, d.ReceivedAt, d.Body = fmt.Sprintf("dl-%04d", i), fmt.Sprintf("till-3-%05d", 4711+i), now.Add(-time.Duration(40-5*i)*time.Hour), []byte(saleBody)
		d.DeadAt = d.ReceivedAt.Add(time.Minute)
		f.queue.dead = append(f.queue.dead, d)
	}
	f.queue.counts = map[string]map[string]int64{setA: {"delivered": 18204, "dead:rejected": 3}, setB: {"delivered": 4023}, setC: {"delivered": 311}}
	f.queue.stats = queue.Stats{Segments: 3, DiskBytes: 148 << 20, MaxSize: 4 << 30, HighMark: 4 << 30, VolumeFree: 61 << 30, VolumeSize: 120 << 30, Appended: 26860, DeadBytes: 91 << 10}
	f.queue.mu.Unlock()
	f.drain.mu.Lock()
	f.drain.lanes = []drain.LaneStatus{
		{Lane: setA, State: drain.Sending, LastSuccess: now.Add(-2 * time.Second), InFlight: 500, Usage: 81},
		{
			Lane: setB, State: drain.PausedToken, Since: now.Add(-20 * time.Minute), NextAttempt: now.Add(7 * time.Minute), Failures: 3, LastSuccess: now.Add(-22 * time.Minute),
			LastError: &drain.Problem{
				At: now.Add(-20 * time.Minute), Class: "token", Code: 190, Subcode: 463, Message: "Error validating access token: Session has expired", FBTraceID: "A1b2C3d4E5",
				Advice: "The access token has expired. Whoever administers the business account must generate a new one in Events Manager.",
			},
		},
	}
	f.drain.mu.Unlock()
	m := f.o.Metrics
	for i := range 400 {
		states := map[string]mapper.KeyState{}
		sent := func(keys ...string) {
			for _, k := range keys {
				states[k] = mapper.KeySent
			}
		}
		sent("email", "first_name", "last_name", "country")
		if i%3 > 0 {
			sent("phone", "zip")
		}
		if i%5 == 0 {
			sent("external_id", "city", "state")
		}
		if i%3 == 0 && i%2 == 0 {
			states["phone"] = mapper.KeyUnusable
		}
		m.Drain().MatchKeys(setA, keysOf(states))
	}
	f.history.mu.Lock()
	f.history.fine.reset()
	for i := range 700 {
		x := float64(i)
		in := 3 + 2*math.Sin(x/60) + math.Sin(x/7)*.6
		out := in + .4*math.Sin(x/9)
		waiting := 40 + 30*math.Sin(x/40)
		if i > 430 {
			out, waiting = 0.2, float64(i-430)*16
		}
		f.history.fine.push(api.Point{At: now.Add(time.Duration(i-700) * fineStep), Pending: int64(waiting), In: in, Delivered: out})
	}
	f.history.mu.Unlock()
	return f
}

// The whole of the page, looked at in each size and scheme: nothing asked of
// anybody else, no script error, no violation of the policy.
func TestPage(t *testing.T) {
	f := busyFixture(t, nil)
	b := chromium.Open(t)
	for _, look := range []struct {
		name          string
		width, height int
		dark          bool
	}{{"wide", 1360, 1000, false}, {"dark", 1360, 1000, true}, {"tablet", 820, 1100, false}, {"phone", 390, 844, false}, {"phone-dark", 390, 844, true}} {
		link, err := f.client().PageLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Goto(link.URL, look.width, look.height, look.dark)
		b.Until("the code is out of the address", `location.hash === ""`)
		b.Until("the event sets are there", `document.querySelectorAll(".card").length === 3`)
		b.Until("the dead letters are there", `document.querySelectorAll("#dead-rows tr").length === 7`)
		b.Until("the mapping is there", `document.querySelector("#map-code #map-line-13") && document.querySelector("#map-problems li")`)
		b.Until("the charts are drawn", `document.querySelectorAll(".uplot canvas").length === 2`)
		f.o.Metrics.Tail().Delivery(drain.Delivery{EventSet: setA, At: time.Now(), Items: []drain.Delivered{{MessageID: "till-3-09001", Event: "Order Completed"}, {MessageID: "till-3-09002", Event: "Product Added"}}})
		f.o.Metrics.Drain().Settled(setA, "skip:no_consent", 3)
		f.o.Metrics.Drain().Settled(setA, "dead:missing_currency", 1)
		b.Until("outcomes come in", `document.querySelectorAll("#tail li").length >= 4`)
		var wide struct{ Page, Window float64 }
		json.Unmarshal(b.Eval(`({Page: document.documentElement.scrollWidth, Window: window.innerWidth})`), &wide)
		if wide.Page > wide.Window {
			t.Errorf("%s: the page is %v wide in a window of %v", look.name, wide.Page, wide.Window)
		}
		b.Shot("page-" + look.name)
	}
	if got := b.Text("#verdict"); !strings.Contains(got, "access token refused") {
		t.Errorf("verdict: %q", got)
	}
	if got := b.Text("#map-problems"); !strings.Contains(got, "did you mean") {
		t.Errorf("mistake in the mapping: %q", got)
	}
	b.CheckClean(f.url)
}

// Who is not signed in sees numbers, and no letter, no outcome, no text of a
// file; signing in shows them, signing out hides them again.
func TestPageSignedOut(t *testing.T) {
	f := busyFixture(t, withoutToken)
	b := chromium.Open(t)
	b.Goto(f.url, 1360, 1000, false)
	b.Until("the event sets are there", `document.querySelectorAll(".card").length === 3`)
	b.Until("the charts are drawn", `document.querySelectorAll(".uplot canvas").length === 2`)
	b.Until("it says what is locked", `document.querySelectorAll(".locked:not([hidden])").length === 3`)
	f.o.Metrics.Tail().Delivery(drain.Delivery{EventSet: setA, At: time.Now(), Items: []drain.Delivered{{MessageID: "till-3-09001", Event: "Order Completed"}}})
	b.Until("the numbers of letters", `document.getElementById("f-dead").innerText === "7"`)
	if page := b.Text("body"); strings.Contains(page, "till-3-") || strings.Contains(page, "default_curency") || strings.Contains(page, "a Purchase needs") {
		t.Errorf("contents for anybody: %s", page)
	}
	b.Shot("page-signed-out")
	b.Click("#dead .sign-in")
	b.Until("it says how", `document.getElementById("token").open && document.getElementById("token").innerText.includes("relay page")`)
	b.Until("no token is asked for: none is configured", `document.getElementById("token-use").hidden`)
	b.Shot("page-sign-in")
	link, err := f.client().PageLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Eval(`location.href = "` + link.URL + `"`)
	b.Until("the letters are there", `document.querySelectorAll("#dead-rows tr").length === 7`)
	b.Until("the mapping is there", `document.querySelectorAll("#map-code div").length > 5 && document.getElementById("map-problems").innerText.includes("did you mean")`)
	b.Until("the dialog is gone", `!document.getElementById("token").open && document.getElementById("token-open").innerText === "Sign out"`)
	if got := string(b.Eval(`document.cookie + "|" + location.href`)); strings.Contains(got, "sign-in") || !strings.HasPrefix(got, `"|http`) {
		t.Errorf("cookie and address: %s", got)
	}
	for !f.o.Metrics.Tail().Watched() {
		time.Sleep(time.Millisecond)
	}
	b.Click("#token-open")
	b.Until("they are gone", `document.querySelectorAll("#dead-rows tr").length === 0 && document.querySelectorAll("#map-code div").length === 0`)
	b.CheckClean(f.url)
}

// keysOf are the match keys of a conversion; those not named are missing.
func keysOf(states map[string]mapper.KeyState) (keys []mapper.KeyResult) {
	for _, name := range mapper.KeyNames() {
		keys = append(keys, mapper.KeyResult{Key: name, State: states[name]})
	}
	return keys
}
