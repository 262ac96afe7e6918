package jetstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	api "github.com/nats-io/nats.go/jetstream"

	"relay/internal/logs"
	"relay/internal/seal"
)

var (
	// errReused says that a stream seems to have lost messages: the next ones have their numbers.
	errReused = errors.New("a stream ends before what was read of it")
	// errAnew says that a stream is another one.
	errAnew = errors.New("a stream was made anew")
)

// follow reads what other processes append, and copies that come late.
func (l *Log) follow() {
	var hinted [streams]atomic.Bool // another process has appended there
	hints := make(chan struct{}, 1)
	for _, c := range l.servers.conns {
		sub, err := c.Subscribe(l.o.Name+".hint", func(m *nats.Msg) {
			if len(m.Data) == 1 && m.Data[0] < streams && m.Header.Get(orderBy) != l.me {
				hinted[m.Data[0]].Store(true)
				poke(hints)
			}
		})
		if err == nil {
			defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone by now
		}
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for n := rand.IntN(spreadEvery); ; n++ {
		all := true
		select {
		case <-l.ctx.Done():
			return
		case <-every.C:
			l.within(10*time.Second, "the streams cannot be looked at", l.look)
			l.within(3*time.Second, "the rows cannot be followed", func(ctx context.Context) error {
				if n%spreadEvery == 0 {
					l.spread(ctx)
				}
				if n%droppedEvery == 0 {
					if err := l.dropGone(ctx); err != nil {
						return err
					}
				}
				return errors.Join(l.readLetters(ctx, l.view), l.readRows(ctx, l.view), l.readIDs(ctx, l.view))
			})
		case <-l.suspect:
			l.within(10*time.Second, "the streams cannot be looked at", l.look)
		case <-l.wake:
		case <-hints:
			all = false
		}
		for i := range streams {
			if !hinted[i].Swap(false) && !all {
				continue
			}
			l.within(5*time.Second, "a stream cannot be followed", func(ctx context.Context) error { return l.followStream(ctx, i) })
		}
		l.mu.Lock()
		if l.rekeyed { // what could not be read is read by now, or not yet
			l.rekeyed = false
			l.blind.Store(false)
			poke(l.wake)
		}
		l.mu.Unlock()
	}
}

// spreadEvery is after how many seconds spread is called, about.
const spreadEvery = 5

// droppedEvery is after how many seconds letters are looked for that other processes
// have removed.
const droppedEvery = 10

// dropGone forgets the letters that the leader of their stream has no more.
func (l *Log) dropGone(ctx context.Context) error {
	info, err := l.removed(ctx, deadAt)
	if err != nil {
		return err
	}
	gone := make(map[uint64]bool, len(info.State.Deleted))
	for _, seq := range info.State.Deleted {
		gone[seq] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for seq, d := range l.view.letters {
		if gone[seq] || seq < info.State.First && seq <= info.State.Last {
			l.view.dropLetter(d)
		}
	}
	return nil
}

// spread has each stream of events led by another server, so that one that dies leaves
// two that take appends at once: an election takes seconds.
func (l *Log) spread(ctx context.Context) {
	var leads [streams]*api.ClusterInfo
	busy := make(map[string]int)
	for i := range leads {
		info, err := l.info(ctx, l.eventStream(i))
		if err != nil || info.Cluster == nil || info.Cluster.Leader == "" {
			return
		}
		leads[i] = info.Cluster
		l.leads[i].Store(&info.Cluster.Leader)
		busy[info.Cluster.Leader]++
	}
	for i, c := range leads {
		if busy[c.Leader] < 2 {
			continue
		}
		for _, r := range c.Replicas {
			if r.Current && !r.Offline && busy[r.Name] == 0 {
				err := l.servers.api(ctx, "STREAM.LEADER.STEPDOWN."+l.eventStream(i), map[string]any{"placement": map[string]any{"preferred": r.Name}}, nil)
				l.o.Logger.Debug("a stream is led by another server", "code", logs.LeaderMoved, "stream", l.eventStream(i), "from", c.Leader, "to", r.Name, "err", err)
				return // one at a time
			}
		}
	}
}

// removed is what a server says is gone of a stream.
type removed struct {
	Created time.Time
	State   struct {
		First   uint64   `json:"first_seq"`
		Last    uint64   `json:"last_seq"`
		Deleted []uint64 `json:"deleted"` // between the two, in order
	} `json:"state"`
}

func (l *Log) removed(ctx context.Context, i int) (out removed, err error) {
	return out, l.servers.api(ctx, "STREAM.INFO."+l.stream(i), map[string]any{"deleted_details": true}, &out)
}

// passGone goes on behind messages of a stream of events that were removed before this
// process has read them: nothing comes that would say so. What a server says of them is
// true of all, also when it is behind: what was removed never comes back.
func (l *Log) passGone(ctx context.Context, i int) error {
	gone, err := l.removed(ctx, i)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view
	from := v.seen[i]
	next := max(from, min(gone.State.First, gone.State.Last+1))
	at, _ := slices.BinarySearch(gone.State.Deleted, next)
	for ; at < len(gone.State.Deleted) && gone.State.Deleted[at] == next; at++ {
		next++
	}
	if next > from && gone.Created.UnixNano() == v.made[i] {
		v.passed[i] = passed{from, next, time.Now()}
		v.reach(i, next)
	}
	return nil
}

// within calls fn, whose error is of the kind that passes. Only follow calls it.
func (l *Log) within(d time.Duration, failed string, fn func(context.Context) error) {
	ctx, cancel := context.WithTimeout(l.ctx, d)
	defer cancel()
	err := fn(ctx)
	switch {
	case err == nil || l.ctx.Err() != nil:
	case errors.Is(err, seal.ErrKey):
		l.blind.Store(true)
		if time.Since(l.lacked) > time.Minute {
			l.lacked = time.Now()
			l.o.Logger.Error("another relay encrypts with a key that this one does not have, which can read nothing of it", "code", logs.KeyMissing, "err", err)
		}
	default:
		l.o.Logger.Debug("the servers do not answer", "code", logs.ServersSlow, "while", failed, "err", err)
	}
}

// followStream admits what came to a stream since, and says how far all of it is known.
func (l *Log) followStream(ctx context.Context, i int) error {
	l.mu.Lock()
	from := l.view.seen[i]
	l.mu.Unlock()
	msgs, err := l.servers.get(ctx, l.eventStream(i), from, 256)
	if err != nil {
		return err
	}
	for _, m := range msgs {
		e, err := l.entryOf(i, m)
		if err != nil {
			return err
		}
		l.mu.Lock()
		clash := e != nil && !l.view.admit(e)
		l.view.reach(i, m.seq+1)
		l.mu.Unlock()
		if clash {
			l.prove()
		}
	}
	if len(msgs) == 256 {
		poke(l.wake)
	}
	if len(msgs) > 0 {
		poke(l.done)
	}
	return nil
}

// look compares the streams with what was read of them, and reads everything afresh
// when one was made anew or has lost messages. One server that shows less may be behind, or
// cut off: it counts once all have shown less for Options.Gone. Only follow calls it.
func (l *Log) look(ctx context.Context) error {
	quick, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := l.sameStreams(quick, allStreams)
	l.mu.Lock()
	proven := l.reused
	switch {
	case err == nil:
		l.doubted = time.Time{}
	case errors.Is(err, errAnew):
		proven = true
	case errors.Is(err, errReused) || is(err, errNoStream):
		if l.doubted.IsZero() {
			l.doubted = time.Now()
		}
		proven = proven || time.Since(l.doubted) > l.o.Gone
	}
	l.mu.Unlock()
	if !proven {
		return err
	}
	return l.reload(l.ctx) //nolint:contextcheck // it takes as long as reading everything does
}

// prove says that a stream has begun its numbers again.
func (l *Log) prove() {
	l.mu.Lock()
	l.reused = true
	l.mu.Unlock()
	poke(l.suspect)
}

// next is how far each stream is known.
func (v *view) next() [allStreams]uint64 {
	out := v.tails
	copy(out[:], v.seen[:])
	return out
}

// reached notes how far a stream that is not one of events was read.
func (l *Log) reached(v *view, i int, next uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.tails[i] = max(v.tails[i], next)
}

// tailOf is how far a stream that is not one of events was read.
func (l *Log) tailOf(v *view, i int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return v.tails[i]
}

// sameStreams is errAnew when one of the first n streams is another than it was, and
// errReused when it seems to have lost messages.
func (l *Log) sameStreams(ctx context.Context, n int) error {
	l.mu.Lock()
	made, next := l.view.made, l.view.next()
	l.mu.Unlock()
	for i := range n {
		info, err := l.info(ctx, l.stream(i))
		if err != nil {
			return err
		}
		if info.Created.UnixNano() != made[i] {
			return errAnew
		}
		if info.State.LastSeq+1 < next[i] {
			return errReused
		}
	}
	return nil
}

// lost says whether a stream ends before next, for all of Options.Gone.
func (l *Log) lost(ctx context.Context, i int, next uint64) (bool, error) {
	for start := time.Now(); ; {
		info, err := l.info(ctx, l.stream(i))
		if err != nil {
			return false, err
		}
		if info.State.LastSeq+1 >= next {
			return false, nil
		}
		if time.Since(start) > l.o.Gone {
			return true, nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return false, ctx.Err()
		}
	}
}

// cutRows drops what rows say of messages that the streams have lost.
func (l *Log) cutRows(ctx context.Context, v *view) error {
	var end [streams]uint64
	for _, ln := range v.lanes {
		for i, spans := range ln.row.Whole {
			for _, s := range spans {
				end[i] = max(end[i], s.To)
			}
		}
	}
	for i := range end {
		lost, err := l.lost(ctx, i, end[i])
		if err != nil {
			return err
		}
		if !lost {
			continue
		}
		info, err := l.info(ctx, l.eventStream(i))
		if err != nil {
			return err
		}
		v.lossy = true
		for _, ln := range v.lanes {
			ln.row.cut(i, info.State.LastSeq+1)
		}
	}
	return nil
}

// reload reads everything afresh. What waited and is gone is counted.
func (l *Log) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	l.settling.Lock()
	defer l.settling.Unlock()
	l.trimming.Lock()
	defer l.trimming.Unlock()
	fresh := newView()
	l.mu.Lock()
	fresh.ord, fresh.last = l.view.ord, l.view.last // positions of before are before everything
	l.mu.Unlock()
	fresh, err := l.load(ctx, fresh)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.view
	l.view, l.reused, l.doubted = fresh, false, time.Time{}
	records := 0
	for at, e := range old.at {
		if now := fresh.at[at]; e.open > 0 && (now == nil || now.at != e.at) {
			records += e.waiting()
		}
	}
	l.lostRecords += int64(records)
	for _, ln := range old.lanes {
		close(ln.changed)
	}
	close(old.changed)
	l.o.Logger.Error("a stream of the queue was made anew, or has lost messages: everything was read again", "code", logs.StreamRemade, "queue", l.o.Name, "lost", records)
	poke(l.wake)
	poke(l.done)
	return nil
}
