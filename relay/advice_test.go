package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"relay/config"
	"relay/relay/internal/advice"
	"relay/relay/internal/alert"
	"relay/relay/internal/api"
	"relay/relay/internal/doctor"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// What stops an event set is said in the same words by the log, the API of the
// page, `relay status`, the alert and `relay doctor`.
func TestOneAdviceEverywhere(t *testing.T) {
	for _, c := range []struct {
		state     sandbox.TokenState
		lane      string
		alert     string
		what, fix string
	}{
		{sandbox.TokenExpired, "paused_token", alert.TokenRefused, "The access token has expired.", "ake a new one (Events Manager"},
		{sandbox.TokenNoRights, "paused_permission", alert.DeliveryStopped, "The access token is not allowed to send", "ssign the dataset to the token's system user"},
	} {
		t.Run(c.lane, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			alerts := make(map[string]alert.Alert)
			hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var a alert.Alert
				if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				alerts[a.Alert] = a
			}))
			defer hook.Close()
			_, addr := startSandbox(t, sandbox.Options{Tokens: map[string]sandbox.TokenState{"EAAB-test": c.state}})
			h := newHome(t, "", testMapping)
			h.write(t, "token", "EAAB-test\n")
			h.write(t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: %q }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://%s", access_token_file: token }
batch: { max_wait: 10ms }
alerts: { webhook: %q }
`, freeAddr(t), addr, hook.URL))
			p := h.start(t)
			if status, body := post(t, p.url+"/v1/track", order("advice-1")); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			eventually(t, "the lane is paused", func() bool { return p.laneState(t) == c.lane })

			var lane api.LaneInfo
			for _, l := range p.status(t).Lanes {
				if l.State == c.lane {
					lane = l
				}
			}
			if lane.LastError == nil {
				t.Fatalf("%+v", lane)
			}
			words := lane.LastError.Advice
			if !strings.HasPrefix(words, c.what) || !strings.Contains(words, c.fix) || strings.Contains(lane.Next, c.fix) {
				t.Errorf("advice %q, next %q", words, lane.Next)
			}
			quoted, _ := json.Marshal(words) // text always encodes
			if !strings.Contains(p.log.String(), `"code":"`+c.lane[len("paused_"):]+`_paused"`) || !strings.Contains(p.log.String(), `"advice":`+string(quoted)) {
				t.Errorf("the log has no %q", words)
			}
			if out, code := h.command(t, "status", "--config", h.path("relay.yaml")); code != exit.OK || !strings.Contains(out, words) {
				t.Errorf("relay status ended with %d and lacks %q:\n%s", code, words, out)
			}
			var a alert.Alert
			eventually(t, "the alert", func() bool { mu.Lock(); defer mu.Unlock(); a = alerts[c.alert]; return a.Alert != "" })
			if a.Action != words {
				t.Errorf("the alert says %q", a.Action)
			}
			out, _ := h.command(t, "doctor", "--json", "--config", h.path("relay.yaml"))
			found := false
			for line := range strings.Lines(out) {
				var f doctor.Finding
				if json.Unmarshal([]byte(line), &f) == nil && strings.Contains(f.Text, c.what) {
					fix := strings.TrimSuffix(f.Fix[1:], ".")
					found = found || strings.Contains(fix, c.fix) && strings.Contains(words, fix) && strings.Contains(strings.ToLower(words), strings.ToLower(f.Who))
				}
			}
			if !found {
				t.Errorf("relay doctor does not say %q:\n%s", words, out)
			}
		})
	}
}

// What one answer means, and who must do what, is the same in log, status and
// doctor; no state says that nothing is to do where the answer says otherwise.
func TestOneAdviceForEachAnswer(t *testing.T) {
	t.Parallel()
	modes := []*sandbox.Behaviour{
		{Mode: sandbox.HTMLOK},
		{Mode: sandbox.Garbage},
		{Mode: sandbox.Empty},
		{Mode: sandbox.HTML}, // 502
		{Mode: sandbox.Redirect},
		{Mode: sandbox.TooMany}, // 429 of a proxy
		{Mode: sandbox.Throttled},
		{Mode: sandbox.Fail, Status: 400, Code: 368}, // blocked
		{Mode: sandbox.Fail},                         // code 2
		{Mode: sandbox.Fail, Status: 400, Code: 99999},
		{Mode: sandbox.Proxy407},
		{Mode: sandbox.TooLarge}, // 413 of a proxy, whatever the size
		{Mode: sandbox.Permission},
		{Mode: sandbox.Missing},
	}
	sets := make(map[string]*sandbox.Behaviour)
	mapping := "version: 1\ndefault_country: US\ndefault_currency: USD\nevents:\n"
	var ids []string
	for i, m := range modes {
		id := fmt.Sprintf("7010000000000%02d", i)
		ids, sets[id] = append(ids, id), m
		mapping += fmt.Sprintf("  Event %d: %q\n", i, id)
	}
	_, addr := startSandbox(t, sandbox.Options{Settings: sandbox.Settings{Sets: sets}})
	h := newHome(t, "", mapping)
	h.write(t, "token", "EAAB-test\n")
	h.write(t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: %q }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://%s", access_token_file: token }
batch: { max_wait: 10ms }
rate: { requests_per_second: 1000, burst: 1000 }
`, freeAddr(t), addr))
	p := h.start(t)
	for i := range modes {
		body := fmt.Sprintf(`{"messageId":"m-%d","userId":"u","event":"Event %d","context":{"traits":{"email":"a@example.com"}},"properties":{"order_id":"o-%d"}}`, i, i, i)
		if status, answer := post(t, p.url+"/v1/track", body); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}
	lanes := make(map[string]api.LaneInfo)
	eventually(t, "every event set is answered", func() bool {
		for _, l := range p.status(t).Lanes {
			if l.LastError != nil {
				lanes[l.Lane] = l
			}
		}
		return len(lanes) == len(modes)
	})
	out, _ := h.command(t, "doctor", "--json", "--config", h.path("relay.yaml"))
	found, still := make(map[string]doctor.Finding), make(map[string]doctor.Finding)
	for line := range strings.Lines(out) {
		var f doctor.Finding
		if json.Unmarshal([]byte(line), &f) != nil || f.Fix == "" {
			continue
		}
		switch f.Check {
		case "event_set":
			found[f.EventSet] = f
		case "lane":
			still[f.EventSet] = f
		}
	}
	if len(still) != 4 { // 407, 413, permission, missing
		t.Errorf("doctor says of %d event sets that they stand still:\n%s", len(still), out)
	}
	printed, _ := h.command(t, "status", "--config", h.path("relay.yaml"))
	for i, id := range ids {
		l, f := lanes[id], found[id]
		words := l.LastError.Advice
		quoted, _ := json.Marshal(words) // text always encodes
		if !strings.Contains(p.log.String(), `"advice":`+string(quoted)) {
			t.Errorf("%+v: the log has no %q", *modes[i], words)
		}
		if !strings.Contains(printed, words) {
			t.Errorf("%+v: relay status has no %q", *modes[i], words)
		}
		if strings.Contains(l.Next, "nothing to do") || strings.Contains(words, "No action is needed") {
			t.Errorf("%+v: %q, %q", *modes[i], l.Next, words)
		}
		if f, ok := still[id]; ok && (f.Code != l.State || f.Fix != words || f.Level != doctor.Fail) {
			t.Errorf("%+v: doctor says of the lane %+v", *modes[i], f)
		}
		plain := strings.Replace(strings.ToLower(words), strings.ToLower(f.Who)+" must ", "", 1)
		if f.Who == "" || !strings.Contains(plain, strings.ToLower(f.Fix)) || !strings.Contains(f.Text, l.LastError.Message) {
			t.Errorf("%+v: log and status say %q, doctor %+v", *modes[i], words, f)
		}
	}
}

// A token that is lost while relay runs is said once for each cause, in the same
// words by log, status and doctor.
func TestOneAdviceForNoToken(t *testing.T) {
	t.Parallel()
	_, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, "", testMapping)
	h.write(t, "token", "EAAB-test\n")
	h.write(t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: %q }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph: { endpoint: "http://%s", access_token_file: token }
`, freeAddr(t), addr))
	p := h.start(t)
	if strings.Contains(p.log.String(), `"code":"no_token"`) {
		t.Fatal("a token that is there is missed")
	}
	for i, c := range []struct {
		lack   config.Lack
		change func() error
	}{
		{config.FileMissing, func() error { return os.Remove(h.path("token")) }},
		{config.FileUnreadable, func() error { return os.Mkdir(h.path("token"), 0o700) }},
		{config.FileEmpty, func() error {
			return errors.Join(os.Remove(h.path("token")), os.WriteFile(h.path("token"), nil, 0o600))
		}},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if out, code := h.command(t, "reload", "--config", h.path("relay.yaml")); code != exit.OK {
			t.Fatalf("%s: %d %s", c.lack, code, out)
		}
		if i == 0 {
			if status, body := post(t, p.url+"/v1/track", order("lost-1")); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
		}
		eventually(t, "the lane is without a token", func() bool { return p.laneState(t) == "no_token" })
		want := advice.NoToken(string(c.lack))
		quoted, _ := json.Marshal(want.String()) // text always encodes
		eventually(t, "the log says why", func() bool { return strings.Contains(p.log.String(), `"advice":`+string(quoted)) })
		if n := strings.Count(p.log.String(), `"code":"no_token"`); n != i+1 {
			t.Errorf("%s: logged %d times", c.lack, n)
		}
		if out, _ := h.command(t, "status", "--config", h.path("relay.yaml")); !strings.Contains(out, strings.ToUpper(want.Who[:1])+want.Who[1:]+" must "+want.Do+".") {
			t.Errorf("%s: relay status:\n%s", c.lack, out)
		}
		if out, _ := h.command(t, "doctor", "--json", "--config", h.path("relay.yaml")); !strings.Contains(out, `"text":"`+want.What+`","fix":"`+want.Fix()) {
			t.Errorf("%s: relay doctor:\n%s", c.lack, out)
		}
	}
}
