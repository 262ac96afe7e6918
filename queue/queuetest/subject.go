package queuetest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"relay/queue"
)

// subject is an open log under test. Its methods fail the test if the log returns an error.
type subject struct {
	t    *testing.T
	open Opener
	dir  string
	log  Log
	n    int // settlements so far
}

func newSubject(t *testing.T, open Opener, dir string) *subject {
	t.Helper()
	s := &subject{t: t, open: open, dir: dir}
	s.start()
	t.Cleanup(s.close)
	return s
}

func (s *subject) start() {
	s.t.Helper()
	l, err := s.open(s.dir)
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
	s.log = l
}

func (s *subject) close() {
	s.t.Helper()
	if s.log == nil {
		return
	}
	if err := s.log.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
	s.log = nil
}

func (s *subject) reopen() {
	s.t.Helper()
	s.close()
	s.start()
}

func (s *subject) patience() time.Duration { return patience(s.t) }

// ctx returns a context that ends when the test has waited long enough.
func (s *subject) ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.t.Context(), s.patience())
}

func (s *subject) append(entries ...queue.Entry) queue.Appended {
	s.t.Helper()
	ctx, cancel := s.ctx()
	defer cancel()
	a, err := s.log.Append(ctx, entries)
	if err != nil {
		s.t.Fatalf("append: %v", err)
	}
	return a
}

// stored appends entries, which must all be new.
func (s *subject) stored(entries ...queue.Entry) {
	s.t.Helper()
	if a := s.append(entries...); a != (queue.Appended{Stored: len(entries)}) {
		s.t.Fatalf("append of %d new entries: %+v", len(entries), a)
	}
}

func (s *subject) read(lane string, from Position, limit Limit) Batch {
	s.t.Helper()
	ctx, cancel := s.ctx()
	defer cancel()
	b, err := s.log.Read(ctx, lane, from, limit)
	if err != nil {
		s.t.Fatalf("read lane %s: %v", lane, err)
	}
	if len(b.Records) == 0 && b.More {
		s.t.Fatalf("read lane %s: no records, but More is true", lane)
	}
	return b
}

// all reads a lane to its end without settling.
func (s *subject) all(lane string) []queue.Record {
	s.t.Helper()
	return s.batch(lane).Records
}

// batch returns all of a lane as one Batch.
func (s *subject) batch(lane string) Batch {
	s.t.Helper()
	out := s.read(lane, 0, Limit{})
	for out.More {
		b := s.read(lane, out.Next, Limit{})
		out.Records, out.Covers = append(out.Records, b.Records...), append(out.Covers, b.Covers...)
		out.Next, out.More = b.Next, b.More
	}
	return out
}

// wants fails the test unless exactly these ids are pending in lane, in this order, with their
// bodies.
func (s *subject) wants(lane string, ids ...string) {
	s.t.Helper()
	got := s.all(lane)
	if !slices.Equal(idsOf(got), ids) {
		s.t.Fatalf("lane %s has %q, want %q", lane, idsOf(got), ids)
	}
	for _, r := range got {
		if string(r.Body) != string(bodyOf(r.ID)) {
			s.t.Fatalf("lane %s: the body of %s is not what was appended", lane, r.ID)
		}
	}
}

// settlement returns a settlement of records for the lane's current revision.
func (s *subject) settlement(lane string, records []queue.Record) Settlement {
	s.t.Helper()
	s.n++
	out := Settlement{ID: idOf(s.t.Name(), s.n), Revision: s.lane(lane).Revision}
	in := make(map[queue.Seq]bool)
	for _, r := range records {
		in[r.Seq] = true
	}
	out.Settled = s.batch(lane).done(func(r queue.Record) bool { return !in[r.Seq] })
	return out
}

// idOf returns a different id for different words.
func idOf(words ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, words...)
	return h.Sum64()
}

func (s *subject) settle(lane string, records []queue.Record, dead ...Letter) {
	s.t.Helper()
	x := s.settlement(lane, records)
	x.Dead = dead
	x.Counts = map[string]int64{"seen": int64(len(records))}
	s.commit(lane, x)
}

func (s *subject) commit(lane string, x Settlement) {
	s.t.Helper()
	ctx, cancel := s.ctx()
	defer cancel()
	if _, err := s.log.Settle(ctx, lane, x); err != nil {
		s.t.Fatalf("settle lane %s: %v", lane, err)
	}
}

// drain reads and settles a lane to its end and returns the ids.
func (s *subject) drain(lane string) (ids []string) {
	s.t.Helper()
	for {
		b := s.read(lane, 0, Limit{})
		if len(b.Records) == 0 {
			return ids
		}
		ids = append(ids, idsOf(b.Records)...)
		s.settle(lane, b.Records)
	}
}

// lane returns a lane; its name is empty if it is not listed.
func (s *subject) lane(name string) Lane {
	s.t.Helper()
	ctx, cancel := s.ctx()
	defer cancel()
	lanes, err := s.log.Lanes(ctx)
	if err != nil {
		s.t.Fatalf("lanes: %v", err)
	}
	for _, l := range lanes {
		if l.Name == name {
			return l
		}
	}
	return Lane{}
}

// letters returns all letters as "lane id", in order.
func (s *subject) letters() (out []string) {
	s.t.Helper()
	after := ""
	for {
		ctx, cancel := s.ctx()
		page, err := s.log.Dead(ctx, after, 100)
		cancel()
		if err != nil {
			s.t.Fatalf("dead: %v", err)
		}
		for _, d := range page {
			if string(d.Record.Body) != string(bodyOf(d.Record.ID)) {
				s.t.Errorf("letter %s %s: the body is not what was appended", d.Lane, d.Record.ID)
			}
			out = append(out, d.Lane+" "+d.Record.ID)
			after = d.ID
		}
		if len(page) == 0 {
			return out
		}
	}
}

// patience is how long a call may take before the test fails: less than the timeout of go test.
func patience(t *testing.T) time.Duration {
	t.Helper()
	most := 30 * time.Second
	if end, ok := t.Deadline(); ok {
		most = min(most, time.Until(end)/20)
	}
	return most
}

// letter returns the letter that r becomes.
func letter(r queue.Record) Letter {
	return Letter{Record: r, Reason: "rejected", Message: "Invalid parameter"}
}

func idsOf(records []queue.Record) []string {
	ids := make([]string, 0, len(records))
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

// seeded returns a random source and its seed; RELAY_SEED repeats one.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("RELAY_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatalf("read RELAY_SEED: %v", err)
		}
	}
	t.Logf("seed %d (RELAY_SEED repeats it)", seed)
	return rand.New(rand.NewPCG(seed, 1)), seed
}

// times is how often a random test repeats its step: few times, or exam times in an exam.
func times(few, exam int) int {
	if os.Getenv("RELAY_EXAM") == "1" {
		return exam
	}
	return few
}
