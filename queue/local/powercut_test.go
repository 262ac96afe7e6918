//go:build linux

package local

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"relay/queue/queuetest/disktest"
)

// cut is a power cut: nothing that is not on the device yet gets there any more.
// It is not one instant: a sync that waits for the conversion of its extents
// meanwhile may return as if it had succeeded. So only what was acknowledged
// before it counts; the states within a sync are TestTornCommit's.
func cut(v *disktest.Volume, o *oracle) {
	o.mu.Lock()
	o.cutting = true
	o.mu.Unlock()
	v.Cut()
}

// The power goes at random moments, from the first start on.
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
		if exam() && i%10 == 9 { // the first start again and again
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

// The harness above is worth something only if it finds the loss where there
// is one: with every sync left out. Others on this machine may sync every volume
// at just that moment, so it may look a few times.
func TestPowerCutWithoutSync(t *testing.T) {
	for range 5 {
		if lost, acked := cutWithoutSync(t); lost > 0 {
			t.Logf("%d of %d acknowledged events are lost without syncs, as they should be", lost, acked)
			return
		}
	}
	t.Fatal("nothing is lost without syncs: the harness sees nothing")
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
