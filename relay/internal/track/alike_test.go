package track

import (
	"testing"
	"time"

	"relay/mapper"
)

// TestReadAlike: members whose names differ in case alone are different members,
// to everyone who reads an event; of two with one name the last counts.
func TestReadAlike(t *testing.T) {
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
			t.Fatalf("%s: %q", body, got)
		}
		for _, name := range got {
			if name != "Order Completed" {
				t.Errorf("%s: read as %q", body, got)
			}
		}
	}
}
