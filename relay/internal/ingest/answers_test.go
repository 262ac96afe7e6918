package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"relay/queue"
)

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

func repeat(n int, s string) string {
	return strings.TrimSuffix(strings.Repeat(s+",", n), ",")
}

const (
	order = `{"type":"track","event":"Order Completed","messageId":"m-1","userId":"u"}`
	limit = 256 << 10
)

// Every row of the contract's table of answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat("x", limit)
	basic := func(user string) string {
		r, _ := http.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, "")
		return r.Header.Get("Authorization")
	}
	keys := []Key{{Key: "old"}, {Key: "new"}, {Key: "till", Events: []string{"Order Completed"}}}

	for _, tc := range []struct {
		name   string
		keys   []Key
		method string
		path   string // default /v1/batch
		header string // "Name: value\n…"
		body   string
		err    error // of the queue

		status int
		want   string // whole body, or the code of a failure
		stored string // ids and lanes
	}{
		{name: "batch", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "two sets", body: `{"batch":[{"type":"track","event":"Product Added","messageId":"a"}]}`, status: 200, want: success, stored: "a>701,702"},
		{name: "unmapped", body: `{"batch":[{"type":"track","event":"Till Opened","messageId":"a"}]}`, status: 200, want: success, stored: "a>unmapped"},
		{name: "empty batch", body: `{"batch":[]}`, status: 200, want: success},
		{name: "import with slash", path: "/v1/import/", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "b", path: "/v1/b", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "two slashes", path: "//v1/batch", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "track", path: "/v1/track", body: order, status: 200, want: success, stored: "m-1>701"},
		{name: "t with slash", path: "/v1/t/", body: order, status: 200, want: success, stored: "m-1>701"},
		{name: "track without type", path: "/v1/track", body: `{"event":"Order Completed","messageId":"m"}`, status: 200, want: success, stored: "m>701"},
		{name: "the path decides: track", path: "/v1/track", body: `{"type":"page","event":"Order Completed","messageId":"m"}`, status: 200, want: success, stored: "m>701"},
		{name: "the path decides: page", path: "/v1/page", body: order, status: 200, want: success},
		{name: "identify", path: "/v1/identify", body: `{"traits":{}}`, status: 200, want: success},
		{name: "i", path: "/v1/i", body: `{}`, status: 200, want: success},
		{name: "p", path: "/v1/p/", body: `{}`, status: 200, want: success},
		{name: "s", path: "/v1/s", body: `{}`, status: 200, want: success},
		{name: "screen", path: "/v1/screen", body: `{}`, status: 200, want: success},
		{name: "g", path: "/v1/g", body: `{}`, status: 200, want: success},
		{name: "group", path: "/v1/group/", body: `{}`, status: 200, want: success},
		{name: "a", path: "/v1/a", body: `{}`, status: 200, want: success},
		{name: "alias", path: "/v1/alias", body: `{}`, status: 200, want: success},
		{name: "other types in a batch", body: `{"batch":[{"type":"identify"},{"type":"page"},{"type":"nonsense"},` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "the same id twice", body: `{"batch":[` + order + `,` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "numeric id", body: `{"batch":[{"type":"track","event":"x","messageId":12345678901234567890}]}`, status: 200, want: success, stored: "12345678901234567890>unmapped"},
		{name: "escaped names", body: `{"\u0062atch":[{"ty\u0070e":"tr\u0061ck","\u0065vent":"Order\u0020Completed","messageId":"\ud83d\ude00"}]}`, status: 200, want: success, stored: "😀>701"},
		{name: "text/plain", header: "Content-Type: text/plain", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "gzip under a wrong type", header: "Content-Type: application/x-www-form-urlencoded\nContent-Encoding: gzip", body: zip(`{"batch":[` + order + `]}`), status: 200, want: success, stored: "m-1>701"},
		{name: "gzip unannounced", body: zip(`{"batch":[` + order + `]}`), status: 200, want: success, stored: "m-1>701"},
		{name: "byte order mark", body: "\xef\xbb\xbf" + `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "2,500 events", body: `{"batch":[` + repeat(2500, order) + `]}`, status: 200, want: success, stored: "m-1>701"},

		{
			name: "bad ones in a batch", body: `{"batch":[` + order + `,{"type":"track","messageId":"b1"},5,{"type":"track","event":7,"messageId":"b3"},{"type":"track","event":" ","messageId":"b4"},{"type":3,"event":"e","messageId":"b5"},{"type":"track","event":null,"messageId":"b6"}]}`, status: 200,
			want: `{"success":true,"rejected":[` +
				`{"index":1,"messageId":"b1","code":"missing_event","message":"a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"},` +
				`{"index":2,"messageId":"?","code":"not_an_object","message":"a message must be a JSON object"},` +
				`{"index":3,"messageId":"b3","code":"invalid_event","message":"the name of an event must be text"},` +
				`{"index":4,"messageId":"b4","code":"missing_event","message":"a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"},` +
				`{"index":6,"messageId":"b6","code":"missing_event","message":"a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"}]}`,
			stored: "m-1>701 b1>refused ?>refused b3>refused b4>refused b5>unmapped b6>refused",
		},
		{
			name: "too large in a batch", body: `{"batch":[{"type":"track","event":"x","messageId":"big","pad":"` + pad + `"},` + order + `]}`, status: 200,
			want:   `{"success":true,"rejected":[{"index":0,"messageId":"big","code":"event_too_large","message":"the event is over the size limit"}]}`,
			stored: "big>refused+large m-1>701",
		},
		{
			name: "too deep in a batch", body: `{"batch":[{"type":"track","event":"x","messageId":"deep","p":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `},` + order + `]}`, status: 200,
			want:   `{"success":true,"rejected":[{"index":0,"messageId":"deep","code":"too_deep","message":"the message is nested too deeply"}]}`,
			stored: "deep>refused m-1>701",
		},

		{name: "not JSON", body: `{"batch":[` + order, status: 400, want: "invalid_json"},
		{name: "empty", body: ``, status: 400, want: "invalid_json"},
		{name: "two values", body: `{"batch":[]} {}`, status: 400, want: "invalid_json"},
		{name: "form", body: `data=eyJiYXRjaCI6W119`, status: 400, want: "invalid_json"},
		{name: "batch is no list", body: `{"batch":{}}`, status: 400, want: "missing_batch"},
		{name: "no batch", body: order, status: 400, want: "missing_batch"},
		{name: "list alone", body: `[` + order + `]`, status: 400, want: "missing_batch"},
		{name: "deep context", body: `{"batch":[` + order + `],"context":{"a":` + strings.Repeat("[", 400) + strings.Repeat("]", 400) + `}}`, status: 400, want: "too_deep"},
		{name: "single without event", path: "/v1/track", body: `{"userId":"u"}`, status: 400, want: "missing_event"},
		{name: "single event no text", path: "/v1/track", body: `{"event":{}}`, status: 400, want: "invalid_event"},
		{name: "single no object", path: "/v1/track", body: `[]`, status: 400, want: "not_an_object"},
		{name: "identify no object", path: "/v1/identify", body: `null`, status: 400, want: "not_an_object"},
		{name: "single too deep", path: "/v1/track", body: `{"event":"x","p":` + strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300) + `}`, status: 400, want: "too_deep"},
		{name: "broken gzip", header: "Content-Encoding: gzip", body: zip(order)[:30], status: 400, want: "invalid_gzip"},
		{name: "gzip that is none", header: "Content-Encoding: gzip", body: "\x1e\x8b\x08nonsense", status: 400, want: "invalid_gzip"},
		{name: "gzip that is plain", header: "Content-Encoding: gzip", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "empty gzip", header: "Content-Encoding: gzip", status: 400, want: "invalid_gzip"},

		{name: "no key", keys: keys, body: `{"batch":[` + order + `]}`, status: 401, want: "invalid_write_key"},
		{name: "wrong key", keys: keys, header: "Authorization: " + basic("guess"), body: `{"batch":[` + order + `]}`, status: 401, want: "invalid_write_key"},
		{name: "wrong key in body", keys: keys, body: `{"writeKey":"guess","batch":[` + order + `]}`, status: 401, want: "invalid_write_key"},
		{name: "wrong key and no JSON", keys: keys, header: "Authorization: " + basic("guess"), body: `{`, status: 401, want: "invalid_write_key"},
		{name: "basic", keys: keys, header: "Authorization: " + basic("new"), body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "basic without colon", keys: keys, header: "Authorization: Basic b2xk", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "basic, key and a password with colons", keys: keys, header: "Authorization: " + basic("old:a:b:c"), body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "basic, key with colons", keys: []Key{{Key: "till:2"}}, header: "Authorization: " + basic("till:2"), body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "bearer", keys: keys, header: "Authorization: bearer old", body: `{"batch":[` + order + `]}`, status: 200, want: success, stored: "m-1>701"},
		{name: "key in body", keys: keys, body: `{"batch":[` + order + `],"writeKey":"new"}`, status: 200, want: success, stored: "m-1>701"},
		{name: "key in single body", keys: keys, path: "/v1/track", body: `{"writeKey":"new",` + order[1:], status: 200, want: success, stored: "m-1>701"},
		{name: "bearer token of something else, key in body", keys: keys, header: "Authorization: Bearer jwt", body: `{"batch":[` + order + `],"writeKey":"new"}`, status: 200, want: success, stored: "m-1>701"},
		{name: "key for this event", keys: keys, path: "/v1/track", header: "Authorization: " + basic("till"), body: order, status: 200, want: success, stored: "m-1>701"},
		{name: "key not for this event", keys: keys, path: "/v1/track", header: "Authorization: " + basic("till"), body: `{"event":"Product Added"}`, status: 403, want: "event_not_allowed"},
		{name: "key not for this event, duplicate name", keys: keys, path: "/v1/track", header: "Authorization: " + basic("till"), body: `{"event":"Order Completed","event":"Product Added"}`, status: 403, want: "event_not_allowed"},
		{
			name: "key not for one event of a batch", keys: keys, header: "Authorization: " + basic("till"), body: `{"batch":[` + order + `,{"type":"track","event":"Product Added","messageId":"p"}]}`, status: 200,
			want:   `{"success":true,"rejected":[{"index":1,"messageId":"p","code":"event_not_allowed","message":"this write key is not allowed to send this event"}]}`,
			stored: "m-1>701 p>refused",
		},

		{name: "get", method: "GET", status: 405, want: "method_not_allowed"},
		{name: "put", method: "PUT", body: `{"batch":[]}`, status: 405, want: "method_not_allowed"},
		{name: "unknown path", path: "/v1/nothing", body: `{}`, status: 404, want: "not_found"},
		{name: "root", method: "GET", path: "/", status: 404, want: "not_found"},
		{name: "two trailing slashes", path: "/v1/batch//", body: `{"batch":[]}`, status: 404, want: "not_found"},
		{name: "deflate", header: "Content-Encoding: deflate", body: `{}`, status: 415, want: "unsupported_encoding"},
		{name: "gzip twice", header: "Content-Encoding: gzip\nContent-Encoding: gzip", body: zip(zip(`{}`)), status: 415, want: "unsupported_encoding"},
		{name: "body too large", body: `{"batch":[` + repeat(20, `"`+pad+`"`) + `]}`, status: 413, want: "request_too_large"},
		{name: "unpacked too large", header: "Content-Encoding: gzip", body: zip(`{"batch":[` + repeat(20, `"`+pad+`"`) + `]}`), status: 413, want: "request_too_large"},
		{name: "single too large", path: "/v1/track", body: `{"event":"x","pad":"` + pad + `"}`, status: 413, want: "event_too_large"},
		{name: "2,501 events", body: `{"batch":[` + repeat(2501, order) + `]}`, status: 413, want: "too_many_events"},
		{name: "a million events", body: `{"batch":[` + repeat(1000000, `{}`) + `]}`, status: 413, want: "too_many_events"},
		{name: "context times events", body: `{"batch":[` + repeat(2500, order) + `],"context":{"pad":"` + pad[:200<<10] + `"}}`, status: 413, want: "request_too_large"},

		{name: "queue full", body: `{"batch":[` + order + `]}`, err: &queue.FullError{RetryAfter: 7 * time.Second}, status: 429, want: "queue_full"},
		{name: "queue busy", body: `{"batch":[` + order + `]}`, err: queue.ErrBusy, status: 429, want: "busy"},
		{name: "queue closed", body: `{"batch":[` + order + `]}`, err: queue.ErrClosed, status: 503, want: "stopping"},
		{name: "sync in doubt", body: `{"batch":[` + order + `]}`, err: queue.ErrDoubt, status: 503, want: "storage_unavailable"},
		{name: "disk gone", path: "/v1/track", body: order, err: errors.New("read-only file system"), status: 503, want: "storage_unavailable"},
		{name: "disk hangs", body: `{"batch":[` + order + `]}`, err: context.DeadlineExceeded, status: 503, want: "storage_timeout"},
		{name: "queue full, nothing to store", path: "/v1/identify", body: `{}`, err: &queue.FullError{}, status: 200, want: success},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			url, _, m := start(t, Options{Keys: tc.keys}, ServerOptions{})
			m.refuse(tc.err)
			method, path := tc.method, tc.path
			if method == "" {
				method = "POST"
			}
			if path == "" {
				path = "/v1/batch"
			}
			req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(tc.header) {
				k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
				req.Header.Add(k, v)
			}
			resp, err := client(t).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tc.status {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tc.status, got)
			}
			if ct := resp.Header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type is %q", ct)
			}
			if ra := resp.Header.Get("Retry-After"); (ra != "") != (tc.status == 429 || tc.status == 503) {
				t.Errorf("Retry-After is %q with status %d", ra, tc.status)
			}
			es := m.take()
			if tc.status == 200 {
				body := string(got)
				for _, e := range es {
					if len(e.ID) == 36 { // a random one
						body = strings.ReplaceAll(body, e.ID, "?")
					}
				}
				if body != tc.want {
					t.Errorf("answer\n%s\nwant\n%s", body, tc.want)
				}
			} else {
				checkFailure(t, got, tc.want)
			}
			if s := describe(es); s != tc.stored {
				t.Errorf("stored %q, want %q", s, tc.stored)
			}
		})
	}
}

// checkFailure checks an error answer against the contract.
func checkFailure(t *testing.T, body []byte, code string) {
	t.Helper()
	var f map[string]any
	if err := json.Unmarshal(body, &f); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if len(f) != 4 || f["success"] != false || f["code"] != code || f["message"] == "" || f["message"] != f["error"] {
		t.Errorf("answer %s, want code %q", body, code)
	}
}

func describe(es []queue.Entry) string {
	var all []string
	for _, e := range es {
		id := e.ID
		if len(id) == 36 {
			id = "?"
		}
		s := id + ">" + strings.Join(e.Lanes, ",")
		if e.Flags&queue.FlagTooLarge != 0 {
			s += "+large"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}
