package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A child is this test binary as a process of its own that uses a queue until it is killed. It
// writes one line for each thing it knows:
//
//	A id                 Append of id returned nil
//	D lane id            lane is about to settle id as delivered
//	X lane id            lane is about to settle id as a dead letter
//	error text           something that must not happen has happened
const (
	childEnv   = "RELAY_QUEUE_CHILD" // the directory
	childRun   = "RELAY_QUEUE_RUN"   // number of the run, part of every id
	childKnown = "RELAY_QUEUE_KNOWN" // ids that must be known as duplicates
	childOpts  = "RELAY_QUEUE_OPTS"  // "nosync", "idle"
)

const batchMost = 40

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

func childOptions(opts string) Options {
	return Options{
		SegmentSize: 256 << 10, NoSync: strings.Contains(opts, "nosync"), MaxSize: 64 << 20,
		AppendTimeout: 20 * time.Second, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
}

// bodyOf returns the body for an id: always the same.
func bodyOf(id string) []byte {
	h := fnv.New64a()
	io.WriteString(h, id)
	rng := rand.New(rand.NewPCG(h.Sum64(), 7))
	b := make([]byte, 20+rng.IntN(60))
	if rng.IntN(10) == 0 {
		b = make([]byte, 6000)
	}
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return append([]byte(id+" "), b...)
}

// lanesOf returns the lanes for an id.
func lanesOf(id string) []string {
	switch len(bodyOf(id)) % 3 {
	case 0:
		return []string{"a"}
	case 1:
		return []string{"b"}
	}
	return []string{"a", "b"}
}

func child(dir string) {
	var mu sync.Mutex
	say := func(format string, a ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(os.Stdout, format+"\n", a...) // one write, so that no line is split
	}
	opts := os.Getenv(childOpts)
	q, err := Open(dir, childOptions(opts))
	if err != nil {
		say("error open: %v", err)
		os.Exit(1)
	}
	if known := os.Getenv(childKnown); known != "" {
		for id := range strings.FieldsSeq(known) {
			a, err := q.Append(context.Background(), []Entry{{ID: id, Lanes: lanesOf(id), Body: bodyOf(id)}})
			if err == nil && a.Stored > 0 {
				say("error %s was stored again", id)
			}
		}
	}
	for p := range 6 {
		go produce(q, fmt.Sprintf("%s-%d", os.Getenv(childRun), p), say)
	}
	for _, lane := range []string{"a", "b"} {
		go consume(q, lane, say)
	}
	io.Copy(io.Discard, os.Stdin) // ends with the parent
	os.Exit(0)
}

// produce appends until it is killed. Failed appends are repeated unchanged.
func produce(q *Queue, prefix string, say func(string, ...any)) {
	n := 0
	for {
		var es []Entry
		for range 1 + n*7%5 {
			id := fmt.Sprintf("%s-%d", prefix, n)
			n++
			es = append(es, Entry{ID: id, Lanes: lanesOf(id), Body: bodyOf(id)})
		}
		for {
			_, err := q.Append(context.Background(), es)
			if err == nil {
				break
			}
			if !retryable(err) {
				say("error append: %v", err)
				return
			}
			<-time.After(time.Millisecond)
		}
		for _, e := range es {
			say("A %s", e.ID)
		}
	}
}

func retryable(err error) bool {
	var full *FullError
	return errors.Is(err, ErrDoubt) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrStalled) || errors.Is(err, ErrBusy) || errors.As(err, &full)
}

// consume settles a lane until it is killed, some records as dead letters. It leaves some records
// of each batch to be settled later.
func consume(q *Queue, lane string, say func(string, ...any)) {
	for round := 0; ; round++ {
		changed := q.Changed()
		b, err := q.Read(lane, 0, batchMost, 0)
		if err != nil {
			<-time.After(time.Millisecond)
			continue
		}
		if len(b.Records) == 0 {
			<-changed
			continue
		}
		waits := func(i int) bool { return round%4 > 0 && (int(b.Records[i].Seq)*7+round)%5 == 0 }
		s := Settlement{Settled: b.RangesExcept(waits), Counts: map[string]int{"seen": len(b.Records)}}
		for i, r := range b.Records {
			if waits(i) {
				continue
			}
			if string(r.Body) != string(bodyOf(r.ID)) {
				say("error body of %s in lane %s", r.ID, lane)
			}
			if len(r.Body)%50 == 0 {
				s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: lane, Reason: "rejected", ReceivedAt: r.Received, Body: r.Body})
				say("X %s %s", lane, r.ID)
			} else {
				say("D %s %s", lane, r.ID)
			}
		}
		for settle(q, lane, s) != nil {
			<-time.After(time.Millisecond)
		}
	}
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	lines chan struct{} // closed when the last line was read
	acked atomic.Int64
	in    io.WriteCloser
}

// startChild starts a child on dir, under wrap (strace with arguments) if given, and passes each
// line to the oracle.
func (o *oracle) startChild(dir string, env []string, wrap ...string) *process {
	o.t.Helper()
	o.run++
	o.mu.Lock()
	o.cutting = false
	o.mu.Unlock()
	exe, err := os.Executable()
	if err != nil {
		o.t.Fatal(err)
	}
	args := append(wrap, exe)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"="+dir, fmt.Sprintf("%s=%d", childRun, o.run), childKnown+"="+strings.Join(o.recent(), " "))
	cmd.Env = append(cmd.Env, env...)
	p := &process{cmd: cmd, lines: make(chan struct{})}
	out, err := cmd.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	if p.in, err = cmd.StdinPipe(); err != nil {
		o.t.Fatal(err)
	}
	logs, err := os.OpenFile(filepath.Join(o.logs, "child.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		o.t.Fatal(err)
	}
	defer logs.Close()
	cmd.Stderr = logs
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		sc := bufio.NewScanner(out)
		for sc.Scan() {
			line := sc.Text()
			if strings.HasPrefix(line, "A ") {
				p.acked.Add(1)
			}
			o.hear(line)
		}
	}()
	return p
}

// work returns once n more events were acknowledged, or the child has ended.
func (p *process) work(n int64) {
	until := p.acked.Load() + n
	for p.acked.Load() < until {
		select {
		case <-p.lines:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// kill ends the child at once and reads its remaining lines.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.end()
}

func (p *process) end() {
	p.in.Close() // ends a child that is still running
	<-p.lines
	p.cmd.Wait() // the error is that it was killed
}

// oracle tracks what must be in a queue.
type oracle struct {
	t    *testing.T
	run  int
	logs string

	mu        sync.Mutex
	acked     map[string]bool
	delivered map[string]map[string]int // lane, id: times
	dead      map[string]map[string]bool
	last      []string // the last acked ids
	round     map[string]int
	again     int
	damage    bool // damaged files are expected
	cutting   bool // acknowledgements from now on might be false, because of the power cut
}

func newOracle(t *testing.T) *oracle {
	lanes := func() map[string]map[string]int {
		return map[string]map[string]int{"a": {}, "b": {}}
	}
	o := &oracle{
		t: t, logs: t.TempDir(), acked: make(map[string]bool), delivered: lanes(),
		dead: map[string]map[string]bool{"a": {}, "b": {}}, round: make(map[string]int),
	}
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(o.logs, "child.log"))
			t.Logf("the children's last words:\n%s", b[max(0, len(b)-6000):])
		}
	})
	return o
}

func (o *oracle) hear(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := strings.Fields(line)
	switch {
	case o.cutting && (len(f) == 2 && f[0] == "A" || strings.HasPrefix(line, "error open:")):
	case len(f) == 2 && f[0] == "A":
		o.acked[f[1]] = true
		if o.last = append(o.last, f[1]); len(o.last) > 30 {
			o.last = o.last[1:]
		}
	case len(f) == 3 && f[0] == "D":
		if o.delivered[f[1]][f[2]]++; o.delivered[f[1]][f[2]] > 1 {
			o.round[f[1]]++
		}
	case len(f) == 3 && f[0] == "X":
		o.dead[f[1]][f[2]] = true
	default:
		o.t.Errorf("child: %s", line)
	}
}

// recent returns ids that must still be known as duplicates.
func (o *oracle) recent() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.last...)
}

// verify opens a copy of dir and compares it with what the children reported. It returns how many
// acknowledged ids are lost.
func (o *oracle) verify(dir string) (lost int) {
	o.t.Helper()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && len(o.acked) == 0 {
		return 0 // the directory was not created yet
	}
	copied := filepath.Join(o.t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		o.t.Fatal(err)
	}
	defer os.RemoveAll(copied)
	opt := childOptions("nosync")
	opt.Logger = nil
	q, err := Open(copied, opt)
	if err != nil {
		o.t.Fatalf("open after run %d: %v", o.run, err)
	}
	defer q.Close()
	opened(o.t, q)
	o.mu.Lock()
	defer o.mu.Unlock()
	found := map[string]map[string]int{"a": {}, "b": {}}
	note := func(lane, id string, body []byte, where string) {
		var run, p, n int
		if _, err := fmt.Sscanf(id, "%d-%d-%d", &run, &p, &n); err != nil || run > o.run {
			o.t.Errorf("%s contains %q, which was never sent", where, id)
		}
		if string(body) != string(bodyOf(id)) {
			o.t.Errorf("%s: the body of %s is not what was sent", where, id)
		}
		found[lane][id]++
	}
	for _, lane := range []string{"a", "b"} {
		for from := Seq(0); ; {
			b, err := q.Read(lane, from, 0, 0)
			if err != nil {
				o.t.Fatal(err)
			}
			for _, r := range b.Records {
				note(lane, r.ID, r.Body, "lane "+lane)
				if found[lane][r.ID] > 1 {
					o.t.Errorf("lane %s has %s twice", lane, r.ID)
				}
			}
			if from = b.Next; !b.More {
				break
			}
		}
	}
	type made struct {
		lane string
		seq  Seq
		slot uint8
	}
	letters := make(map[made]string)
	if err := q.DeadLetters("", func(d DeadLetter) bool {
		note(d.EventSet, d.MessageID, d.Body, "dead letters")
		of := made{d.EventSet, d.Seq, d.Slot}
		if other, ok := letters[of]; ok {
			o.t.Errorf("dead letters %s and %s are of one record", other, d.ID)
		}
		letters[of] = d.ID
		return true
	}); err != nil {
		o.t.Fatal(err)
	}
	for id := range o.acked {
		for _, lane := range lanesOf(id) {
			if found[lane][id] == 0 && o.delivered[lane][id] == 0 {
				if lost++; lost <= 5 {
					st, _ := q.Lane(lane)
					o.t.Logf("lost: %s of lane %s, which is at %x; a dead letter: %v", id, lane, uint64(st.Cursor), o.dead[lane][id])
				}
			}
		}
	}
	for _, lane := range []string{"a", "b"} {
		if n := o.round[lane]; n > batchMost {
			o.t.Errorf("lane %s delivered %d again after one restart, more than the batch under way", lane, n)
		}
		o.again += o.round[lane]
		o.round[lane] = 0
	}
	if st := q.Stats(); !o.damage && (st.BadSegments > 0 || st.BadChunks > 0 || st.MetaRebuilt) {
		o.t.Errorf("damage after run %d: %d segments, %d chunks, meta rebuilt %v", o.run, st.BadSegments, st.BadChunks, st.MetaRebuilt)
	}
	return lost
}
