package alert

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// That an event set is stopped no longer is told on evidence alone: not because
// a restart or a probe that met no network shows it in another state.
func TestStoppedEndsOnEvidence(t *testing.T) {
	const id = "701"
	for name, c := range map[string]struct {
		stopped string
		then    Lane
		over    bool
	}{
		"no network":               {"paused_permission", Lane{State: "waiting_retry", Pending: 3, ErrorAt: time.Unix(1<<40, 0)}, false},
		"a probe under way":        {"paused_token", Lane{State: "sending", Pending: 3}, false},
		"after a restart":          {"breaker", Lane{State: "idle", Pending: 3}, false},
		"the token is gone":        {"paused_token", Lane{State: "no_token", Pending: 3}, false},
		"paused by an operator":    {"paused_config", Lane{State: "manually_paused", Pending: 3}, false},
		"the same answer":          {"paused_token", Lane{State: "sending", Pending: 3, MetaError: "token", ErrorAt: time.Unix(1<<40, 0)}, false},
		"an older answer":          {"paused_token", Lane{State: "sending", Pending: 3, MetaError: "invalid_event", ErrorAt: time.Unix(1, 0)}, false},
		"an older delivery":        {"paused_token", Lane{State: "sending", Pending: 3, Delivered: time.Unix(1, 0)}, false},
		"a refusal with a breaker": {"breaker", Lane{State: "sending", Pending: 3, MetaError: "permission", ErrorAt: time.Unix(1<<40, 0)}, false},
		"another answer":           {"paused_token", Lane{State: "sending", Pending: 3, MetaError: "invalid_event", ErrorAt: time.Unix(1<<40, 0)}, true},
		"a delivery":               {"breaker", Lane{State: "sending", Pending: 3, Delivered: time.Unix(1<<40, 0)}, true},
		"nothing waits":            {"dead_letters_full", Lane{State: "idle"}, true},
		"out of the mapping":       {"paused_config", Lane{State: "retired", Pending: 3}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				code := DeliveryStopped
				if c.stopped == "paused_token" {
					code = TokenRefused
				}
				n := &notes{}
				s := Snapshot{Pending: 3, Lanes: []Lane{{ID: id, State: c.stopped, Pending: 3}}}
				w, log := watched(t, &s, Settings{Interval: time.Hour}, n)
				expect(t, log, "stopped", "alert "+code)
				c.then.ID = id
				s.Lanes = []Lane{c.then}
				var want []string
				if c.over {
					want = []string{"alert_resolved " + code}
				}
				pass(t, w, time.Minute)
				expect(t, log, "then", want...)
				w, log = watched(t, &s, Settings{Interval: time.Hour}, n)
				pass(t, w, time.Minute)
				expect(t, log, "after a restart")
				s.Opening, s.Lanes = true, nil
				pass(t, w, time.Minute)
				expect(t, log, "while the queue opens")
				s.Opening = false
				if want = nil; !c.over {
					want = []string{"alert_resolved " + code}
				}
				pass(t, w, time.Minute)
				expect(t, log, "the event set is gone", want...)
			})
		})
	}
}

// What the last hour brought is known only after an hour of watching.
func TestGrowthOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		s := Snapshot{}
		w, log := watched(t, &s, Settings{Interval: 10 * time.Minute}, n)
		s.Dead = 20
		pass(t, w, 20*time.Second)
		expect(t, log, "twenty", "alert "+DeadGrowing)
		s.Dead = 0 // counts from the start of a process
		w, log = watched(t, &s, Settings{Interval: 10 * time.Minute}, n)
		pass(t, w, 59*time.Minute)
		expect(t, log, "after a restart")
		pass(t, w, 2*time.Minute)
		expect(t, log, "an hour later", "alert_resolved "+DeadGrowing)
	})
}

// An event set that was delivered to is not one that is gone, also when nothing
// waits for it any more.
func TestDeliveredIsAnswered(t *testing.T) {
	at := time.Unix(1000, 0)
	st := &state{Since: at, Lanes: map[string]held{"701": {"paused_token", at}}}
	for _, c := range []struct {
		lanes []Lane
		want  end
	}{
		{[]Lane{{ID: "701", State: "idle", Delivered: at.Add(1)}}, answered},
		{[]Lane{{ID: "701", State: "idle"}}, gone},
		{nil, gone},
	} {
		if got := new(Watch).ended(TokenRefused, st, Snapshot{Now: at.Add(2), Lanes: c.lanes}); got != c.want {
			t.Errorf("%+v: %d, want %d", c.lanes, got, c.want)
		}
	}
}

// A resolved alert says no more than what is known.
func TestOverWords(t *testing.T) {
	for _, code := range []string{TokenRefused, DeliveryStopped} {
		if resolvedText(code, answered) == resolvedText(code, gone) {
			t.Errorf("%s: an event set that is gone counts as one that was answered", code)
		}
	}
}

// Nothing is said of files that are not there.
func TestDamageWords(t *testing.T) {
	for set, want := range map[int]string{
		0: "Check the kernel log and the health of the disk, and replace it if it fails.",
		1: "Check the kernel log and the health of the disk, and replace it if it fails. Keep the .bad files in the queue directory for support.",
	} {
		if f := damaged(Snapshot{Damaged: 1, Quarantined: set}); f.action != want {
			t.Errorf("%d files: %q", set, f.action)
		}
	}
}

// Storage that refuses events is named as what it is.
func TestRefusesWrites(t *testing.T) {
	for onServers, want := range map[bool]string{false: "The disk of the queue", true: "The NATS servers of the queue"} {
		f := refusesWrites(Snapshot{Refuses: true, OnServers: onServers})
		if f.code != DiskRefuses || !strings.HasPrefix(f.text, want) || onServers && strings.Contains(f.text+f.action, "disk") {
			t.Errorf("on servers %t: %+v", onServers, f)
		}
	}
}
