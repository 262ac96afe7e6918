package ingest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		body string
		want Message
		code string
	}{
		{body: ` {"event":"Sale","messageId":"m","timestamp":"2026-11-20"} `, want: Message{Body: []byte(`{"event":"Sale","messageId":"m","timestamp":"2026-11-20"}`), Track: true, Event: "Sale", ID: "m", Times: [][]byte{[]byte(`"2026-11-20"`)}}},
		{body: `{"type":"track","event":"Sale","timestamp":" ","originalTimestamp":null}`, want: Message{Body: []byte(`{"type":"track","event":"Sale","timestamp":" ","originalTimestamp":null}`), Track: true, Event: "Sale"}},
		{body: `{"event":"S","messageId":7,"originalTimestamp":1795444790,"writeKey":"abc"}`, want: Message{Body: []byte(`{"event":"S","messageId":7,"originalTimestamp":1795444790,"writeKey":"***"}`), Track: true, Event: "S", ID: "7", Times: [][]byte{[]byte("1795444790")}}},
		{body: `{"type":"identify"}`, want: Message{Body: []byte(`{"type":"identify"}`)}},
		{body: "{\"event\":\"Caf\xe9\"}", want: Message{Body: []byte(`{"event":"Café"}`), Track: true, Event: "Café"}},
		{body: `{"event":"x"`, code: "invalid_json"},
		{body: ``, code: "invalid_json"},
		{body: `5`, code: "not_an_object"},
		{body: `{}`, code: "missing_event"},
		{body: `{"event":"` + strings.Repeat("x", 1000) + `"}`, code: "event_too_large"},
	} {
		got, err := Inspect([]byte(tc.body), 500)
		var r *Refusal
		if errors.As(err, &r) != (tc.code != "") || r != nil && r.Code != tc.code {
			t.Errorf("%s: %v, want %q", tc.body, err, tc.code)
		}
		if string(got.Body) != string(tc.want.Body) || got.Track != tc.want.Track || got.Event != tc.want.Event || got.ID != tc.want.ID || !slices.EqualFunc(got.Times, tc.want.Times, bytes.Equal) {
			t.Errorf("%s: %+v, want %+v", tc.body, got, tc.want)
		}
	}
}
