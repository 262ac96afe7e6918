package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/api"
)

// Status reports a clock that is more than a minute off, and whose clock it was compared
// with: a relay that forwards gets the time from its hub.
func TestStatusReportsWrongClock(t *testing.T) {
	for _, tt := range []struct {
		skew     float64
		forwards string
		want     string // "": nothing
	}{
		{skew: 86400 * 365, want: "365 d ahead of Meta's: correct it"},
		{skew: -7200, want: "2 h 0 min behind Meta's: correct it"},
		{skew: -7200, forwards: "https://hub.example.com", want: "2 h 0 min behind the hub's: correct it"},
		{skew: 2},
	} {
		var b bytes.Buffer
		if err := printStatus(&b, api.Status{Ready: true, ClockSkew: tt.skew, Forwards: tt.forwards}, false); err != nil {
			t.Fatal(err)
		}
		if reported := strings.Contains(b.String(), "\nclock "); reported != (tt.want != "") || !strings.Contains(b.String(), tt.want) {
			t.Errorf("%v: %s", tt.skew, &b)
		}
	}
}

// What a person needs is on the page: what the network said and who must act,
// and of a dry run what would be sent.
func TestStatusSaysWhatIsWrong(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	before := now.Add(-time.Minute)
	wrong := api.LaneError{At: now, Class: "retry", Message: "the certificate is signed by an authority this machine does not know", Advice: "Set graph.ca_file."}
	tests := []struct {
		name string
		lane api.LaneInfo
		want []string
		not  string
	}{
		{"retrying", api.LaneInfo{Pending: 3, Failures: 2, LastError: &wrong, LastSuccessAt: &before}, []string{wrong.Message, wrong.Advice}, "code"},
		{
			"token",
			api.LaneInfo{Pending: 3, LastError: &api.LaneError{At: now, Message: "Session has expired", Code: 190, Subcode: 463}},
			[]string{"Session has expired (code 190/463)"},
			"would send",
		},
		{"recovered", api.LaneInfo{Pending: 3, Next: "Nothing to do.", LastError: &api.LaneError{At: before, Message: "OLD"}, LastSuccessAt: &now}, []string{"Nothing to do."}, "OLD"},
		{
			"dry run",
			api.LaneInfo{Pending: 9, Next: "Nothing is sent.", DryRun: map[string]int64{"send": 5, "dead:expired": 2, "dead:future": 1, "skip:no_customer": 1}},
			[]string{"would send 5, hold 3 (expired 2, future 1), skip 1 (no_customer 1)"},
			"code",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			tt.lane.Lane = "701000000000001"
			if err := printStatus(&b, api.Status{Ready: true, Now: now, Lanes: []api.LaneInfo{tt.lane}}, false); err != nil {
				t.Fatal(err)
			}
			for _, w := range tt.want {
				if !strings.Contains(b.String(), w) {
					t.Errorf("no %q in\n%s", w, &b)
				}
			}
			if strings.Contains(b.String(), tt.not) {
				t.Errorf("%q in\n%s", tt.not, &b)
			}
		})
	}
}

// What is the matter with all event sets, as a refused token, is said once.
func TestStatusSaysTheSameOnce(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var lanes []api.LaneInfo
	for i := range 67 {
		lanes = append(lanes, api.LaneInfo{
			Lane: fmt.Sprint(701000000000001 + i), Pending: 3, Headline: "Token refused", Next: "Put a new one into the file.",
			LastError: &api.LaneError{At: now.Add(time.Duration(i) * time.Second), Message: "Session has expired", Code: 190, Subcode: 463},
		})
	}
	lanes[66].Headline = "Delivering"
	var b bytes.Buffer
	if err := printStatus(&b, api.Status{Ready: true, Now: now, Lanes: lanes}, false); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Count(got, "Put a new one into the file.") != 2 || !strings.Contains(got, "701000000000005 and 61 more event sets: Token refused.") || !strings.Contains(got, "701000000000067: Delivering.") {
		t.Errorf("%s", got)
	}
}
