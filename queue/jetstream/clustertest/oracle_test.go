package clustertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/queue"
	"relay/queue/jetstream"
)

// oracle appends events, drains them, and reports at the end which are missing.
type oracle struct {
	t *testing.T
	c *nodes

	mu      sync.Mutex
	acked   map[string]bool
	got     map[string]int // settled as delivered
	buried  map[string]int // settled as letters
	last    time.Time      // of the last acknowledgement
	gap     time.Duration  // the longest time between two
	gapAt   string
	blind   bool // acknowledgements are not counted any more
	refused int
	doing   string

	stop   context.CancelFunc
	intake sync.WaitGroup
	drain  sync.WaitGroup
	ending atomic.Bool
	next   chan struct{} // makes another replica take over
}

const chunkOf = 20 // events per request

// startOracle lets the intake replicas append and, with drains, one of them drain.
func startOracle(t *testing.T, c *nodes, intake []*jetstream.Log, drains bool) *oracle {
	t.Helper()
	o := &oracle{t: t, c: c, acked: make(map[string]bool), got: make(map[string]int), buried: make(map[string]int), last: time.Now(), next: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	o.stop = cancel
	for p := range 4 {
		o.intake.Go(func() { o.produce(ctx, p, intake[p%len(intake)]) })
	}
	if drains {
		o.drain.Go(o.drainAll)
	}
	return o
}

func (o *oracle) produce(ctx context.Context, p int, l *jetstream.Log) {
	for n := 0; ctx.Err() == nil; n++ {
		var entries []queue.Entry
		for i := range chunkOf {
			id := fmt.Sprintf("p%d-%d-%d", p, n, i)
			entries = append(entries, queue.Entry{ID: id, Lanes: []string{"a"}, Received: time.Now(), Body: fmt.Appendf(nil, `{"type":"track","event":"Order Completed","messageId":%q,"properties":{"order_id":"%d","revenue":%d.5}}`, id, rand.Uint64(), n)})
		}
		for ctx.Err() == nil { // like a client that retries with the same ids
			_, err := l.Append(context.WithoutCancel(ctx), entries)
			if err == nil {
				o.ack(entries)
				break
			}
			o.mu.Lock()
			o.refused++
			o.mu.Unlock()
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (o *oracle) ack(entries []queue.Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.blind {
		return
	}
	for _, e := range entries {
		o.acked[e.ID] = true
	}
	now := time.Now()
	if g := now.Sub(o.last); g > o.gap {
		o.gap, o.gapAt = g, o.doing
	}
	o.last = now
}

// drainAll reads and settles, with one replica after another, until every acknowledged event is
// settled. The previous replica stays open, like one that was frozen.
func (o *oracle) drainAll() {
	l := o.c.open("q")
	var rev, before queue.Revision
	var zombie *jetstream.Log
	empty := 0
	for n := 0; ; n++ {
		select {
		case <-o.next:
			zombie, before = l, rev
			l = o.c.open("q")
			rev = 0
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if rev == 0 {
			lanes, err := l.Lanes(ctx)
			if err == nil && len(lanes) > 0 {
				rev = lanes[0].Revision
			}
		}
		b, err := l.Read(ctx, "a", 0, jetstream.Limit{Records: 200})
		cancel()
		if err != nil || rev == 0 || len(b.Records) == 0 {
			if empty++; o.ending.Load() && err == nil && empty > 30 {
				return
			}
			if err != nil {
				empty = 0
			}
			time.Sleep(100 * time.Millisecond)
			continue
		}
		empty = 0
		s := queue.Settlement{ID: rand.Uint64(), Revision: rev, Counts: map[string]int{"delivered": len(b.Records)}}
		for i, r := range b.Records {
			s.Settled = append(s.Settled, queue.Range{From: r.Seq, To: r.Seq + 1})
			if i == n%97 && n%5 == 0 {
				s.Dead = append(s.Dead, queue.DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: "a", Reason: "rejected", ReceivedAt: r.Received, Body: r.Body})
			}
		}
		for try := 0; ; try++ {
			var made queue.Revision
			if made, err = l.Settle(context.Background(), "a", s); err == nil {
				rev = made
				break
			}
			if errors.Is(err, queue.ErrStale) {
				o.t.Errorf("only one replica drains, but its settlement is stale (try %d)", try)
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		if zombie != nil { // its settlement was made for a former revision of the lane
			s.ID, s.Revision, s.Dead = rand.Uint64(), before, nil
			if _, err := zombie.Settle(context.Background(), "a", s); !errors.Is(err, queue.ErrStale) {
				o.t.Errorf("a replaced replica's settlement: %v", err)
			}
			zombie.Close()
			zombie = nil
		}
		o.mu.Lock()
		for _, r := range b.Records {
			o.got[r.ID]++
		}
		for _, d := range s.Dead {
			o.got[d.MessageID]--
			o.buried[d.MessageID]++
		}
		o.mu.Unlock()
	}
}

// during records what is done to the servers, for the report about gaps.
func (o *oracle) during(what string) {
	o.t.Logf("%s", what)
	o.mu.Lock()
	o.doing = what
	o.mu.Unlock()
}

// ackedNow returns what was acknowledged so far.
func (o *oracle) ackedNow() map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.acked)
}

// cutting stops counting acknowledgements.
func (o *oracle) cutting() {
	o.mu.Lock()
	o.blind = true
	o.mu.Unlock()
}

// finish ends the appends, drains the rest, and returns how many events are missing and how many
// were settled twice.
func (o *oracle) finish() (lost, twice int) {
	o.t.Helper()
	o.stop()
	o.intake.Wait()
	o.ending.Store(true)
	o.drain.Wait()
	for id := range o.acked {
		if o.got[id]+o.buried[id] == 0 {
			if lost++; lost < 5 {
				o.t.Logf("lost: %s", id)
			}
		}
	}
	for id, n := range o.got {
		if n+o.buried[id] > 1 {
			twice++
		}
	}
	l := o.c.open("q")
	letters := make(map[string]int)
	for after := ""; ; {
		page, err := l.DeadLetters(context.Background(), after, 500)
		if err != nil {
			o.t.Fatalf("letters: %v", err)
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			letters[d.MessageID]++
			after = d.ID
		}
	}
	for id, n := range o.buried {
		if letters[id] != n || n != 1 {
			o.t.Errorf("%s was settled as a letter %d times and is %d letters", id, n, letters[id])
		}
	}
	if b, err := l.Read(context.Background(), "a", 0, jetstream.Limit{}); err != nil || len(b.Records) > 0 {
		o.t.Errorf("drained, but %d are pending: %v", len(b.Records), err)
	}
	o.t.Logf("%d acknowledged, %d lost, %d settled twice, %d letters, %d calls refused; longest gap in acknowledgements %v (%s)",
		len(o.acked), lost, twice, len(letters), o.refused, o.gap.Round(time.Millisecond), o.gapAt)
	return lost, twice
}
