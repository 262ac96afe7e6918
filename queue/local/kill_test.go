//go:build linux

package local

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A process is killed at random moments, from the first start on, with segments so small that they
// are rotated and unlinked all the time.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	kills := 8
	if exam() {
		kills = 150
	}
	rng, seed := seeded(t)
	o := newOracle(t)
	dir := filepath.Join(t.TempDir(), "queue")
	for i := range kills {
		p := o.startChild(dir, nil)
		wait(p, rng)
		p.kill()
		if lost := o.verify(dir); lost > 0 {
			t.Fatalf("seed %d: %d acknowledged events are lost after kill %d", seed, lost, i+1)
		}
	}
	if len(o.acked) < 25*kills {
		t.Errorf("only %d events in %d runs: too few to prove anything", len(o.acked), kills)
	}
	t.Logf("%d kills, %d events acknowledged, none lost; %d dead letters; %d delivered again", kills, len(o.acked), len(o.dead["a"])+len(o.dead["b"]), o.again)
}

// wait lets a child live for a number of events, or sometimes just for its start.
func wait(p *process, rng *rand.Rand) {
	if rng.IntN(6) == 0 {
		<-time.After(time.Duration(rng.IntN(30)) * time.Millisecond)
		return
	}
	p.work(int64(100 + rng.IntN(200)))
	<-time.After(time.Duration(rng.IntN(20)) * time.Millisecond) // at any moment of a commit
}

// The process is killed at each system call that changes the disk: during the first start, and
// during normal work.
func TestKillAtEachCall(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil || testing.Short() {
		t.Skip("needs strace")
	}
	starts, lives := 4, 4
	if exam() {
		starts, lives = 60, 60
	}
	calls := "renameat,renameat2,rename,unlinkat,unlink,linkat,fdatasync,fsync,ftruncate,truncate,pwrite64,openat"
	start := func(o *oracle, dir string, which string, when int) {
		p := o.startChild(dir, nil, strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", which, when))
		select {
		case <-p.lines:
		case <-time.After(3 * time.Second): // there were fewer calls of that kind
			p.kill()
			return
		}
		p.end()
	}
	t.Run("first start", func(t *testing.T) {
		for i := range starts {
			o := newOracle(t)
			dir := filepath.Join(t.TempDir(), "queue")
			start(o, dir, calls, 8+i*64/starts)
			if lost := o.verify(dir); lost > 0 {
				t.Fatalf("call %d: %d events are lost", i, lost)
			}
		}
	})
	t.Run("at work", func(t *testing.T) {
		o := newOracle(t)
		dir := filepath.Join(t.TempDir(), "queue")
		which := strings.Split("renameat,unlinkat,fdatasync,ftruncate,pwrite64,fsync", ",")
		for i := range lives {
			start(o, dir, which[i%len(which)], 1+i/len(which)*3)
			if lost := o.verify(dir); lost > 0 {
				t.Fatalf("%s %d: %d events are lost", which[i%len(which)], i, lost)
			}
		}
	})
}
