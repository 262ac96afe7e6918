package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"relay/examples"
)

// demoSets are the event sets of examples/mapping-demo.yaml.
var demoSets = []string{"701000000000001", "701000000000002", "701000000000003", "701000000000004"}

// dayEvent is one event of examples/day.jsonl.
type dayEvent struct {
	body []byte
	till int
}

// postings counts what was posted and what relay answered.
type postings struct {
	requests, messages, rejected int
}

// readDay reads the sample day and shifts its times so that it ends now.
func readDay(now time.Time) ([]dayEvent, error) {
	src, err := examples.FS.ReadFile("day.jsonl")
	if err != nil {
		return nil, fmt.Errorf("read sample day: %w", err)
	}
	var day []map[string]any
	var last time.Time
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	for {
		var e map[string]any
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read sample day: %w", err)
		}
		day = append(day, e)
		if t, err := time.Parse(time.RFC3339, fmt.Sprint(e["timestamp"])); err == nil && t.After(last) {
			last = t
		}
	}
	var out []dayEvent
	for _, e := range day {
		if t, err := time.Parse(time.RFC3339, fmt.Sprint(e["timestamp"])); err == nil {
			e["timestamp"] = now.Add(t.Sub(last)).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		b, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("read sample day: %w", err)
		}
		var x struct{ Properties struct{ Till int } }
		_ = json.Unmarshal(b, &x)
		out = append(out, dayEvent{b, x.Properties.Till})
	}
	return out, nil
}

// post sends events like the tills: till 1 sends them one by one, the others in batches.
func (d *demo) post(ctx context.Context, events []dayEvent) error {
	batch := map[int][][]byte{}
	flush := func(till int) error {
		if len(batch[till]) == 0 {
			return nil
		}
		body := append([]byte(`{"batch":[`), bytes.Join(batch[till], []byte(","))...)
		n := len(batch[till])
		batch[till] = nil
		return d.send(ctx, "/v1/batch", append(body, `]}`...), n)
	}
	for _, e := range events {
		if e.till == 1 && bytes.Contains(e.body, []byte(`"event"`)) {
			if err := d.send(ctx, "/v1/track", e.body, 1); err != nil {
				return err
			}
			continue
		}
		batch[e.till] = append(batch[e.till], e.body)
		if len(batch[e.till]) == 12 {
			if err := flush(e.till); err != nil {
				return err
			}
		}
	}
	for till := range batch {
		if err := flush(till); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) send(ctx context.Context, path string, body []byte, messages int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("post to relay: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Success  bool
		Message  string
		Rejected []json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read answer of relay: %w", err)
	}
	if resp.StatusCode != http.StatusOK || !answer.Success {
		return fmt.Errorf("relay answered %d: %s", resp.StatusCode, answer.Message)
	}
	d.posted.requests++
	d.posted.messages += messages
	d.posted.rejected += len(answer.Rejected)
	return nil
}
