package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/chromium"
	"relay/relay/internal/drain"
	"relay/relay/internal/replicas"
)

// group is the relays of a queue, of which the other one delivers. It does what it is
// asked with a server of its own.
type group struct {
	there  *Server
	err    error
	silent bool // it is not heard of
	work   []drain.LaneStatus

	mu   sync.Mutex
	done []string
}

func (g *group) Relays() []api.Relay {
	return []api.Relay{
		{Name: "hub-2:8585", Here: true, Version: "1.0.0", Mapping: "3f2a9c10", Stored: 5200},
		{Name: "hub-1:8585", Delivers: true, Version: "1.0.0", Mapping: "77aa01b2", Stored: 21660, SeenSeconds: 1.2},
	}
}

func (g *group) Delivering() (replicas.Beat, bool) {
	return replicas.Beat{
		Name: "hub-1:8585", Delivers: true, Lanes: g.work, Totals: api.Totals{Delivered: 22538},
		Coverage: []api.Coverage{{Key: "email", Sent: 90, Missing: 10}}, Coming: "an import that is under way",
	}, !g.silent
}

func (g *group) Stored() int64    { return 21660 }
func (g *group) Coming() []string { return []string{"at hub-1:8585: an import that is under way"} }

func (g *group) Order(ctx context.Context, o *access.Order) (access.Answer, error) {
	if g.err != nil {
		return access.Answer{}, g.err
	}
	g.mu.Lock()
	g.done = append(g.done, o.Method+" "+o.Target)
	g.mu.Unlock()
	o.At = "hub-2:8585"
	a := g.there.Do(ctx, o)
	a.By = "hub-1:8585"
	return a, nil
}

func (g *group) Others(ctx context.Context, o access.Order) []replicas.Everywhere {
	a, err := g.Order(ctx, &o)
	return []replicas.Everywhere{{Name: "hub-1:8585", Answer: a, Err: err}}
}

// standby is a relay that waits, and the one that delivers.
func standby(t *testing.T, change func(*Options)) (here, there *fixture, g *group) {
	t.Helper()
	there = newFixture(t, func(o *Options) {
		o.Reload = func(context.Context) api.ReloadResult {
			return api.ReloadResult{Message: "mapping.yaml:2:9: expected a value here", Code: "mapping_refused"}
		}
	})
	g = &group{there: there.Server, work: there.drain.Status()}
	here = newFixture(t, func(o *Options) {
		o.Replicas = g
		o.Delivers = func() api.Delivers { return api.Delivers{Relay: "hub-1:8585"} }
		o.Reload = func(context.Context) api.ReloadResult {
			return api.ReloadResult{Success: true, Changed: []string{"mapping"}}
		}
		if change != nil {
			change(o)
		}
	})
	here.drain.mu.Lock()
	here.drain.lanes = []drain.LaneStatus{{Lane: setA, State: drain.Standby}, {Lane: setB, State: drain.Standby}}
	here.drain.mu.Unlock()
	return here, there, g
}

// What steers delivery is done by the relay that delivers; the answer is that one's. Both
// audit logs say who was asked.
func TestDoneWhereDelivered(t *testing.T) {
	here, there, g := standby(t, nil)
	for _, call := range []struct{ path, body, want string }{
		{"/api/v1/lanes/" + setB + "/pause", "", `"event set ` + setB + ` paused"`},
		{"/api/v1/lanes/" + setB + "/resume", "", "resumed"},
		{"/api/v1/lanes/" + setC + "/move", `{"to":"` + setA + `"}`, `"success":`},
		{"/api/v1/lanes/" + setC + "/drop", `{"confirm":"` + setC + `"}`, `"dropped"`},
		{"/api/v1/lanes/" + setB + "/drop", `{"confirm":"no"}`, "repeat the event set's id"},
		{"/api/v1/forget", `{"lines":["nobody@example.com"],"dry_run":true}`, `"dry_run":true`},
	} {
		_, body, _ := here.ask(http.MethodPost, call.path, call.body)
		if !strings.Contains(body, call.want) {
			t.Errorf("%s: %s", call.path, body)
		}
	}
	if len(g.done) != 6 {
		t.Errorf("done there: %v", g.done)
	}
	if n := len(here.queue.dropped); n != 0 {
		t.Errorf("%d lanes were dropped here", n)
	}
	if text := there.audit.String(); !strings.Contains(text, `"call":"POST /api/v1/lanes/{lane}/drop","asked_at":"hub-2:8585"`) {
		t.Errorf("audit log there:\n%s", text)
	}
	if text := here.audit.String(); !strings.Contains(text, `"call":"POST /api/v1/lanes/{lane}/drop","done_at":"hub-1:8585"`) || !strings.Contains(text, `"dry_run":true`) {
		t.Errorf("audit log here:\n%s", text)
	}
	g.err = &replicas.NotDoneError{Err: errors.New("x")}
	if code, body, _ := here.ask(http.MethodPost, "/api/v1/lanes/"+setB+"/pause", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, `"nobody_delivers"`) {
		t.Errorf("nobody delivers: %d %s", code, body)
	}
	g.err = &replicas.NotDoneError{InDoubt: true, Err: errors.New("x")}
	if code, body, _ := here.ask(http.MethodPost, "/api/v1/lanes/"+setB+"/pause", ""); code != http.StatusGatewayTimeout || !strings.Contains(body, `"in_doubt"`) {
		t.Errorf("whoever took it is gone: %d %s", code, body)
	}
}

// An order needs what a call needs, and no more is possible with one.
func TestOrderIsACall(t *testing.T) {
	there := newFixture(t, nil)
	for target, want := range map[string]int{"/api/v1/nothing": 404, "": 400, "http://elsewhere/": 400, "/api/v1/lanes/" + setB + "/pause": 200} {
		if a := there.Do(t.Context(), &access.Order{Method: http.MethodPost, Target: target, Who: "uid 1"}); a.Status != want {
			t.Errorf("%q: %d %s", target, a.Status, a.Body)
		}
	}
}

// A reload is one of all relays; what another refuses is said.
func TestReloadOfAll(t *testing.T) {
	here, _, g := standby(t, nil)
	code, body, _ := here.ask(http.MethodPost, "/api/v1/reload", "")
	var r api.ReloadResult
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if code != http.StatusUnprocessableEntity || r.Success || !r.InForce || r.Message != "hub-1:8585: refused; it keeps the previous files: mapping.yaml:2:9: expected a value here" || len(r.Changed) != 1 || len(r.Relays) != 1 || r.Relays[0].Code != "mapping_refused" {
		t.Errorf("%d %s", code, body)
	}
	if len(g.done) != 1 {
		t.Errorf("done there: %v", g.done)
	}
}

// A relay that does not answer refuses nothing: what is in force here is said, and it is named.
func TestReloadBesideADeadRelay(t *testing.T) {
	here, _, g := standby(t, nil)
	g.err = errors.New("no answer")
	code, body, _ := here.ask(http.MethodPost, "/api/v1/reload", "")
	var r api.ReloadResult
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if code != http.StatusGatewayTimeout || r.Success || !r.InForce || r.Code != api.ReloadNoAnswer || len(r.Changed) != 1 || strings.Contains(r.Message, "refused") ||
		!strings.HasPrefix(r.Message, "hub-1:8585: no answer") {
		t.Errorf("%d %s", code, body)
	}
	if r, err := here.client().Reload(t.Context()); err != nil || r.Code != api.ReloadNoAnswer || !r.InForce {
		t.Errorf("%+v %v", r, err)
	}
	here, _, g = standby(t, func(o *Options) {
		o.Reload = func(context.Context) api.ReloadResult {
			return api.ReloadResult{Message: "relay.yaml:1:1: unknown key", Code: "config_refused"}
		}
	})
	g.err = errors.New("no answer")
	if code, body, _ := here.ask(http.MethodPost, "/api/v1/reload", ""); code != http.StatusUnprocessableEntity || !strings.Contains(body, `"config_refused"`) || !strings.Contains(body, `"in_force":false`) {
		t.Errorf("what is refused here counts more: %d %s", code, body)
	}
}

// The status and the page of a relay that waits show what the one that delivers does; what
// a scrape gets is this relay's alone, so that nothing counts twice.
func TestStandbyShowsAll(t *testing.T) {
	here, _, _ := standby(t, nil)
	st := here.Status()
	if len(st.Relays) != 2 || st.Totals.Delivered != 22538 || len(st.Coverage) != 1 {
		t.Errorf("%+v", st)
	}
	for _, l := range st.Lanes {
		if l.Lane == setA && (l.State != string(drain.PausedToken) || l.LastError == nil) {
			t.Errorf("%+v", l)
		}
	}
	for _, l := range here.state().Lanes {
		if l.Lane == setA && l.State != string(drain.Standby) {
			t.Errorf("a scrape: %+v", l)
		}
	}
}

func TestStandbyPage(t *testing.T) {
	b := chromium.Open(t)
	there := busyFixture(t, nil)
	g := &group{there: there.Server, work: there.drain.Status()}
	f := busyFixture(t, func(o *Options) {
		o.Replicas = g
		o.Delivers = func() api.Delivers { return api.Delivers{Relay: "hub-1:8585"} }
	})
	f.drain.mu.Lock()
	f.drain.lanes = nil
	f.drain.mu.Unlock()
	link, err := f.client().PageLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.Goto(link.URL, 1280, 1400, false)
	b.Until("the lanes of the other", `document.querySelectorAll(".card").length === 3 && document.body.innerText.includes("token refused")`)
	b.Until("the relays", `document.getElementById("relays-note").innerText === "hub-1:8585 delivers and carries out commands given here"`)
	b.Until("a mapping that differs", `document.getElementById("relays-rows").innerText.includes("different")`)
	b.Until("signed in", `document.getElementById("token-open").innerText === "Sign out"`)
	b.Eval(`[...document.querySelectorAll(".card button")].find((x) => x.innerText === "Try now").click()`)
	b.Until("it is done there", `document.body.innerText.includes("resumed")`)
	b.Shot("page-standby")
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.done) != 1 || !strings.HasSuffix(g.done[0], "/resume") {
		t.Errorf("done there: %v", g.done)
	}
	b.CheckClean(f.url)
}

// While the NATS servers do not answer nobody knows who delivers: no relay is named, and
// nobody is told that there is nothing to do.
func TestNobodyKnowsWhoDelivers(t *testing.T) {
	here, _, g := standby(t, func(o *Options) {
		o.Delivers = func() api.Delivers { return api.Delivers{Silent: true} }
	})
	g.silent = true
	st := here.Status()
	if st.Delivers == nil || !st.Delivers.Silent || st.Delivers.Relay != "" {
		t.Errorf("%+v", st.Delivers)
	}
	for _, l := range st.Lanes {
		if l.State == string(drain.Standby) && (!strings.Contains(l.Headline, "Unknown") || strings.Contains(l.Next, "Nothing to do")) {
			t.Errorf("%+v", l)
		}
	}
}
