package graph

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// classify returns the result for an answer to three events.
func classify(status int, body string, header http.Header) Result {
	a := answer{status: status, body: []byte(body), header: header, sent: 3, version: "v26.0"}
	return a.result()
}

// An answer without an error is Delivered only if its count equals what was sent.
func TestCounts(t *testing.T) {
	for body, want := range map[string]Class{
		`{"events_received":3}`:                            Delivered,
		`{"events_received":"3"}`:                          Delivered,
		`{"events_received":3.0}`:                          Delivered,
		`{"num_processed_entries":3}`:                      Delivered,
		`{"events_received":2}`:                            Doubt,
		`{"events_received":4}`:                            Doubt,
		`{"events_received":null}`:                         Doubt,
		`{"success":true}`:                                 Doubt,
		`{}`:                                               Doubt,
		`[{"events_received":3}]`:                          Doubt,
		`{"events_received":3`:                             Doubt,
		``:                                                 Doubt,
		`{"events_received":3,"error":null}`:               Delivered,
		`{"events_received":3,"error":false}`:              Delivered,
		`{"events_received":3,"error":{"code":190}}`:       TokenPause,
		`{"events_received":3,"error":"invalid_token"}`:    Doubt,
		`{"events_received":3,"error":{"message":"none"}}`: Doubt,
	} {
		if got := classify(200, body, nil); got.Class != want {
			t.Errorf("%s: %s, want %s", body, got.Class, want)
		}
	}
}

// An answer that is not from the Graph API is marked and described.
func TestForeignAnswers(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	for _, tt := range []struct {
		status  int
		body    string
		header  http.Header
		foreign bool
		message string
	}{
		{503, "<html><title>Gateway of ada@example.com</title>", html, true, "HTTP 503 with text/html, which is not a Graph API answer: Gateway of [e-mail]"},
		{200, "", nil, true, "HTTP 200 with an empty answer"},
		{302, "moved", nil, true, "HTTP 302: something between relay and Meta answered with a redirect"},
		{500, "oops", nil, true, "HTTP 500 with unknown content"},
		{500, "{}", nil, false, "HTTP 500 with JSON that contains no error"},
		{400, `{"error":{"code":1}}`, nil, false, "error without a message (HTTP 400)"},
	} {
		r := classify(tt.status, tt.body, tt.header)
		if r.Foreign != tt.foreign || !strings.HasPrefix(r.Message, tt.message) {
			t.Errorf("HTTP %d %q: foreign %v, %q; want %v, %q", tt.status, tt.body, r.Foreign, r.Message, tt.foreign, tt.message)
		}
	}
	cut := answer{status: 200, body: []byte(`{"events_rec`), cut: true, sent: 3}
	if r := cut.result(); r.Class != Doubt || r.Foreign || r.Message != "HTTP 200, but the answer is incomplete" {
		t.Errorf("an incomplete answer: %+v", r)
	}
}

// Bad has each event that an error identifies once, in order, and none outside the
// batch.
func TestBlame(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		want []BadEvent
	}{
		"event_index in a list": {
			`{"error":{"code":100,"message":"m","error_data":[{"event_index":2,"code":2804003,"message":"old"},{"event_index":0,"error_subcode":7},{"event_index":2}]}}`,
			[]BadEvent{{0, 100, 7, "m"}, {2, 100, 2804003, "old"}},
		},
		"event_index in a text": {
			`{"error":{"code":100,"message":"m","error_data":"{\"errors\":[{\"event_index\":\"1\",\"code\":200}]}"}}`,
			[]BadEvent{{1, 200, 0, "m"}},
		},
		"outside the batch": {`{"error":{"code":100,"message":"m","error_data":[{"event_index":3},{"event_index":-1}]}}`, nil},
		"path in the text":  {`{"error":{"code":100,"message":"data[1][event_time] is bad"}}`, []BadEvent{{1, 100, 0, "data[1][event_time] is bad"}}},
		"blamed fields": {
			`{"error":{"code":100,"message":"m","error_data":{"blame_field_specs":[["data","2","event_time"],["data[0]"]]}}}`,
			[]BadEvent{{0, 100, 0, "m"}, {2, 100, 0, "m"}},
		},
		"a word that ends in data": {`{"error":{"code":100,"message":"metadata[1] is bad"}}`, nil},
		"another class":            {`{"error":{"code":190,"message":"data[1] is bad"}}`, nil},
	} {
		if got := classify(400, tt.body, nil).Bad; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// A warning is given when a newer version answered than the one called, since that
// means the called one has expired.
func TestVersionWarning(t *testing.T) {
	for served, warns := range map[string]bool{"v26.0": false, "v26.1": true, "v27.0": true, "v9.0": false, "": false, "latest": false} {
		r := classify(200, `{"events_received":3}`, http.Header{"Facebook-Api-Version": {served}})
		if (r.Warning != "") != warns || warns && !strings.Contains(r.Warning, served) {
			t.Errorf("served by %q: warning %q", served, r.Warning)
		}
	}
	r := classify(200, `{"events_received":3,"messages":["a note"]}`, http.Header{"X-Ad-Api-Version-Warning": {"old"}})
	if r.Warning != "old · a note" {
		t.Errorf("warning %q, want Meta's header and messages", r.Warning)
	}
}

// A trace id is taken from the error, the body or the header, if it looks like one.
func TestTraceID(t *testing.T) {
	header := http.Header{"X-Fb-Trace-Id": {"head-er"}}
	for body, want := range map[string]string{
		`{"error":{"code":1,"fbtrace_id":"in/error+="}}`:                       "in/error+=",
		`{"events_received":3,"fbtrace_id":"body_1"}`:                          "body_1",
		`{"events_received":3}`:                                                "head-er",
		`{"events_received":3,"fbtrace_id":"a b"}`:                             "",
		`{"events_received":3,"fbtrace_id":"ada@example.com"}`:                 "",
		`{"events_received":3,"fbtrace_id":"` + strings.Repeat("A", 65) + `"}`: "",
	} {
		if got := classify(200, body, header).FBTraceID; got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}
