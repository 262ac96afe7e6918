//go:build linux

package local

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"relay/queue/queuetest/disktest"
)

// cut cuts the power: from now on nothing reaches the device. That is not one instant: a sync that
// waits for its extents to be converted meanwhile can return success. So only what was acknowledged
// before the cut counts. TestTornCommit tests the states within a sync.
func cut(v *disktest.Volume, o *oracle) {
	o.mu.Lock()
	o.cutting = true
	o.mu.Unlock()
	v.Cut()
}

// The power is cut at random moments, from the first start on.
func TestPowerCut(t *testing.T) {
	cuts := 6
	if exam() {
		cuts = 100
	}
	rng, seed := seeded(t)
	v := disktest.NewVolume(t, 96)
	o := newOracle(t)
	dir := filepath.Join(v.Dir(), "data", "queue")
	for i := range cuts {
		if exam() && i%10 == 9 { // the first start once more
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			unix.Sync()
			logs := o.logs
			o = newOracle(t)
			o.logs = logs
		}
		p := o.startChild(dir, nil)
		wait(p, rng)
		cut(v, o)
		p.kill()
		v.Remount()
		if lost := o.verify(dir); lost > 0 {
			t.Fatalf("seed %d: %d of %d acknowledged events are lost after power cut %d", seed, lost, len(o.acked), i+1)
		}
	}
	t.Logf("%d power cuts, %d events acknowledged in the last life of the queue, none lost; %d delivered again", cuts, len(o.acked), o.again)
}

// The harness must detect a loss where there is one: without syncs. Another process can sync all
// volumes at that moment, so it tries a few times.
func TestPowerCutWithoutSync(t *testing.T) {
	for range 5 {
		if lost, acked := cutWithoutSync(t); lost > 0 {
			t.Logf("%d of %d acknowledged events are lost without syncs, as they should be", lost, acked)
			return
		}
	}
	t.Fatal("nothing is lost without syncs: the harness cannot detect losses")
}

func cutWithoutSync(t *testing.T) (lost, acked int) {
	v := disktest.NewVolume(t, 96)
	o := newOracle(t)
	dir := filepath.Join(v.Dir(), "queue")
	p := o.startChild(dir, []string{childOpts + "=nosync"})
	p.work(500)
	cut(v, o)
	p.kill()
	v.Remount()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o.damage = true
	return o.verify(dir), len(o.acked)
}
