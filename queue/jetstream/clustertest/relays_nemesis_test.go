package clustertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"
)

// Whatever happens to two relays and three servers, every event answered with 200 is delivered,
// unchanged if twice. RELAY_EXAM_TIME (30m) sets the duration.
func TestRelaysNemesis(t *testing.T) {
	long, _ := time.ParseDuration(os.Getenv("RELAY_EXAM_TIME"))
	if long == 0 {
		t.Skip("RELAY_EXAM_TIME=30m runs it for as long; TestRelays is the short form")
	}
	graph := simulator(t)
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	relays := []*running{c.home("a", graph, ""), c.home("b", graph, "")}
	for _, r := range relays {
		r.start(t)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	acked := tills(ctx, 4, relays...)
	pause := func(most int) { time.Sleep(time.Duration(rand.IntN(most)) * time.Millisecond) }
	faults := []struct {
		name string
		do   func()
	}{
		{"kill -9 of a relay", func() { r := relays[rand.IntN(2)]; r.kill(); pause(5000); r.start(t) }},
		{"a relay is stopped in order", func() { r := relays[rand.IntN(2)]; r.stop(t); pause(2000); r.start(t) }},
		{"a relay is frozen and wakes", func() {
			r := relays[rand.IntN(2)]
			r.cmd.Process.Signal(syscall.SIGSTOP) //nolint:errcheck // it runs
			pause(30000)
			r.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // it runs
		}},
		{"kill -9 of a server", func() { i := rand.IntN(3); c.kill(i); pause(8000); c.start(i) }},
		{"a server is frozen", func() { i := rand.IntN(3); c.signal(i, syscall.SIGSTOP); pause(12000); c.signal(i, syscall.SIGCONT) }},
		{"two servers are killed", func() {
			i := rand.IntN(3)
			c.kill(i)
			c.kill((i + 1) % 3)
			pause(8000)
			c.start(i)
			c.start((i + 1) % 3)
		}},
		{"a server is cut off from the others", func() { i := rand.IntN(3); c.cut(i, true); pause(12000); c.cut(i, false) }},
	}
	did := make(map[string]int)
	for end := time.Now().Add(long); time.Now().Before(end); {
		f := faults[rand.IntN(len(faults))]
		did[f.name]++
		f.do()
		c.settled()
		pause(6000)
	}
	stop()
	ids := acked()
	v := verify(t, graph, ids)
	for start := time.Now(); v.Missing > 0 && time.Since(start) < 3*time.Minute; v = verify(t, graph, ids) {
		time.Sleep(time.Second)
	}
	takeovers := relays[0].taken() + relays[1].taken() - 1
	t.Logf("%d events answered 200; %d missing, %d sent twice over %d takeovers, %d of them otherwise: %s", len(ids), v.Missing, v.Repeated, takeovers, v.Changed, fmt.Sprint(did))
	if v.Missing != 0 || v.Changed != 0 || v.Repeated > 2*maxEvents*takeovers {
		t.Errorf("%+v over %d takeovers", v, takeovers)
	}
}
