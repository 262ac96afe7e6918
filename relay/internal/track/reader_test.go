package track

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"relay/mapper"
	"relay/queue"
)

func TestOne(t *testing.T) {
	t.Parallel()
	type want struct {
		body, event, id string
		track           bool
		times           []string
		flags           queue.Flags
	}
	for _, tc := range []struct {
		body string
		want want
		code string
	}{
		{body: ` {"event":"Sale","messageId":"m","timestamp":"2026-11-20"} `, want: want{body: `{"event":"Sale","messageId":"m","timestamp":"2026-11-20"}`, track: true, event: "Sale", id: "m", times: []string{`"2026-11-20"`}}},
		{body: `{"type":"track","event":"Sale","timestamp":" ","originalTimestamp":null}`, want: want{body: `{"type":"track","event":"Sale","timestamp":" ","originalTimestamp":null}`, track: true, event: "Sale"}},
		{body: `{"event":"S","messageId":7,"originalTimestamp":1795444790,"writeKey":"abc"}`, want: want{body: `{"event":"S","messageId":7,"originalTimestamp":1795444790,"writeKey":"***"}`, track: true, event: "S", id: "7", times: []string{"1795444790"}}},
		{body: `{"type":"identify"}`, want: want{body: `{"type":"identify"}`}},
		{body: "\xef\xbb\xbf{\"event\":\"Caf\xe9\"}", want: want{body: `{"event":"Café"}`, track: true, event: "Café"}},
		{body: `{"event":"half \ud83d"}`, want: want{body: `{"event":"half \ufffd"}`, track: true, event: "half \ufffd"}},
		// inputs that two readers could interpret differently
		{body: `{"event":"Order Completed","Event":"Loyalty Joined"}`, want: want{body: `{"event":"Order Completed","Event":"Loyalty Joined"}`, track: true, event: "Order Completed"}},
		{body: `{"event":"A","event":"B","messageId":"1","messageId":"2"}`, want: want{body: `{"event":"B","messageId":"2"}`, track: true, event: "B", id: "2", flags: queue.FlagRepeated}},
		{body: `{"writeKey":"one","event":"B","writeKey":"two"}`, want: want{body: `{"event":"B","writeKey":"***"}`, track: true, event: "B", flags: queue.FlagRepeated}},
		{body: `{"event":"B","properties":{"a":[{"x":1,"\u0078":2}],"v":NaN,"i":-Infinity}}`, want: want{body: `{"event":"B","properties":{"a":[{"\u0078":2}],"v":null,"i":null}}`, track: true, event: "B", flags: queue.FlagRepeated | queue.FlagNaN}},
		{body: `{"type":NaN,"event":"NaN","timestamp":NaN}`, want: want{body: `{"type":null,"event":"NaN","timestamp":null}`, track: true, event: "NaN", flags: queue.FlagNaN}},
		{body: `{"event":NaN}`, code: "missing_event"},
		{body: `{"event":["x"]}`, code: "invalid_event"},
		{body: `{"event":"x","type":5}`, want: want{body: `{"event":"x","type":5}`, track: true, event: "x"}},
		{body: `{"event":"x","type":{"is":"track"}}`, want: want{body: `{"event":"x","type":{"is":"track"}}`, track: true, event: "x"}},
		{body: `{"event":"x","type":["track"]}`, want: want{body: `{"event":"x","type":["track"]}`, track: true, event: "x"}},
		{body: `{"event":"x","type":true}`, want: want{body: `{"event":"x","type":true}`, track: true, event: "x"}},
		{body: `{"event":"x","type":""}`, want: want{body: `{"event":"x","type":""}`, track: true, event: "x"}},
		// types as enums of .NET and Java write them, and an invented one
		{body: `{"event":"x","type":"Track"}`, want: want{body: `{"event":"x","type":"track"}`, track: true, event: "x"}},
		{body: `{"type":" TRACK ","event":"x"}`, want: want{body: `{"type":"track","event":"x"}`, track: true, event: "x"}},
		{body: `{"event":"x","type":"sale"}`, want: want{body: `{"event":"x","type":"track"}`, track: true, event: "x"}},
		{body: `{"event":"x","type":"Identify"}`, want: want{body: `{"event":"x","type":"Identify"}`}},
		{body: `{"type":"sale"}`, want: want{body: `{"type":"sale"}`}},
		{body: `{"event":"x","a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, code: "event_too_large"},
		{body: `{"event":"x","a":` + strings.Repeat("[", 240) + strings.Repeat("]", 240) + `}`, want: want{body: `{"event":"x","a":` + strings.Repeat("[", 240) + strings.Repeat("]", 240) + `}`, track: true, event: "x"}},
		{body: `{"event":"x"`, code: "invalid_json"},
		{body: ``, code: "invalid_json"},
		{body: `5`, code: "not_an_object"},
		{body: `NaN`, code: "not_an_object"},
		{body: `{}`, code: "missing_event"},
		{body: `{"event":" \t"}`, code: "missing_event"},
		{body: `{"event":"` + strings.Repeat("x", 1000) + `"}`, code: "event_too_large"},
	} {
		r := Reader{Limits: Limits{EventBytes: 520}}
		got, err := r.One([]byte(tc.body))
		code := ""
		switch {
		case errors.As(err, new(*SyntaxError)):
			code = "invalid_json"
		case got.Problem != nil:
			code = got.Problem.Code
		}
		if code != tc.code {
			t.Errorf("%.80s: problem %q, want %q", tc.body, code, tc.code)
		}
		if code != "" {
			continue
		}
		var times []string
		for _, x := range got.Times() {
			times = append(times, string(x))
		}
		if string(got.Body) != tc.want.body || got.Track != tc.want.track || string(got.Event) != tc.want.event || string(got.ID) != tc.want.id ||
			!slices.Equal(times, tc.want.times) || got.Flags != tc.want.flags {
			t.Errorf("%.80s: %s %+v times %q, want %+v", tc.body, got.Body, got, times, tc.want)
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for _, tc := range []struct{ id, want string }{
		{`"a\u0062"`, "ab"},
		{`12345678901234567890123`, "12345678901234567890123"},
		{`-Infinity`, ""},
		{`null`, ""},
		{`" "`, ""},
		{`true`, ""},
		{`"` + long + `"`, "sha256:7ba3cfb6d0a5a3b3"},
	} {
		var r Reader
		m, err := r.One([]byte(`{"event":"\u0065","messageId":` + tc.id + `}`))
		if err != nil || string(m.Event) != "e" {
			t.Fatal(err, string(m.Event))
		}
		if tc.want == "" && len(m.ID) > 0 || !strings.HasPrefix(string(m.ID), tc.want[:min(len(tc.want), 7)]) {
			t.Errorf("%s: %q, want %q", tc.id, m.ID, tc.want)
		}
	}
}

// A request path that determines the type overrides the message's type.
func TestForced(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"event":"e","type":"identify"}`:              `{"event":"e","type":"track"}`,
		`{"event":"e","type":7,"type":{}}`:             `{"event":"e","type":"track"}`,
		`{"event":"e","ty\u0070e":null}`:               `{"event":"e","ty\u0070e":"track"}`,
		`{"event":"e","type":"trac\u006b"}`:            `{"event":"e","type":"trac\u006b"}`,
		`{"event":"e"}`:                                `{"event":"e"}`,
		`{"type":"page","event":"e","properties":NaN}`: `{"type":"track","event":"e","properties":null}`,
	} {
		var r Reader
		if err := r.Scan([]byte(body), false); err != nil {
			t.Fatal(err)
		}
		n, _ := r.Room()
		m, room := r.Take(0, true, make([]byte, 0, n))
		if string(m.Body) != want || m.Problem != nil || !m.Track || len(room) > n {
			t.Errorf("%s: %s, %v", body, m.Body, m.Problem)
		}
	}
}

func TestNameAndOrderID(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, name, order string }{
		{`{"event":"Order Completed","Event":"x","properties":{"order_id":"o-1","Order_ID":"no"}}`, "Order Completed", "o-1"},
		{`{"event":"caf\u00e9","properties":{"order_id":12345678901234567890}}`, "café", "12345678901234567890"},
		{`{"EVENT":"x","Properties":{"order_id":"no"},"properties":[]}`, "", ""},
		{`{"event":5,"properties":{"order_id":true}}`, "", ""},
		{`not JSON`, "", ""},
		{`["event"]`, "", ""},
		{`{"event":"e","properties":{"order_id":"a\"b"}}`, "e", `a"b`},
	} {
		if got := Name([]byte(tc.body)); got != tc.name {
			t.Errorf("%s: name %q", tc.body, got)
		}
		if got := OrderID([]byte(tc.body)); got != tc.order {
			t.Errorf("%s: order %q", tc.body, got)
		}
	}
}

func TestRedriveLanes(t *testing.T) {
	t.Parallel()
	routes := func(event string) []string {
		return map[string][]string{"Sale": {"b", "c"}, "Kept": {"a", "b"}}[event]
	}
	for _, tc := range []struct {
		letter queue.DeadLetter
		want   []string
	}{
		{queue.DeadLetter{Event: "Kept", EventSet: "a", Body: []byte(`{"event":"Kept"}`)}, []string{"a"}},
		{queue.DeadLetter{Event: "Sale", EventSet: "a", Body: []byte(`{"event":"Sale"}`)}, []string{"b", "c"}},
		{queue.DeadLetter{Event: "Old", EventSet: "a", Body: []byte(`{"event":"Old"}`)}, nil},
		{queue.DeadLetter{Body: []byte(`5`)}, nil},
		{queue.DeadLetter{Event: "Kept", EventSet: "b", Body: []byte(`cut`)}, []string{"b"}},
		{queue.DeadLetter{Event: "?", Body: []byte(`{"event":"Sale"}`)}, []string{"b", "c"}},
		// a refused it, b took it; the current mapping sends it to b and c.
		{queue.DeadLetter{Event: "Sale", EventSet: "a", Lanes: []string{"a", "b"}, Body: []byte(`{"event":"Sale"}`)}, []string{"c"}},
		{queue.DeadLetter{Event: "Kept", EventSet: "a", Lanes: []string{"a", "b"}, Body: []byte(`{"event":"Kept"}`)}, []string{"a"}},
	} {
		if got := RedriveLanes(routes, tc.letter); !slices.Equal(got, tc.want) {
			t.Errorf("%s for %s: %v, want %v", tc.letter.Body, tc.letter.EventSet, got, tc.want)
		}
	}
	if got := Lanes(routes, "nobody"); !IsUnmapped(got) || !IsUnmapped(Lanes(nil, "Sale")) || IsUnmapped(Lanes(routes, "Sale")) {
		t.Error("Lanes: only an event without a route is unmapped")
	}
}

// Messages of a batch share one buffer: earlier ones stay unchanged.
func TestTakeKeepsEarlierMessages(t *testing.T) {
	t.Parallel()
	body := `{"context":{"c":1},"batch":[{"event":"a","a":NaN},{"event":"b","x":1,"x":2},{"type":"page"},7,{"event":"c"}]}`
	all := takeAll(t, body)
	var got []string
	for _, m := range all {
		got = append(got, string(m.Body))
	}
	want := []string{`{"event":"a","a":null,"context":{"c":1}}`, `{"event":"b","x":2,"context":{"c":1}}`, `{"type":"page"}`, `7`, `{"event":"c","context":{"c":1}}`}
	if !slices.Equal(got, want) {
		t.Errorf("bodies %q, want those above", got)
	}
	if all[0].Flags != queue.FlagMerged|queue.FlagNaN || all[1].Flags != queue.FlagMerged|queue.FlagRepeated || all[4].Flags != queue.FlagMerged {
		t.Errorf("flags %v, %v, %v", all[0].Flags, all[1].Flags, all[4].Flags)
	}
	if !bytes.Equal(all[1].Event, []byte("b")) || all[3].Problem != NotAnObject {
		t.Errorf("event %s, problem %v", all[1].Event, all[3].Problem)
	}
}

// The problem of a stored unusable message is found again whenever it is shown.
func TestUnusable(t *testing.T) {
	t.Parallel()
	held := []mapper.Outcome{{Kind: mapper.Hold, Reason: mapper.ReasonInvalid, Message: "event is missing"}}
	for _, tc := range []struct {
		body   string
		flags  queue.Flags
		outs   []mapper.Outcome
		reason string
		want   string
	}{
		{`{}`, 0, held, mapper.ReasonInvalid, "event is missing"},
		{`{"event":5}`, 0, []mapper.Outcome{{Kind: mapper.Send}}, mapper.ReasonInvalid, "the name of an event must be text"},
		{`{"event":"Sale"}`, queue.FlagTooLarge, nil, mapper.ReasonTooLarge, "the event is over the size limit"},
		{`{"event":"Sale"}`, 0, []mapper.Outcome{{Kind: mapper.Send}}, mapper.ReasonInvalid, "the write key it was sent with is not allowed to send this event"},
		{`{"event":"Sale"}`, queue.FlagIDConflict, []mapper.Outcome{{Kind: mapper.Send}}, mapper.ReasonIDConflict, "another event was received under this messageId before"},
		{`cut`, 0, nil, mapper.ReasonInvalid, "not a usable track call"},
	} {
		got := Unusable(tc.outs, []byte(tc.body), "m", tc.flags)
		if got.Kind != mapper.Hold || got.Reason != tc.reason || got.Message != tc.want {
			t.Errorf("%s: %+v, want %s: %s", tc.body, got, tc.reason, tc.want)
		}
	}
	// A message that no mapping can make usable is sent nowhere.
	routes := func(string) []string { return []string{"a"} }
	for body, want := range map[string]int{`{"event":"Sale","type":5}`: 1, `{"event":5}`: 0, `{"event":"Sale"}`: 1, `{"type":"page","event":"Sale"}`: 0} {
		if got := RedriveLanes(routes, queue.DeadLetter{Body: []byte(body)}); len(got) != want {
			t.Errorf("%s goes to %v", body, got)
		}
	}
	// The second event with an id is usable.
	other := queue.DeadLetter{Flags: queue.FlagIDConflict, Body: []byte(`{"event":"Sale","messageId":"m"}`)}
	if got := RedriveLanes(routes, other); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the second event with an id goes to %v", got)
	}
}

// In a batch, a message whose type is spelled differently fits into the buffer of the size that
// Room returns, with and without a shared context.
func TestOtherTypeInBatch(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"batch":[{"type":"T\u0072ack","event":"e"}]}`:                     `{"type":"track","event":"e"}`,
		`{"batch":[{"type":"X","event":"e"}],"context":{"ip":"192.0.2.1"}}`: `{"type":"track","event":"e","context":{"ip":"192.0.2.1"}}`,
	} {
		var r Reader
		if err := r.Scan([]byte(body), true); err != nil {
			t.Fatal(err)
		}
		n, _ := r.Room()
		m, room := r.Take(0, false, make([]byte, 0, n))
		if string(m.Body) != want || m.Problem != nil || !m.Track || len(room) > n {
			t.Errorf("%s: %s, %v, room %d of %d", body, m.Body, m.Problem, len(room), n)
		}
	}
}
