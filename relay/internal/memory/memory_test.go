package memory

import (
	"runtime/debug"
	"testing"
)

func TestMemoryBounds(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	now := func() (int, int64) {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p, debug.SetMemoryLimit(-1)
	}
	m := Tune()
	if p, l := now(); p != gcMost || l != softLimit {
		t.Errorf("tuned to %d %%, %d bytes", p, l)
	}
	held := make([]byte, 64<<20)
	m.trim()
	m.look()
	if p, l := now(); p != gcLeast || l < int64(len(held)) {
		t.Errorf("with %d bytes alive: %d %%, %d bytes; a limit below would stall", len(held), p, l)
	}
	m.Restore()
	if p, l := now(); p != 100 || l != limit {
		t.Errorf("restored to %d %%, %d bytes", p, l)
	}
	t.Setenv("GOGC", "70")
	t.Setenv("GOMEMLIMIT", "1GiB")
	m = Tune()
	m.look()
	if p, l := now(); p != 100 || l != limit {
		t.Errorf("GOGC and GOMEMLIMIT are set, yet it is %d %%, %d bytes", p, l)
	}
	m.Restore()
	held[0] = 1
}
