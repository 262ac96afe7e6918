package clustertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
)

const (
	replicaEnv   = "RELAY_CLUSTERTEST_REPLICA"
	replicaBatch = 50
	replicaLease = 3 * time.Second
)

// replicaOptions are the options of a replica process.
type replicaOptions struct {
	URLs, Monitor []string
	Journal       string
}

// replica drains while it has the lease, until standard input ends, and writes what it does to its
// journal: "sent ID", and after a settlement "settled ID".
func replica(text string) {
	go func() { io.Copy(io.Discard, os.Stdin); os.Exit(0) }() //nolint:errcheck // its end is what counts
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var o replicaOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fail(err)
	}
	f, err := os.OpenFile(o.Journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		fail(err)
	}
	say := func(what string, rs []queue.Record) {
		var b strings.Builder
		for _, r := range rs {
			fmt.Fprintln(&b, what, r.ID)
		}
		f.WriteString(b.String()) //nolint:errcheck // the test sees what is missing
	}
	ctx := context.Background()
	l, err := openLog(ctx, jetstream.Options{URLs: o.URLs, Monitor: o.Monitor, Name: "lease", MaxSize: 48 << 20, DeadMaxSize: 8 << 20, Lease: replicaLease})
	if err != nil {
		fail(err)
	}
	for {
		le, err := l.Lease(ctx)
		if err != nil { // as relay does
			time.Sleep(100 * time.Millisecond)
			continue
		}
		fmt.Fprintln(f, "leads")
		for le.Fresh() {
			rev := queue.Revision(0)
			lanes, err := l.Lanes(ctx)
			if err != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			for _, ln := range lanes {
				rev = ln.Revision
			}
			b, err := l.Read(ctx, "a", 0, jetstream.Limit{Records: replicaBatch})
			if err != nil || len(b.Records) == 0 {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if !le.Fresh() {
				break
			}
			say("sent", b.Records)
			time.Sleep(50 * time.Millisecond) // Meta's answer
			s := queue.Settlement{ID: rand.Uint64(), Revision: rev, Settled: b.Covers}
			for {
				if _, err = l.Settle(ctx, "a", s); err == nil || errors.Is(err, queue.ErrFenced) || errors.Is(err, queue.ErrStale) {
					break
				}
			}
			if errors.Is(err, queue.ErrFenced) {
				fmt.Fprintln(f, "fenced")
				break
			}
			if err == nil {
				say("settled", b.Records)
			}
		}
		le.Release()
	}
}

type replicaProcess struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	journal string
}

func (c *cluster) startReplica(t *testing.T, journal string) *replicaProcess {
	t.Helper()
	text, err := json.Marshal(replicaOptions{c.urls, c.monitor, journal})
	if err != nil {
		t.Fatal(err)
	}
	p := &replicaProcess{cmd: exec.CommandContext(context.Background(), os.Args[0]), journal: journal}
	p.cmd.Env = append(os.Environ(), replicaEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	return p
}

func (p *replicaProcess) kill() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	p.cmd.Wait()         //nolint:errcheck // it was killed
	p.stdin.Close()
}

// lines returns the journal's lines.
func (p *replicaProcess) lines(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(p.journal)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// leads reports whether the replica's last journal entry says that it holds the lease.
func (p *replicaProcess) leads(t *testing.T) bool {
	t.Helper()
	leads := false
	for _, line := range p.lines(t) {
		switch line {
		case "leads":
			leads = true
		case "fenced":
			leads = false
		}
	}
	return leads
}

// One replica drains. If it is killed or frozen, another takes over within one and a half times the
// lease. At most the batch in progress is sent again, and a replica that resumes settles nothing.
func TestLease(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	l := c.opened(t, "lease")
	dir := t.TempDir()
	var all []*replicaProcess
	start := func() *replicaProcess {
		p := c.startReplica(t, filepath.Join(dir, fmt.Sprint("journal", len(all))))
		all = append(all, p)
		return p
	}
	n := 0
	feed := func() { appendIDs(t, l, fmt.Sprint("m", n)); n++ }
	until := func(what string, ok func() bool) time.Duration {
		t.Helper()
		begin := time.Now()
		for !ok() {
			feed()
			if time.Since(begin) > 45*time.Second {
				t.Fatal(what)
			}
			time.Sleep(5 * time.Millisecond)
		}
		return time.Since(begin)
	}
	one := start()
	until("the first replica does not lead", func() bool { return one.leads(t) && len(one.lines(t)) > 3 })
	takeovers := 0
	for _, fault := range []string{"killed", "frozen", "killed", "frozen"} {
		two := start()
		feed()
		time.Sleep(time.Second) // it has read everything
		if two.leads(t) {
			t.Fatal("two replicas hold the lease")
		}
		if fault == "killed" {
			one.kill()
		} else if err := one.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		took := until("nobody takes over", func() bool { return two.leads(t) && len(two.lines(t)) > 3 })
		takeovers++
		t.Logf("%s: the next replica drains after %v", fault, took.Round(time.Millisecond))
		if took < replicaLease*2/3 {
			t.Errorf("a lease of %v was taken after %v", replicaLease, took)
		}
		if fault == "frozen" {
			before := len(one.lines(t))
			one.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // it runs
			time.Sleep(time.Second)
			late := 0
			for _, line := range one.lines(t)[before:] {
				if strings.HasPrefix(line, "settled") {
					late++
				}
			}
			if late > replicaBatch { // the answer for one batch may have been in flight
				t.Errorf("a replica that was frozen settled %d events", late)
			}
			one.kill()
		}
		one = two
	}
	soon(t, "not everything is settled", func() bool { ids, _ := waiting(t, l); return len(ids) == 0 })
	time.Sleep(500 * time.Millisecond)
	sent, settled := make(map[string]int), make(map[string]int)
	for _, p := range all {
		for _, line := range p.lines(t) {
			if what, id, ok := strings.Cut(line, " "); ok {
				map[string]map[string]int{"sent": sent, "settled": settled}[what][id]++
			}
		}
	}
	twice := 0
	for i := range n {
		id := fmt.Sprint("m", i)
		if sent[id] == 0 || settled[id] > 1 {
			t.Errorf("%s was sent %d times and settled %d times", id, sent[id], settled[id])
		}
		if sent[id] > 1 {
			twice++
		}
	}
	if twice > takeovers*replicaBatch {
		t.Errorf("%d events were sent twice in %d takeovers of one batch of %d each", twice, takeovers, replicaBatch)
	}
	t.Logf("%d events, %d takeovers, %d sent twice", n, takeovers, twice)
}
