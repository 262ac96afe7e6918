package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
)

// opened opens a log that is closed with the test.
func (c *cluster) opened(t *testing.T, name string) *jetstream.Log {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := openLog(ctx, jetstream.Options{
		URLs: c.urls, Monitor: c.monitor, Name: name, MaxSize: 48 << 20, DeadMaxSize: 8 << 20, Gone: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func appendIDs(t *testing.T, l *jetstream.Log, ids ...string) {
	t.Helper()
	for _, id := range ids { // one chunk each
		_, err := l.Append(t.Context(), []queue.Entry{{ID: id, Lanes: []string{"a"}, Received: time.Now(), Body: []byte(`{"messageId":"` + id + `"}`)}})
		if err != nil {
			t.Fatalf("append %s: %v", id, err)
		}
	}
}

func names(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return out
}

// waiting returns the ids pending in lane a.
func waiting(t *testing.T, l *jetstream.Log) (ids []string, b jetstream.Batch) {
	t.Helper()
	b, err := l.Read(t.Context(), "a", 0, jetstream.Limit{})
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	for _, r := range b.Records {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids, b
}

// settleFirst settles the first n records, one after another.
func settleFirst(t *testing.T, l *jetstream.Log, n int, dead ...queue.DeadLetter) {
	t.Helper()
	_, b := waiting(t, l)
	s := queue.Settlement{ID: uint64(time.Now().UnixNano()), Dead: dead}
	for _, r := range b.Records[:n] {
		s.Settled = append(s.Settled, queue.Range{From: r.Seq, To: r.Seq + 1})
	}
	if _, err := l.Settle(t.Context(), "a", s); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

// soon waits until ok.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal(what)
		}
	}
}

// Deleted streams start their sequence numbers again. New records are neither mistaken for records
// settled under the same numbers nor removed in their place, whether or not the log was open
// meanwhile. Lost pending records are counted.
func TestStreamsRecreated(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	js := natsStreams(t, c.urls[0])
	for _, open := range []bool{true, false} {
		t.Run(fmt.Sprint("open ", open), func(t *testing.T) {
			name := fmt.Sprint("anew-", open)
			l := c.opened(t, name)
			appendIDs(t, l, names("old", 20)...)
			settleFirst(t, l, 15)
			if !open {
				l.Close()
			}
			for i := range 3 {
				if err := js.DeleteStream(fmt.Sprint(name, "-", i)); err != nil {
					t.Fatal(err)
				}
			}
			if open {
				soon(t, "the loss of 5 records is not counted", func() bool { n, _ := l.Lost(); return n == 5 })
			} else {
				l = c.opened(t, name)
			}
			appendIDs(t, l, names("new", 20)...)
			for range 2 {
				if got, _ := waiting(t, l); !slices.Equal(got, slices.Sorted(slices.Values(names("new", 20)))) {
					t.Errorf("waiting: %q", got)
				}
				l.Close()
				l = c.opened(t, name)
			}
			settleFirst(t, l, 20)
			time.Sleep(time.Second) // settled messages are removed
			l.Close()
			l = c.opened(t, name)
			if got, _ := waiting(t, l); len(got) > 0 {
				t.Errorf("settled records were read again: %q", got)
			}
		})
	}
}

// Without the rows of the lanes nothing is lost: settled events may come again, but a dead letter
// stays one and is not sent.
func TestRowsLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	js := natsStreams(t, c.urls[0])
	l := c.opened(t, "rows")
	appendIDs(t, l, names("m", 10)...)
	_, b := waiting(t, l)
	first := b.Records[0]
	settleFirst(t, l, 1, queue.DeadLetter{Seq: first.Seq, MessageID: first.ID, EventSet: "a", Reason: "rejected", ReceivedAt: first.Received, Body: first.Body})
	if err := js.DeleteKeyValue("rows-rows"); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		soon(t, "the nine that wait are not read", func() bool {
			b, err := l.Read(t.Context(), "a", 0, jetstream.Limit{})
			n := 0
			for _, r := range b.Records {
				if r.ID != first.ID {
					n++
				} else if r.Settled == 0 {
					return false // it is a letter
				}
			}
			return err == nil && n == 9
		})
		letters, err := l.DeadLetters(t.Context(), "", 10)
		if err != nil || len(letters) != 1 || letters[0].MessageID != first.ID {
			t.Errorf("letters: %+v %v", letters, err)
		}
	}
	soon(t, "the log does not see that its rows are gone", func() bool {
		l.SetValue(t.Context(), "x", []byte("y"))
		lanes, _ := l.Lanes(t.Context())
		return len(lanes) == 1 && lanes[0].Revision == 1
	})
	check()
	appendIDs(t, l, "later")
	soon(t, "a settlement is not taken", func() bool {
		_, err := l.Settle(t.Context(), "a", queue.Settlement{ID: 99, Revision: 1, State: []byte("x")})
		return err == nil
	})
	l.Close()
	l = c.opened(t, "rows")
	letters, err := l.DeadLetters(t.Context(), "", 10)
	if err != nil || len(letters) != 1 {
		t.Errorf("after the next settlement: %d letters, %v", len(letters), err)
	}
}

// Delivered messages are removed, also at the end of a stream. A process that opens the log
// afterwards gets the lease as soon as one that has seen everything, and pending records are
// delivered.
func TestLeaseOfEmptyStream(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	for _, keep := range []int{0, 1} { // at the head of the stream
		t.Run(fmt.Sprint(keep, " kept"), func(t *testing.T) {
			name := fmt.Sprint("emptied", keep)
			l := c.opened(t, name)
			appendIDs(t, l, names("e", 5)...)
			_, b := waiting(t, l)
			var s queue.Settlement
			for _, r := range b.Records[keep:] {
				s.Settled = append(s.Settled, queue.Range{From: r.Seq, To: r.Seq + 1})
			}
			s.ID = 1
			if _, err := l.Settle(t.Context(), "a", s); err != nil {
				t.Fatal(err)
			}
			js := natsStreams(t, c.urls[0])
			soon(t, "settled messages are not removed", func() bool {
				info, err := js.StreamInfo(name + "-0")
				return err == nil && info.State.Msgs == uint64(keep) && info.State.LastSeq == 5
			})
			l.Close()
			l = c.opened(t, name)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			le, err := l.Lease(ctx)
			if err != nil {
				t.Fatalf("the lease: %v", err)
			}
			le.Release()
			if ids, _ := waiting(t, l); len(ids) != keep {
				t.Errorf("%v are pending", ids)
			}
			appendIDs(t, l, names("f", 2)...)
			if ids, _ := waiting(t, l); len(ids) != keep+2 {
				t.Errorf("%v are pending", ids)
			}
			if records, chunks := l.Lost(); records+chunks > 0 {
				t.Errorf("%d records and %d chunks are counted as lost", records, chunks)
			}
		})
	}
}
