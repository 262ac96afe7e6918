package session

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/api"
)

// What an import tries again: a full queue, a 503, and a relay that is unreachable for no
// longer than Patience. Everything else ends it.
func TestRetryable(t *testing.T) {
	unreachable := fmt.Errorf("%w at x", api.ErrUnreachable)
	for _, c := range []struct {
		name string
		err  error
		gone time.Duration // how long relay has been unreachable
		want error         // nil: not retried
	}{
		{"unreachable now", unreachable, 0, queue.ErrUnavailable},
		{"unreachable for long", unreachable, time.Hour, nil},
		{"503", &api.Error{Status: 503, Code: "disk_unavailable"}, 0, queue.ErrUnavailable},
		{"400", &api.Error{Status: 400, Code: "bad_request"}, 0, nil},
		{"another error", errors.New("x"), 0, nil},
	} {
		d := &RemoteQueue{Patience: time.Minute}
		if c.gone > 0 {
			d.gone = time.Now().Add(-c.gone)
		}
		got := d.retryable(c.err)
		if !errors.Is(got, c.err) {
			t.Errorf("%s: %v loses the cause", c.name, got)
		}
		if retried := errors.Is(got, queue.ErrUnavailable); retried != (c.want != nil) {
			t.Errorf("%s: retried %t", c.name, retried)
		}
	}
	d := &RemoteQueue{Patience: time.Minute, gone: time.Now()}
	var full *queue.FullError
	if err := d.retryable(&api.Error{Status: 503, Code: "queue_full", Message: "full"}); !errors.As(err, &full) || full.RetryAfter <= 0 {
		t.Errorf("a full queue: %v", err)
	}
	if err := d.retryable(nil); err != nil || !d.gone.IsZero() {
		t.Errorf("after a success relay still counts as unreachable: %v", err)
	}
}
