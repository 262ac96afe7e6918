package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// TestKillLosesNothing kills a real relay again and again while clients post
// to it, and holds what was answered 200 against what the simulator received.
func TestKillLosesNothing(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, ""), testMapping)

	var mu sync.Mutex
	var acked []string
	for round := range rounds {
		p := h.start(t)
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for client := range 8 {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("k%d-%d-%d", round, client, i)
					r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/track", strings.NewReader(order(id)))
					if err != nil {
						return
					}
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						return // killed
					}
					resp.Body.Close()
					if resp.StatusCode == http.StatusOK {
						mu.Lock()
						acked = append(acked, id)
						mu.Unlock()
					}
				}
			})
		}
		accepted := func() int { mu.Lock(); defer mu.Unlock(); return len(acked) }
		before := accepted()
		eventually(t, "enough events are accepted", func() bool { return accepted() >= before+50 })
		timer := time.NewTimer(time.Duration(rand.IntN(400)) * time.Millisecond)
		<-timer.C
		p.kill(t)
		stop()
		wg.Wait()
	}
	p := h.start(t)
	eventually(t, "all that was answered 200 is at the simulator", func() bool { return sb.Verify(acked, "").Missing == 0 })
	v := sb.Verify(acked, "")
	if v.Changed != 0 {
		t.Errorf("%d conversions were sent twice with different content", v.Changed)
	}
	t.Logf("%d events answered 200 over %d kills; %d missing, %d sent more than once", len(acked), rounds, v.Missing, v.Repeated)
	p.stop(t)
}

// TestSecondInstance: the same directory twice is refused, the first goes on.
func TestSecondInstance(t *testing.T) {
	_, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, ""), testMapping)
	p := h.start(t)
	out, err := relayCommand(t.Context(), "run", "--config", h.path("relay.yaml")).CombinedOutput()
	if code := exitOf(err); code != exit.Later {
		t.Errorf("exit code %d, want %d\n%s", code, exit.Later, out)
	}
	if want := fmt.Sprintf("process %d", p.cmd.Process.Pid); !strings.Contains(string(out), want) {
		t.Errorf("the message does not name the owner (%s):\n%s", want, out)
	}
	if status, body := post(t, p.url+"/v1/track", order("still-up")); status != http.StatusOK {
		t.Errorf("the first answers %d %s", status, body)
	}
	p.stop(t)
}
