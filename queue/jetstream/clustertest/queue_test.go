package clustertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
)

// two opens one log twice, like two processes.
func two(t *testing.T) (a, b *jetstream.Queue) {
	t.Helper()
	c := newCluster(t, true)
	open := func() *jetstream.Queue {
		l, err := openLog(t.Context(), jetstream.Options{
			Name: "two", URLs: c.urls, Monitor: c.monitor, MaxSize: 96 << 20, DeadMaxSize: 16 << 20, Lease: 2 * time.Second, Gone: 3 * time.Second, Key: make([]byte, 32),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		return jetstream.NewQueue(l)
	}
	return open(), open()
}

func put(t *testing.T, q *jetstream.Queue, lane string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := q.Append(t.Context(), []queue.Entry{{ID: id, Fingerprint: 1, Lanes: []string{lane}, Received: time.Now(), Body: []byte(`{"id":"` + id + `"}`)}}); err != nil {
			t.Fatal(err)
		}
	}
}

func listed(t *testing.T, q *jetstream.Queue, lane string) (ids []string) {
	t.Helper()
	for from := queue.Seq(0); ; {
		b, err := q.Read(lane, from, 3, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Records {
			ids = append(ids, b.Records[i].ID)
		}
		if len(b.Records) == 0 {
			slices.Sort(ids)
			return ids
		}
		from = b.Next
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > 30*time.Second {
			t.Fatal(what)
		}
	}
}

// Everything relay does with a queue works on this one from either of two processes, and the other
// process sees it.
func TestQueue(t *testing.T) {
	t.Parallel()
	a, b := two(t)
	put(t, a, "x", "1", "2", "3", "4")
	put(t, b, "x", "5", "6", "7", "1")
	all := []string{"1", "2", "3", "4", "5", "6", "7"}
	eventually(t, "one process does not see what the other stored", func() bool { return slices.Equal(listed(t, a, "x"), all) && slices.Equal(listed(t, b, "x"), all) })

	// Settling a batch settles everything except its open records. By sequence number a record is
	// found until it is settled.
	first, err := a.Read("x", 0, 4, 0)
	if err != nil || len(first.Records) != 4 {
		t.Fatal(first, err)
	}
	open := first.Records[2]
	if _, err := a.Settle("x", queue.Settlement{Settled: first.RangesExcept(func(i int) bool { return i == 2 })}); err != nil {
		t.Fatal(err)
	}
	these, err := b.ReadSeqs("x", []queue.Seq{first.Records[0].Seq, open.Seq})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a settlement is not seen", func() bool {
		these, err = b.ReadSeqs("x", []queue.Seq{first.Records[0].Seq, open.Seq})
		return err == nil && len(these.Records) == 1
	})
	if these.Records[0].ID != open.ID || !slices.Equal(these.Ranges(), []queue.Range{{From: open.Seq, To: open.Seq + 1}}) {
		t.Errorf("read by sequence number: %v %v", these.Records[0], these.Ranges())
	}
	if one, err := b.Read("x", open.Seq, 1, 1); err != nil || len(one.Records) != 1 || one.Records[0].ID != open.ID {
		t.Errorf("read a settled record by sequence number: %v %v", one, err)
	}
	if got := len(listed(t, a, "x")); got != 4 {
		t.Errorf("%d are pending, want 4", got)
	}
	later := []queue.Seq{open.Seq + 1<<40}
	if _, err := b.ReadSeqs("x", later); !errors.Is(err, queue.ErrStalled) {
		t.Errorf("read of a record that does not exist yet: %v", err)
	}
	eventually(t, "a record that no stream has never counts as lost", func() bool { // as after a stream was recreated
		b, err := b.ReadSeqs("x", later)
		return err == nil && len(b.Records) == 0
	})

	// Records are moved, become letters, are redriven and forgotten.
	if n, err := a.MoveLane("x", "y", open.Seq); n != 3 || err != nil {
		t.Fatalf("moved %d: %v", n, err)
	}
	if got := listed(t, a, "x"); !slices.Equal(got, []string{open.ID}) {
		t.Errorf("%v stayed", got)
	}
	y, err := a.Read("y", 0, 0, 0)
	if err != nil || len(y.Records) != 3 {
		t.Fatal(len(y.Records), err)
	}
	r := y.Records[0]
	if _, err := a.Settle("y", queue.Settlement{Settled: y.RangesExcept(func(i int) bool { return i > 0 }), Dead: []queue.DeadLetter{
		{Seq: r.Seq, MessageID: r.ID, EventSet: "y", Reason: "rejected", ReceivedAt: r.Received, Body: r.Body},
	}}); err != nil {
		t.Fatal(err)
	}
	var letter queue.DeadLetter
	eventually(t, "a letter is not seen", func() bool {
		err := b.DeadLetters("", func(d queue.DeadLetter) bool { letter = d; return true })
		return err == nil && letter.MessageID == r.ID
	})
	if n, err := b.Redrive([]string{letter.ID, "0000000000000bad"}, func(queue.DeadLetter) []string { return []string{"y"} }); n != 1 || err != nil {
		t.Fatalf("redriven %d: %v", n, err)
	}
	eventually(t, "a redriven letter stays", func() bool {
		_, err := a.DeadLetter(letter.ID)
		return errors.Is(err, queue.ErrNotFound) && a.Stats().Dead == 0 && len(listed(t, a, "y")) == 3
	})
	f := queue.Forget{Record: func(rec *queue.Record) bool { return rec.ID == r.ID }}
	if got, err := a.Forget(f); err != nil || got.Waiting != 1 {
		t.Fatalf("forgotten %+v: %v", got, err)
	}
	if got := listed(t, a, "y"); len(got) != 2 || slices.Contains(got, r.ID) {
		t.Errorf("after the forget %v are pending", got)
	}
	if err := a.DropLane("y"); err != nil || len(listed(t, a, "y")) != 0 {
		t.Errorf("drop: %v", err)
	}

	// Both processes set small values; the secrets are the same in all.
	if err := a.SetNote("k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a value is not seen", func() bool { return string(b.Note("k")) == "v" })
	if err := b.SetNote("k", nil); err != nil || b.Note("k") != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a.InstallationSecret(), b.InstallationSecret()) || slices.Equal(a.PrintSecret(), a.InstallationSecret()) {
		t.Error("the two processes have different secrets")
	}
	if err := a.Backup(t.Context(), t.TempDir()); !errors.Is(err, queue.ErrUnsupported) {
		t.Errorf("backup: %v", err)
	}

	// A new key seals and the previous one still opens; without the previous one nothing changes.
	fresh := slices.Repeat([]byte{7}, 32)
	if err := a.SetKeys(fresh); err == nil {
		t.Error("SetKeys dropped the previous key")
	}
	if err := a.SetKeys(fresh, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	put(t, a, "z", "8")
	time.Sleep(2 * time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := b.Lease(ctx); err == nil {
		t.Error("a process that cannot read everything got the lease")
	}
	if err := b.SetKeys(fresh, make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	le, err := b.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer le.Release()
	eventually(t, "records sealed with the new key are not read", func() bool { return len(listed(t, b, "z")) == 1 })
}

// A changed size is applied at the next open.
func TestResized(t *testing.T) {
	if testing.Short() {
		t.Skip("not in the short form")
	}
	c := newCluster(t, true)
	o := jetstream.Options{Name: "sized", URLs: c.urls, Monitor: c.monitor, MaxSize: 3 << 20, DeadMaxSize: 1 << 20}
	fill := func(from int) (n int) {
		l, err := jetstream.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		body := make([]byte, 400<<10)
		for ; n < 30; n++ {
			rand.Read(body)
			_, err := l.Append(t.Context(), []queue.Entry{{ID: fmt.Sprint(from + n), Lanes: []string{"x"}, Received: time.Now(), Body: body}})
			if err != nil {
				if !errors.As(err, new(*queue.FullError)) {
					t.Fatal(err)
				}
				break
			}
		}
		return n
	}
	small := fill(0)
	o.MaxSize = 12 << 20
	if more := fill(small); small < 3 || more < 2*small {
		t.Errorf("%d records fit, then %d more with four times the size", small, more)
	}
}

// A process that takes the lease knows at once what the previous holder stored; the previous holder
// is fenced.
func TestTakeoverSeesEverything(t *testing.T) {
	a, b := two(t)
	le, err := a.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("e%02d", i))
		put(t, a, "x", want[i])
	}
	st, _ := a.Lane("x")
	if _, err := a.Settle("x", queue.Settlement{Revision: st.Revision, State: []byte("noted")}); err != nil {
		t.Fatal(err)
	}
	if err := a.SetNote("n", []byte("noted")); err != nil {
		t.Fatal(err)
	}
	le.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if le, err = b.Lease(ctx); err != nil {
		t.Fatal(err)
	}
	defer le.Release()
	if st, _ := b.Lane("x"); string(st.State) != "noted" || string(b.Note("n")) != "noted" || st.Pending != 50 {
		t.Errorf("state %q, value %q, %d waiting", st.State, b.Note("n"), st.Pending)
	}
	if got := listed(t, b, "x"); !slices.Equal(got, want) {
		t.Errorf("%d of %d are pending", len(got), len(want))
	}
	st, _ = a.Lane("x")
	if _, err := a.Settle("x", queue.Settlement{Revision: st.Revision, State: []byte("late")}); !errors.Is(err, queue.ErrFenced) {
		t.Errorf("settlement by the previous holder of the lease: %v", err)
	}
}
