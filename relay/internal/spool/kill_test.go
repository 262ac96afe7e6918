package spool

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local"
)

const (
	childEnv  = "SPOOL_TEST_CHILD" // the directory of its queue
	dropsEnv  = "SPOOL_TEST_DROPS" // its spool directory
	sealedEnv = "SPOOL_TEST_SEALED"
)

// runChild makes this test binary the process that the tests below kill: a real queue and a spool
// directory.
func runChild() bool {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return false
	}
	o := DirectoryOptions{Dir: os.Getenv(dropsEnv), Quiet: -1, Keep: -1, Poll: time.Millisecond}
	if os.Getenv(sealedEnv) != "" {
		keys, err := seal.NewKeys(bytes.Repeat([]byte{1}, 32))
		if err != nil {
			fmt.Println("key:", err)
			return true
		}
		o.Seal = seal.NewRing(keys)
	}
	q, err := local.Open(filepath.Join(dir, "queue"), local.Options{SegmentSize: 256 << 10})
	if err != nil {
		fmt.Println("open:", err)
		return true
	}
	o.Queue = q
	d, err := NewDirectory(o)
	if err != nil {
		fmt.Println("directory:", err)
		return true
	}
	fmt.Println("up")
	_ = d.Run(context.Background())
	return true
}

// killChild starts the process and kills it at a random moment.
func killChild(t *testing.T, dir, drops string, most time.Duration, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(append(os.Environ(), childEnv+"="+dir, dropsEnv+"="+drops), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "up\n" {
		t.Fatalf("the child printed %q", line)
	}
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(most))))
	<-timer.C // a random moment, on which no assertion depends
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// onceInQueue checks that each row of sales(0, rows) is in the queue exactly once.
func onceInQueue(t *testing.T, q *local.Queue, rows int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for q.Stats().Opening { // old segments are checked after Open
		<-tick.C
	}
	times := make(map[string][]queue.Record, rows)
	for from := queue.Seq(0); ; {
		b, err := q.Read(queue.LaneUnmapped, from, 10000, 64<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			times[string(r.Body)] = append(times[string(r.Body)], r)
		}
		from = b.Next
		if !b.More {
			break
		}
	}
	for want := range strings.Lines(sales(0, rows)) {
		if rs := times[strings.TrimSpace(want)]; len(rs) != 1 {
			t.Errorf("%d times in the queue: %s", len(rs), want)
			for _, r := range rs {
				t.Logf("%x %s", r.Seq, r.ID)
			}
			break
		}
	}
	if len(times) != rows {
		t.Errorf("%d different events, want %d", len(times), rows)
	}
}

// Files are dropped and the process that stores them is killed again and again at random moments.
// In the end every row is in the queue exactly once.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	drops := filepath.Join(dir, "spool")
	if err := os.Mkdir(drops, 0o700); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i := range 60 {
		n := 1 + rand.IntN(3*batchRows)
		name := filepath.Join(drops, fmt.Sprintf("%02d.jsonl", i))
		if err := os.WriteFile(name+".tmp", []byte(sales(rows, n)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".tmp", name); err != nil {
			t.Fatal(err)
		}
		rows += n
	}
	for range 15 {
		killChild(t, dir, drops, 40*time.Millisecond)
	}
	left, _ := filepath.Glob(filepath.Join(drops, "*.jsonl"))
	t.Logf("%d rows in 60 files, %d files untouched after 15 kills", rows, len(left))

	q, err := local.Open(filepath.Join(dir, "queue"), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	d := newDirectory(t, DirectoryOptions{Dir: drops, Queue: q, Quiet: -1, CrashDelay: -1, Keep: -1})
	d.scan(t.Context())
	onceInQueue(t, q, rows)
	if got := tree(t, drops); strings.Contains(got, ".work") || strings.Count(got, "done/") != 60 {
		t.Errorf("files %s", got)
	}
}
