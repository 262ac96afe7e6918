package track

import (
	"testing"
	"time"

	"relay/mapper"
)

// Members whose names differ only in case are different members for every reader of an event.
// Of two members with the same name the last one counts.
func TestNamesAreCaseSensitive(t *testing.T) {
	m, _, err := mapper.Parse("mapping.yaml", []byte("version: 1\nevents: { Order Completed: '701000000000001', Loyalty Joined: '701000000000002' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"event":"Order Completed","Event":"Loyalty Joined","EVENT":"x","userId":"u"}`,
		`{"Event":"Loyalty Joined","event":"Order Completed","userId":"u"}`,
		`{"event":"Loyalty Joined","event":"Order Completed","userId":"u"}`,
		`{"\u0065vent":"Order Completed","eVent":"Loyalty Joined","userId":"u"}`,
	} {
		r := Reader{Limits: Limits{EventBytes: 4096, Messages: 10}}
		msg, err := r.One([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{string(msg.Event), Name(msg.Body)}
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		for _, o := range m.Map(mapper.Event{Body: msg.Body, Received: now}, now) {
			got = append(got, o.Event)
		}
		if len(got) != 3 {
			t.Fatalf("%s: names %q, want 3", body, got)
		}
		for _, name := range got {
			if name != "Order Completed" {
				t.Errorf("%s: read as %q", body, got)
			}
		}
	}
}
