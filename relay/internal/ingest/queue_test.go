package ingest

import (
	"context"
	"strings"
	"testing"

	"relay/queue"
	"relay/queue/local"
)

// The same message sent three times, and again after a restart, is one record; so is an unusable
// message of a batch. The corrected message with the same id is stored; another unusable message
// with that id is stored too.
func TestRealQueue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	post := func(q *local.Queue, body, want string) {
		t.Helper()
		h, err := New(Options{Queue: q, Route: routes})
		if err != nil {
			t.Fatal(err)
		}
		s, err := Listen(ServerOptions{Handler: h, Listen: []string{"127.0.0.1:0"}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- s.Run(ctx) }()
		a := raw(t, s.Addrs()[0].String(), "POST /v1/batch HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: ", body)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if a.status != 200 || a.body != want {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	const rejected = `{"success":true,"rejected":[{"index":1,"messageId":"b","code":"missing_event","message":"a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"}]}`
	for range 2 {
		q, err := local.Open(dir, local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			post(q, `{"batch":[`+order+`,{"type":"track","messageId":"b"}]}`, rejected)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	q, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for range 2 {
		post(q, `{"batch":[`+order+`,{"type":"track","messageId":"b","properties":{}}]}`, rejected)
	}
	post(q, `{"batch":[{"type":"track","event":"Product Added","messageId":"b"}]}`, success)
	count := func(lane string) (ids []string) {
		for from := queue.Seq(0); ; {
			b, err := q.Read(lane, from, 100, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range b.Records {
				ids = append(ids, r.ID)
			}
			if from = b.Next; !b.More {
				return ids
			}
		}
	}
	for changed := q.Changed(); q.Stats().Opening; changed = q.Changed() {
		<-changed // old segments are checked after Open
	}
	for lane, want := range map[string]string{"701": "m-1 b", "702": "b", queue.LaneRefused: "b b"} {
		if got := strings.Join(count(lane), " "); got != want {
			t.Errorf("lane %s holds %q, want %q", lane, got, want)
		}
	}
}
