package clustertest

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"relay/queue/queuetest/disktest"
)

// The power of all three servers is cut at once, repeatedly, under two relays: every event answered
// with 200 is delivered, unchanged if twice. RELAY_EXAM_CUTS (20) sets how often.
func TestRelaysPowerCuts(t *testing.T) {
	cuts, _ := strconv.Atoi(os.Getenv("RELAY_EXAM_CUTS"))
	if cuts == 0 {
		t.Skip("RELAY_EXAM_CUTS=20 runs it; TestPowerCut is the short form")
	}
	v := disktest.NewVolume(t, 1024)
	var dirs [3]string
	for i := range dirs {
		dirs[i] = filepath.Join(v.Dir(), strconv.Itoa(i))
	}
	graph := simulator(t)
	c := startNodes(t, true, dirs)
	c.settled()
	a, b := c.home("a", graph, ""), c.home("b", graph, "")
	a.start(t)
	b.start(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	acked := tills(ctx, 8, a, b)
	for range cuts {
		time.Sleep(2*time.Second + time.Duration(rand.IntN(1000))*time.Millisecond)
		v.Cut()
		for i := range c.all {
			c.kill(i)
		}
		v.Remount()
		for i := range c.all {
			c.start(i)
		}
		c.settled()
	}
	time.Sleep(5 * time.Second)
	stop()
	ids := acked()
	left := verify(t, graph, ids)
	for start := time.Now(); left.Missing > 0 && time.Since(start) < 2*time.Minute; left = verify(t, graph, ids) {
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("%d events answered 200 over %d power cuts; %d missing, %d sent twice, %d of them otherwise", len(ids), cuts, left.Missing, left.Repeated, left.Changed)
	if left.Missing != 0 || left.Changed != 0 || len(ids) < 50*cuts {
		t.Errorf("%d events: %+v", len(ids), left)
	}
}
