package local

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"relay/queue"
)

// operation changes a queue. Invariant: called again it completes what a crash has interrupted,
// and does nothing if there is nothing to complete.
type operation struct {
	name   string
	do     func(t *testing.T, q *Queue, c *crashes) error // c is nil except for the first call
	atomic bool                                           // no part of it is visible alone
	copies bool                                           // what it moves can be in both places meanwhile
	start  bool                                           // opening the queue is part of it
	killed bool                                           // the queue was killed before
	empty  bool                                           // the queue did not exist before
	change func(o *Options)                               // options to open the queue with afterwards
}

func stepOptions() Options { return Options{SegmentSize: 64 << 10, MaxSize: 16 << 20, NoSync: true} }

// stored returns the ids of the records that makeSteps stores.
func stored() (entries []Entry) {
	for i := range 30 {
		lanes := []string{"a", "b"}
		if i >= 10 {
			lanes = append(lanes, "c")
		}
		if i/5 == 4 {
			lanes = []string{"b"}
		}
		e := entry(fmt.Sprintf("m-%02d", i), lanes...)
		e.Fingerprint = uint64(i) + 1
		entries = append(entries, e)
	}
	return entries
}

// tail returns the ids in the tail when an operation begins.
func tail() (entries []Entry) {
	for _, id := range []string{"t-1", "t-2", "t-3"} {
		entries = append(entries, entry(id, "a", "c"))
	}
	return entries
}

// pick settles pending records of a lane in one counted settlement. Of records that become no
// letter, it settles only the slots named.
func pick(q *Queue, lane string, take func(id string) bool, letters func(id string) bool, parts map[string]queue.Slots) error {
	b, err := q.Read(lane, 0, 0, 0)
	if err != nil {
		return err
	}
	s := Settlement{State: []byte("at " + lane)}
	n := 0
	s.Settled = b.RangesExcept(func(i int) bool { return !take(b.Records[i].ID) })
	for _, r := range b.Records {
		if slots := parts[r.ID]; slots != 0 && r.Settled != slots {
			s.Parts = append(s.Parts, queue.Part{Seq: r.Seq, Slots: slots})
			n++
		}
		if !take(r.ID) {
			continue
		}
		n++
		if letters(r.ID) {
			s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, Lanes: r.Lanes, MessageID: r.ID, EventSet: lane, Reason: "rejected", ReceivedAt: r.Received, Body: r.Body})
		}
	}
	if n == 0 {
		return nil
	}
	s.Counts = map[string]int{"settled": n}
	return settle(q, lane, s)
}

func none(string) bool { return false }
func all(string) bool  { return true }
func oneOf(ids ...string) func(string) bool {
	return func(id string) bool { return slices.Contains(ids, id) }
}
func not(f func(string) bool) func(string) bool { return func(id string) bool { return !f(id) } }

// makeSteps creates a directory with four segments in which much is settled: out of order, partly,
// and as letters.
func makeSteps(t *testing.T, closed bool) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "queue")
	q := openTest(t, dir, stepOptions())
	opened(t, q)
	es := stored()
	err := func() error {
		mustAppend(t, q, es[:10]...)
		rotateNow(t, q)
		mustAppend(t, q, es[10:20]...)
		err := errors.Join(
			pick(q, "a", not(oneOf("m-03", "m-12", "m-17")), oneOf("m-02", "m-05", "m-14"), map[string]queue.Slots{"m-17": 5}),
			pick(q, "b", not(oneOf("m-05")), oneOf("m-04"), nil))
		rotateNow(t, q)
		mustAppend(t, q, es[20:25]...)
		err = errors.Join(err, pick(q, "b", oneOf("m-20", "m-21"), none, nil))
		rotateNow(t, q)
		mustAppend(t, q, es[25:]...)
		filed(t, q)
		return err
	}()
	if err != nil {
		t.Fatal(err)
	}
	if !closed {
		return asKilled(t, q)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// operations are the operations whose steps are tested.
func operations() []operation {
	settle := func(lane string, take, letters func(string) bool, parts map[string]queue.Slots) func(*testing.T, *Queue, *crashes) error {
		return func(_ *testing.T, q *Queue, _ *crashes) error { return pick(q, lane, take, letters, parts) }
	}
	rotate := func(t *testing.T, q *Queue) {
		rotateNow(t, q)
		filed(t, q)
	}
	return []operation{
		{name: "append", do: appendSome},
		{name: "append in doubt", do: appendInDoubt},
		{name: "settle", do: settle("c", oneOf("m-10", "m-11", "m-12"), none, nil), atomic: true},
		{name: "settle out of order", do: settle("c", oneOf("m-13", "m-18", "m-26"), none, nil), atomic: true},
		{name: "settle in part", do: settle("b", oneOf("m-22"), none, map[string]queue.Slots{"m-05": 3, "m-23": 9}), atomic: true},
		{name: "settle as letters", do: settle("a", oneOf("m-12", "m-25", "m-27"), oneOf("m-12", "m-27"), map[string]queue.Slots{"m-03": 1}), atomic: true},
		{name: "first settlement of a lane, as letters", do: settle("c", oneOf("m-11", "m-12"), all, nil), atomic: true},
		{name: "drop letters", atomic: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			_, err := q.DropDead(lettersOf(q, "m-02", "m-04")...)
			return err
		}},
		{name: "compact letters", atomic: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			s, err := q.dead.opened()
			if err == nil {
				err = s.Compact()
			}
			return err
		}},
		{name: "redrive", copies: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			_, err := q.Redrive(lettersOf(q, "m-02", "m-04", "m-14"), func(d DeadLetter) []string {
				return map[string][]string{"m-02": {"a"}, "m-04": {"b", "d"}}[d.MessageID]
			})
			return err
		}},
		{name: "move", copies: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			_, err := q.MoveLane("a", "d")
			return err
		}},
		{name: "reroute", copies: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			_, err := q.Reroute("a", 0, func(r Record) []string {
				return map[string][]string{"m-12": {"d"}, "m-17": {"d"}, "m-26": {"d", "e"}}[r.ID]
			})
			return err
		}},
		{name: "drop lane", do: func(t *testing.T, q *Queue, _ *crashes) error {
			err := q.DropLane("b")
			rotate(t, q)
			q.removeSettled()
			return err
		}},
		{name: "forget", do: func(_ *testing.T, q *Queue, _ *crashes) error {
			_, err := forgetWhere(q, func(r Record) bool { return slices.Contains([]string{"m-02", "m-03", "m-17", "m-26"}, r.ID) })
			return err
		}},
		{name: "compact segments", atomic: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			q.compactSparse()
			q.noteSealed()
			return nil
		}},
		{name: "drop the oldest", do: func(_ *testing.T, q *Queue, _ *crashes) error {
			there := func() bool {
				q.mu.Lock()
				defer q.mu.Unlock()
				return slices.ContainsFunc(q.segs, func(s *seg) bool { return s.Num <= 2 })
			}
			q.dropOldest(func() bool { return !there() })
			if there() {
				return errors.New("the oldest segments are still there")
			}
			return nil
		}},
		{name: "seal and rotate", atomic: true, do: func(t *testing.T, q *Queue, _ *crashes) error {
			rotate(t, q)
			q.noteSealed()
			return nil
		}},
		{name: "unlink drained segments", do: func(_ *testing.T, q *Queue, _ *crashes) error {
			// m-03 is pending in the first segment, so that no cursor passes the segments after it.
			for _, lane := range []string{"a", "b", "c"} {
				if err := pick(q, lane, not(oneOf("m-03", "m-28", "m-29", "t-3")), none, nil); err != nil {
					return err
				}
			}
			q.removeSettled()
			q.noteSealed()
			for _, lane := range []string{"a", "b", "c"} { // removes settled blocks of segments that are gone
				if err := pick(q, lane, oneOf("m-28"), none, nil); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "merge ids", atomic: true, do: func(_ *testing.T, q *Queue, _ *crashes) error {
			return q.ids.Merge(1, func(uint64, uint64) bool { return false })
		}},
		{name: "backup", atomic: true, do: func(t *testing.T, q *Queue, _ *crashes) error {
			now, err := look(q)
			if err != nil {
				return err
			}
			dir := filepath.Join(t.TempDir(), "backup")
			if err := q.Backup(t.Context(), dir); err != nil {
				return err
			}
			return reopened(t, dir, stepOptions(), func(b *Queue) error {
				copied, err := look(b)
				if err == nil && copied.String() != now.String() {
					err = fmt.Errorf("the backup has %s, the queue %s", copied, now)
				}
				return err
			})
		}},
		{name: "another key", atomic: true, change: func(o *Options) { o.Key = slices.Repeat([]byte{7}, 32) }, do: func(t *testing.T, q *Queue, _ *crashes) error {
			err := q.SetKeys(slices.Repeat([]byte{7}, 32))
			until(t, "everything is sealed with it", func() bool {
				q.reseal()
				return err != nil || len(q.Stats().KeysInUse) == 1
			})
			return err
		}},
		{name: "reopen", atomic: true, start: true, do: reopenDone},
		{name: "reopen after a crash", atomic: true, start: true, killed: true, do: reopenDone},
		{name: "first start", atomic: true, start: true, empty: true, do: reopenDone},
	}
}

func reopenDone(t *testing.T, q *Queue, _ *crashes) error {
	filed(t, q)
	q.removeSettled()
	q.noteSealed()
	return nil
}

// appendSome makes appends that do not count as acknowledged until they return: a few records, two
// chunks in one commit, and more than fits into the tail.
func appendSome(t *testing.T, q *Queue, c *crashes) error {
	for _, es := range appends() {
		a, err := q.Append(t.Context(), es)
		if err == nil && a.Stored+a.Duplicates != len(es) || a.Stored > 0 && a.Duplicates > 0 {
			err = fmt.Errorf("appended %+v of %d", a, len(es))
		}
		if err != nil {
			return err
		}
		c.ack()
	}
	return nil
}

// appendInDoubt is appendSome with a failed sync of the first commit.
func appendInDoubt(t *testing.T, q *Queue, c *crashes) error {
	if c == nil {
		return appendSome(t, q, c)
	}
	if err := q.onTail(func(*writer) error {
		q.writer.sync = func(*seg) error {
			q.writer.sync = (*seg).Sync
			return errors.New("input/output error")
		}
		return nil
	}); err != nil {
		return err
	}
	if _, err := q.Append(t.Context(), appends()[0]); !errors.Is(err, ErrDoubt) {
		return fmt.Errorf("not in doubt: %w", err)
	}
	until(t, "it goes on in a new segment", func() bool { return q.CanAppend() == nil })
	err := appendSome(t, q, c)
	filed(t, q)
	return err
}

func appends() (groups [][]Entry) {
	source := newNoise()
	for i, n := range []int{3, 12, 1, 2} {
		size := []int{100, 6000, 10, 600 << 10}[i]
		g := source.batch(n, size, "a", "d")
		for j := range g {
			if size > 1<<16 { // compresses well
				g[j].Body = bytes.Repeat(g[j].Body[:100], size/100)
			}
			g[j].ID = fmt.Sprintf("n-%d-%d", i, j)
		}
		groups = append(groups, g)
	}
	return groups
}

// lettersOf returns the ids of the letters of some records.
func lettersOf(q *Queue, messages ...string) (ids []string) {
	if err := q.DeadLetters("", func(d DeadLetter) bool {
		if slices.Contains(messages, d.MessageID) {
			ids = append(ids, d.ID)
		}
		return true
	}); err != nil {
		return nil
	}
	return ids
}
