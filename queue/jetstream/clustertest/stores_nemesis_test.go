package clustertest

import (
	"math/rand/v2"
	"syscall"
	"time"
)

// storesNemesis causes random faults in a hub's relays and servers for a while.
func (c *nodes) storesNemesis(relays []*running, long time.Duration) {
	pause := func(most int) { time.Sleep(time.Duration(rand.IntN(most)) * time.Millisecond) }
	for end := time.Now().Add(long); time.Now().Before(end); {
		r, i := relays[rand.IntN(2)], rand.IntN(3)
		switch rand.IntN(5) {
		case 0:
			r.kill()
			pause(5000)
			r.start(c.t)
		case 1:
			r.cmd.Process.Signal(syscall.SIGSTOP) //nolint:errcheck // it runs
			pause(30000)
			r.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // it runs
		case 2:
			c.kill(i)
			pause(8000)
			c.start(i)
		case 3:
			c.signal(i, syscall.SIGSTOP)
			pause(12000)
			c.signal(i, syscall.SIGCONT)
		case 4:
			c.cut(i, true)
			pause(12000)
			c.cut(i, false)
		}
		c.settled()
		pause(6000)
	}
}
