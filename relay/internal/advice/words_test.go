package advice_test

import (
	"strings"
	"testing"
	"time"

	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

// Each reason for not importing a dropped file has a description in the singular and in
// the plural, and a fix.
func TestNotTaken(t *testing.T) {
	for reason, want := range map[string][2]string{
		"kind":       {"1 file of another kind (.xlsx)", "2 files of another kind (.xlsx)"},
		"empty":      {"1 file that is empty", "2 files that are empty"},
		"unfinished": {"1 file whose name", "2 files whose name"},
		"open":       {"1 file that a program", "2 files that a program"},
		"restless":   {"1 file that is changed again and again, so that relay cannot tell when it is complete", "2 files that are changed again and again, so that relay cannot tell when they are complete"},
		"unreadable": {"1 file that relay's user", "2 files that relay's user"},
		"stuck":      {"1 file that cannot be moved or stored now, and has to wait", "2 files that cannot be moved or stored now, and have to wait"},
		"no_file":    {"1 entry that is not a regular file", "2 entries that are not a regular file"},
		"other":      {"1 file (other)", "2 files (other)"},
	} {
		for i, w := range want {
			what, todo := advice.NotTaken(reason, i+1, []string{".xlsx"})
			if !strings.HasPrefix(what, w) || (todo == "") != (reason == "other") {
				t.Errorf("%s: %q, %q", reason, what, todo)
			}
		}
	}
	for n, want := range map[int]string{1: "1 file that was refused", 3: "3 files that were refused"} {
		if what, todo := advice.FilesRefused(n); what != want || todo == "" {
			t.Errorf("%d: %q, %q", n, what, todo)
		}
	}
	for n, want := range map[int64]string{1: "1 event arrived with another event's messageId today", 2: "2 events arrived with other events' messageIds today"} {
		if got := advice.IDConflicts(n, "today"); !strings.HasPrefix(got, want) {
			t.Errorf("%d: %q", n, got)
		}
	}
	if what, todo := advice.SpoolBlocked("no such folder"); what != "no file is imported: no such folder" || todo == "" {
		t.Errorf("%q, %q", what, todo)
	}
}

// The description of an answer has the message of its sender and what Meta's support
// asks for.
func TestDescribeAnswers(t *testing.T) {
	for _, c := range []struct {
		r    graph.Result
		want string
	}{
		{graph.Result{Class: graph.Delivered, FBTraceID: "t"}, "Meta has received the events."},
		{graph.Result{Class: graph.Delivered, Message: "2 of 2."}, "Meta has received the events. Seen: 2 of 2."},
		{graph.Result{Class: graph.Throttle, HTTPStatus: 429, Message: "slow down"}, "Something between this machine and Meta limits the request rate: this answer does not come from the Graph API. Seen: slow down. (HTTP 429)"},
		{graph.Result{Class: graph.Throttle, HTTPStatus: 400, Code: 4, Message: "limit", FBTraceID: "t"}, "Meta limits how often it can be called. Meta says: limit. (code 4, fbtrace_id t)"},
		{graph.Result{Class: graph.Throttle, HTTPStatus: 400, Code: 613, Subcode: 1996}, "Meta limits how often it can be called. (code 613/1996)"},
	} {
		if got := advice.Describe(c.r); got != c.want {
			t.Errorf("%+v:\n%q, want\n%q", c.r, got, c.want)
		}
	}
}

func TestForState(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		lane           advice.Lane
		headline, next string
	}{
		{advice.Lane{State: "stopped"}, "relay is not running", "Start it"},
		{advice.Lane{State: "standby"}, "Another relay delivers", "Nothing to do."},
		{advice.Lane{State: "standby", Silent: true}, "Unknown which relay delivers", "`relay doctor`"},
		{advice.Lane{State: "sending"}, "Sending", "Nothing to do."},
		{advice.Lane{State: "sending", Now: now, Asked: now.Add(-time.Second), Hub: true}, "Sending", "Nothing to do."},
		{advice.Lane{State: "sending", Now: now, Asked: now.Add(-40 * time.Second), Hub: true, Drain: time.Hour}, "Waiting for the hub's answer", "None has arrived for 40 seconds."},
		{advice.Lane{State: "sending", Now: now, Asked: now.Add(-2 * time.Minute)}, "Waiting for Meta's answer", "None has arrived for 2 minutes."},
		{advice.Lane{State: "sending", Drain: time.Hour}, "Sending", "Done in about 60 minutes"},
		{advice.Lane{State: "waiting_retry", Now: now, Next: now.Add(time.Minute)}, "Waiting to try again", "Tries again in 60 seconds"},
		{advice.Lane{State: "waiting_retry", Now: now, Next: now, Told: true}, "Waiting to try again", "Tries again now. Events are kept."},
		{advice.Lane{State: "waiting_retry"}, "Waiting to try again", "Tries again soon. Events are kept; nothing to do"},
		{advice.Lane{State: "rate_limited", Usage: 0.9, Now: now, Next: now.Add(time.Minute)}, "Sending slowly: 90 %", "Sends again in 60 seconds"},
		{advice.Lane{State: "rate_limited", Usage: 0.9}, "Waiting for its turn", "Sends as fast as"},
		{advice.Lane{State: "rate_limited", Now: now, Next: now.Add(time.Minute)}, "Waiting for its turn", "Sends as fast as"},
		{advice.Lane{State: "paused_token", Told: true}, "Access token refused", "Events are kept."},
		{advice.Lane{State: "paused_token", Told: true, Now: now, Next: now.Add(time.Minute)}, "Access token refused", "Events are kept; relay tries one request in 60 seconds."},
		{advice.Lane{State: "what_comes_later"}, "what comes later", ""},
	} {
		headline, next := advice.ForState(c.lane)
		if !strings.HasPrefix(headline, c.headline) || !strings.Contains(next, c.next) {
			t.Errorf("%+v: %q, %q", c.lane, headline, next)
		}
	}
	for state, class := range map[string]graph.Class{
		"paused_token": graph.TokenPause, "paused_permission": graph.PermPause, "paused_config": graph.ConfigPause, "breaker": graph.InvalidEvent,
		"waiting_retry": graph.TooMuch, "throttled": graph.Throttle,
	} {
		if !advice.Explains(state, class.String()) || advice.Explains(state, graph.Delivered.String()) {
			t.Errorf("state %s: class %s must explain it, and delivered must not", state, class)
		}
	}
	if advice.Explains("idle", graph.Throttle.String()) {
		t.Error("no answer leads to the state idle")
	}
}

// The relay that delivers is named only if it is known.
func TestStandby(t *testing.T) {
	for _, c := range []struct {
		relay  string
		silent bool
		want   string
	}{
		{"hub-1:8585", false, "hub-1:8585 delivers"},
		{"", false, "another relay delivers, or will in a moment"},
		{"", true, "it is unknown which relay delivers: the NATS servers do not answer"},
	} {
		if got := advice.Standby(c.relay, c.silent); !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
