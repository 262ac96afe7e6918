package clustertest

import (
	"context"
	"syscall"
	"testing"
	"time"
)

// A relay is not ready while too few servers are available to store events, and is ready again once
// they are back.
func TestReadyByQuorum(t *testing.T) {
	t.Parallel()
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	l, err := openLog(t.Context(), c.options("ready"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	can := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // like relay
		defer cancel()
		return l.CanAppend(ctx)
	}
	eventually(t, "the servers do not accept events", func() bool { return can() == nil })
	for range 10 {
		time.Sleep(500 * time.Millisecond)
		if err := can(); err != nil {
			t.Errorf("idle: %v", err)
		}
	}
	c.spread("ready")
	for i := range 3 { // one server that is down or hangs is tolerated, whatever it led
		c.signal(i, syscall.SIGSTOP)
		for range 16 {
			if err := can(); err != nil {
				t.Errorf("n%d hangs: %v", i, err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		c.signal(i, syscall.SIGCONT)
		c.settled()
		c.spread("ready")
	}
	c.kill(0)
	c.kill(1)
	eventually(t, "CanAppend still succeeds with one server of three", func() bool { return can() != nil })
	time.Sleep(12 * time.Second)
	if can() == nil {
		t.Error("CanAppend succeeds with one server of three")
	}
	c.start(0)
	eventually(t, "CanAppend fails with two servers of three", func() bool { return can() == nil })
	for range 10 {
		time.Sleep(500 * time.Millisecond)
		if err := can(); err != nil {
			t.Errorf("with two: %v", err)
		}
	}
}
