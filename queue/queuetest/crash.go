package queuetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	childDir     = "RELAY_QUEUETEST_DIR"     // of the log the child works on
	childJournal = "RELAY_QUEUETEST_JOURNAL" // where the child records what it did
	childLife    = "RELAY_QUEUETEST_LIFE"    // number of the child, part of every id
)

// A process with an open log is killed at random moments under load from several callers and two
// readers. At the next open everything it had confirmed is there, and nothing it had not tried.
func testCrash(p part) {
	if !p.Outlives {
		p.Skip("a log of this engine does not outlive its process (Engine.Outlives)")
	}
	if testing.Short() {
		p.Skip("short")
	}
	rng, seed := seeded(p.T)
	base := p.TempDir()
	c := &crash{t: p.T, seed: seed, dir: filepath.Join(base, "log"), journal: filepath.Join(base, "journal"), open: p.Open, known: newJournal()}
	lives := times(5, 60)
	for life := range lives {
		c.live(life, rng, life%5 == 1)
		c.check(life%4 == 3)
		if p.Failed() {
			return
		}
	}
	if n := len(c.known.acked); n < 10*lives {
		p.Errorf("only %d events in %d lives", n, lives)
	}
	p.Logf("%d kills, %d events confirmed", lives, len(c.known.acked))
}

type crash struct {
	t       *testing.T
	seed    uint64
	dir     string
	journal string
	open    Opener
	known   *journal
}

// live starts a child and kills it, after it has worked for a moment or while it starts.
func (c *crash) live(life int, rng *rand.Rand, early bool) {
	c.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		c.t.Fatalf("find the test binary: %v", err)
	}
	name, _, _ := strings.Cut(c.t.Name(), "/crash")
	pattern := "^" + strings.ReplaceAll(name, "/", "$/^") + "$"
	cmd := exec.CommandContext(context.Background(), exe, "-test.run="+pattern)
	cmd.Env = append(os.Environ(), childDir+"="+c.dir, childJournal+"="+c.journal, fmt.Sprintf("%s=%d", childLife, life))
	said := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = said, said
	in, err := cmd.StdinPipe() // the child ends when this is closed
	if err != nil {
		c.t.Fatalf("start child: %v", err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("start child: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait() //nolint:errcheck // it was killed: the error says so
		close(ended)
	}()
	c.wait(ended, rng, early)
	select {
	case <-ended:
		c.t.Fatalf("seed %d: the child of life %d exited:\n%s", c.seed, life, said)
	default:
	}
	cmd.Process.Kill() //nolint:errcheck // it is there: nobody has waited for it
	<-ended
}

// wait waits for a random time: after the child has confirmed some events, or after its start.
func (c *crash) wait(ended <-chan struct{}, rng *rand.Rand, early bool) {
	c.t.Helper()
	sleep := func(d time.Duration) {
		select {
		case <-ended:
		case <-time.After(d):
		}
	}
	if early {
		sleep(time.Duration(rng.IntN(60)) * time.Millisecond)
		return
	}
	size := func() int64 {
		fi, err := os.Stat(c.journal)
		if err != nil {
			return 0
		}
		return fi.Size()
	}
	for was, start := size(), time.Now(); size() < was+2000 && time.Since(start) < patience(c.t); {
		sleep(time.Millisecond)
		select {
		case <-ended:
			return
		default:
		}
	}
	sleep(time.Duration(rng.IntN(250)) * time.Millisecond)
}

// check opens the log and compares it with the journal. With drain it settles everything, which
// later lives must not read again.
func (c *crash) check(drain bool) {
	c.t.Helper()
	if err := c.known.load(c.journal); err != nil {
		c.t.Fatalf("seed %d: %v", c.seed, err)
	}
	s := newSubject(c.t, c.open, c.dir)
	defer s.close()
	letters := make(map[string]bool)
	for _, l := range s.letters() {
		if letters[l] {
			c.t.Errorf("seed %d: letter %s is stored twice", c.seed, l)
		}
		letters[l] = true
	}
	for _, lane := range crashLanes {
		records := s.all(lane)
		for _, fault := range c.known.faults(lane, records, letters) {
			c.t.Errorf("seed %d: lane %s: %s", c.seed, lane, fault)
		}
		if drain && len(records) > 0 {
			s.settle(lane, records)
			for _, r := range records {
				key := lane + " " + r.ID
				delete(c.known.settling, key) // that settlement did not happen: r is not a letter
				c.known.settled[key] = true
			}
		}
	}
}
