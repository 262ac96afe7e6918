package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/graph"
)

func TestChunk(t *testing.T) {
	c := &Chunk{
		Epoch: Epoch{1, 2, 3}, Lane: Refused, From: 3 << 32, To: 3<<32 + 9, State: State{Waiting: 12, Oldest: received, Version: "1.2.3"},
		Records: []queue.Record{
			{Seq: 3 << 32, ID: "a", Received: received, Flags: queue.FlagNaN, Body: []byte("{}")},
			{Seq: 3<<32 + 8, ID: "b", Received: received.Add(time.Millisecond), Body: []byte{}},
		},
	}
	got, err := parse(c.Append(nil), 1<<20)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, want %+v; %v", got, c, err)
	}
	b := c.Append(nil)
	b[len(magic)] = 9
	var version *VersionError
	if _, err := parse(b, 1<<20); !errors.As(err, &version) || version.Version != 9 {
		t.Errorf("another version: %v", err)
	}
	b = c.Append(nil)
	for i := range b {
		if _, err := parse(b[:i], 1<<20); err == nil {
			t.Errorf("cut after %d bytes it is a chunk", i)
		}
	}
}

// FuzzChunk: nothing makes a parser panic, or take memory that it was not given.
func FuzzChunk(f *testing.F) {
	f.Add(orders("m", 0, 3).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parse(b, 1<<20)
		if err != nil {
			return
		}
		again, err := parse(c.Append(nil), 1<<20)
		if err != nil || len(again.Records) != len(c.Records) {
			t.Fatalf("read, written and read again: %v", err)
		}
	})
}

func FuzzChunkInside(f *testing.F) {
	raw := bytes.Repeat([]byte{1}, 40)
	f.Add(raw)
	f.Fuzz(func(_ *testing.T, raw []byte) { _ = new(Chunk).parse(raw) })
}

// took is the answer of a relay that accepted a body.
func took(body []byte) []byte { return fmt.Appendf(nil, `{"success":true,"proof":%q}`, Proof(body)) }

// Every answer, of a hub or of another server, has a class and a message.
func TestAnswers(t *testing.T) {
	said := func(code string) string {
		return `{"success":false,"code":"` + code + `","message":"m","versions":[7]}`
	}
	for name, tt := range map[string]struct {
		p     graph.Posted
		class graph.Class
		says  string
	}{
		"accepted":       {graph.Posted{Status: 200, Body: took([]byte("body"))}, graph.Delivered, ""},
		"not a relay":    {graph.Posted{Status: 200, Body: []byte(`{"success":true}`)}, graph.Retry, "not from a relay"},
		"another proof":  {graph.Posted{Status: 200, Body: took([]byte("another"))}, graph.Retry, "not from a relay"},
		"echo":           {graph.Posted{Status: 200, Body: []byte(`{"success":true,"proof":"body"}`)}, graph.Retry, "not from a relay"},
		"portal":         {graph.Posted{Status: 200, Body: []byte(`<html>`)}, graph.Retry, "not from a relay"},
		"meta-like":      {graph.Posted{Status: 200, Body: []byte(`{"events_received":1}`)}, graph.Retry, "not from a relay"},
		"proxy":          {graph.Posted{Status: 403, Body: []byte(`denied`)}, graph.Retry, "not from a relay"},
		"full":           {graph.Posted{Status: 429, Body: []byte(said("queue_full")), Header: http.Header{"Retry-After": {"30"}}}, graph.Throttle, "queue_full"},
		"busy":           {graph.Posted{Status: 429, Body: []byte(said("busy"))}, graph.Retry, "busy"},
		"too large":      {graph.Posted{Status: 413, Body: []byte(said("request_too_large"))}, graph.TooMuch, "too large for the hub"},
		"version":        {graph.Posted{Status: 415, Body: []byte(said("unsupported_version"))}, graph.ConfigPause, "version [7]"},
		"key":            {graph.Posted{Status: 401, Body: []byte(said("invalid_write_key"))}, graph.ConfigPause, "auth.keys"},
		"no store":       {graph.Posted{Status: 403, Body: []byte(said("no_store"))}, graph.ConfigPause, "store"},
		"no such path":   {graph.Posted{Status: 404, Body: []byte(said("not_found"))}, graph.ConfigPause, "forward.url"},
		"stopping":       {graph.Posted{Status: 503, Body: []byte(said("stopping"))}, graph.Retry, "503"},
		"no connection":  {graph.Posted{Err: "refused"}, graph.Retry, "refused"},
		"no answer":      {graph.Posted{Err: "no answer in time", Upload: graph.UploadWhole}, graph.Doubt, "no answer"},
		"invalid":        {graph.Posted{Status: 400, Body: []byte(said("invalid_chunk"))}, graph.ConfigPause, "upgrade"},
		"nonsense after": {graph.Posted{Status: 429, Body: []byte(said("busy")), Header: http.Header{"Retry-After": {"soon"}}}, graph.Retry, ""},
	} {
		r := result(tt.p, []byte("body"))
		told := advice.ForHub(r)
		if r.Class != tt.class || !strings.Contains(r.Message+" "+told.String(), tt.says) {
			t.Errorf("%s: %s %q: %s", name, r.Class, r.Message, told)
		}
		if told.What == "" || strings.Contains(r.Message, told.What) || r.Class == graph.ConfigPause && told.Do == "" {
			t.Errorf("%s: %q, %+v", name, r.Message, told)
		}
		if name == "full" && r.RetryAfter != 30*time.Second {
			t.Errorf("%s: %s", name, r.RetryAfter)
		}
	}
}

type poster func(body []byte) graph.Posted

func (p poster) Post(_ context.Context, _, _, _ string, body []byte) graph.Posted { return p(body) }

// A chunk never holds numbers of two epochs, and goes from the first record on.
func TestClientSplitsByEpoch(t *testing.T) {
	e, err := OpenEpochs(notes{}, 5)
	if err != nil {
		t.Fatal(err)
	}
	var sent []*Chunk
	c := NewClient(ClientOptions{Key: func() string { return "k" }, Epochs: e, Version: "v", Post: poster(func(b []byte) graph.Posted {
		chunk, err := parse(b, 1<<20)
		if err != nil {
			t.Error(err)
		}
		sent = append(sent, chunk)
		return graph.Posted{Status: 200, Body: took(b)}
	})})
	b := queue.Batch{From: 0, Next: 10, Records: orders("m", 2, 9).Records}
	end, _, r := c.Forward(t.Context(), queue.LaneForward, b, 7)
	if end != 5 || r.Class != graph.Delivered || r.Sent != 3 || len(sent[0].Records) != 3 || sent[0].From != 2 || sent[0].State.Waiting != 7 {
		t.Errorf("%x %+v %+v", end, r, sent[0])
	}
	b.Records = b.Records[3:]
	if end, _, r = c.Forward(t.Context(), queue.LaneForward, b, 4); end != 10 || r.Sent != 4 || sent[1].Epoch == sent[0].Epoch {
		t.Errorf("%x %+v %+v", end, r, sent[1])
	}
}

// The hub gets times of receipt that are corrected, and what was read stays as it was.
func TestClientCorrectsTimes(t *testing.T) {
	e, err := OpenEpochs(notes{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var sent *Chunk
	c := NewClient(ClientOptions{
		Key: func() string { return "k" }, Epochs: e,
		Received: func(r *queue.Record) time.Time { return r.Received.Add(3 * time.Hour) },
		Post: poster(func(b []byte) graph.Posted {
			if sent, err = parse(b, 1<<20); err != nil {
				t.Error(err)
			}
			return graph.Posted{Status: 200, Body: took(b)}
		}),
	})
	b := queue.Batch{From: 0, Next: 10, Records: orders("m", 2, 9).Records}
	was := slices.Clone(b.Records)
	if _, _, r := c.Forward(t.Context(), queue.LaneForward, b, 7); r.Class != graph.Delivered {
		t.Fatal(r)
	}
	for i := range was {
		if got := sent.Records[i].Received; !got.Equal(was[i].Received.Add(3 * time.Hour)) {
			t.Errorf("record %d: %s, received at %s", i, got, was[i].Received)
		}
		if !b.Records[i].Received.Equal(was[i].Received) {
			t.Errorf("record %d was changed", i)
		}
	}
	if !sent.State.Oldest.Equal(sent.Records[0].Received) {
		t.Errorf("oldest %s", sent.State.Oldest)
	}
}

// parse reads a chunk into memory of its own.
func parse(b []byte, most int) (*Chunk, error) {
	var c Chunk
	return &c, c.read(b, nil, most)
}
