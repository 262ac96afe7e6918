package mapper

import (
	"strings"
	"testing"
	"time"
)

// A message that is nested too deeply is valid JSON, and its reason says that it is too deep.
func TestTooDeep(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte("version: 1\nevents: { X: '1' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	lists := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for body, want := range map[string]string{
		`{"event":"X","properties":{"a":` + lists(1001) + `}}`:                                    "the message is nested too deeply",
		`{"event":"X","properties":{"a":` + lists(60_000) + `}}`:                                  "the message is nested too deeply",
		`{"event":"X","a":` + strings.Repeat(`{"a":`, 60_000) + `5` + strings.Repeat("}", 60_001): "the message is nested too deeply",
		lists(60_000):  "the message is nested too deeply",
		`{"event":"X"`: "the message is not a JSON object",
		`[]`:           "the message is not a JSON object",
	} {
		out := m.Map(Event{Body: []byte(body), Received: time.Now()}, time.Now())
		if len(out) != 1 || out[0].Kind != Hold || out[0].Reason != ReasonInvalid || out[0].Message != want {
			t.Errorf("%.40s: %+v, want %q", body, out, want)
		}
	}
}
