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
	// errShorter means that a stream seems to have lost messages: new ones will reuse their
	// numbers.
	errShorter = errors.New("a stream ends before what was read of it")
	// errRecreated means that a stream was deleted and created again.
	errRecreated = errors.New("a stream was recreated")
)

// followLoop reads what other processes append, and copies that appear late.
func (l *Log) followLoop() {
	var hinted [streams]atomic.Bool // another process has appended there
	hints := make(chan struct{}, 1)
	for _, c := range l.servers.conns {
		sub, err := c.Subscribe(l.options.Name+".hint", func(m *nats.Msg) {
			if len(m.Data) == 1 && m.Data[0] < streams && m.Header.Get(headerProcess) != l.processID {
				hinted[m.Data[0]].Store(true)
				signal(hints)
			}
		})
		if err == nil {
			defer sub.Unsubscribe() //nolint:errcheck // the connection may be gone by now
		}
	}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for n := rand.IntN(spreadInterval); ; n++ {
		all := true
		select {
		case <-l.ctx.Done():
			return
		case <-every.C:
			l.attempt(10*time.Second, "the streams cannot be checked", l.checkStreams)
			l.attempt(3*time.Second, "the rows cannot be read", func(ctx context.Context) error {
				if n%spreadInterval == 0 {
					l.spreadLeaders(ctx)
				}
				if n%removedInterval == 0 {
					if err := l.forgetRemovedLetters(ctx); err != nil {
						return err
					}
				}
				return errors.Join(l.readLetters(ctx, l.view), l.readRows(ctx, l.view), l.readIDs(ctx, l.view))
			})
		case <-l.suspicious:
			l.attempt(10*time.Second, "the streams cannot be checked", l.checkStreams)
		case <-l.moreEvents:
		case <-hints:
			all = false
		}
		for i := range streams {
			if !hinted[i].Swap(false) && !all {
				continue
			}
			l.attempt(5*time.Second, "a stream cannot be read", func(ctx context.Context) error { return l.followStream(ctx, i) })
		}
		l.mu.Lock()
		if l.keysChanged { // by now everything was tried with the new keys
			l.keysChanged = false
			l.keyMissing.Store(false)
			signal(l.moreEvents)
		}
		l.mu.Unlock()
	}
}

// spreadInterval is the approximate number of seconds between calls of spreadLeaders.
const spreadInterval = 5

// removedInterval is the number of seconds between checks for letters that other processes removed.
const removedInterval = 10

// forgetRemovedLetters drops the letters that their stream's leader no longer has.
func (l *Log) forgetRemovedLetters(ctx context.Context) error {
	info, err := l.removedFrom(ctx, deadAt)
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

// spreadLeaders gives each event stream a different leader, so that when a server dies two streams
// accept appends at once: an election takes seconds.
func (l *Log) spreadLeaders(ctx context.Context) {
	var leads [streams]*api.ClusterInfo
	busy := make(map[string]int)
	for i := range leads {
		info, err := l.info(ctx, l.eventStream(i))
		if err != nil || info.Cluster == nil || info.Cluster.Leader == "" {
			return
		}
		leads[i] = info.Cluster
		l.leaders[i].Store(&info.Cluster.Leader)
		busy[info.Cluster.Leader]++
	}
	for i, c := range leads {
		if busy[c.Leader] < 2 {
			continue
		}
		for _, r := range c.Replicas {
			if r.Current && !r.Offline && busy[r.Name] == 0 {
				err := l.servers.api(ctx, "STREAM.LEADER.STEPDOWN."+l.eventStream(i), map[string]any{"placement": map[string]any{"preferred": r.Name}}, nil)
				l.options.Logger.Debug("the leader of a stream is being changed", "code", logs.LeaderMoved, "stream", l.eventStream(i), "from", c.Leader, "to", r.Name, "err", err)
				return // one at a time
			}
		}
	}
}

// removedMessages is what a server reports as removed from a stream.
type removedMessages struct {
	Created time.Time
	State   struct {
		First   uint64   `json:"first_seq"`
		Last    uint64   `json:"last_seq"`
		Deleted []uint64 `json:"deleted"` // between First and Last, in order
	} `json:"state"`
}

func (l *Log) removedFrom(ctx context.Context, i int) (out removedMessages, err error) {
	return out, l.servers.api(ctx, "STREAM.INFO."+l.streamName(i), map[string]any{"deleted_details": true}, &out)
}

// skipRemoved advances past messages of an event stream that were removed before this process read
// them: no message will arrive for them. What a server reports as removed is correct even if the
// server is behind: removed messages never come back.
func (l *Log) skipRemoved(ctx context.Context, i int) error {
	gone, err := l.removedFrom(ctx, i)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.view
	from := v.readTo[i]
	next := max(from, min(gone.State.First, gone.State.Last+1))
	at, _ := slices.BinarySearch(gone.State.Deleted, next)
	for ; at < len(gone.State.Deleted) && gone.State.Deleted[at] == next; at++ {
		next++
	}
	if next > from && gone.Created.UnixNano() == v.created[i] {
		v.skipped[i] = skippedRange{from, next, time.Now()}
		v.advance(i, next)
	}
	return nil
}

// attempt calls fn and logs its error, which is expected to be temporary. Only followLoop calls it.
func (l *Log) attempt(d time.Duration, failed string, fn func(context.Context) error) {
	ctx, cancel := context.WithTimeout(l.ctx, d)
	defer cancel()
	err := fn(ctx)
	switch {
	case err == nil || l.ctx.Err() != nil:
	case errors.Is(err, seal.ErrKey):
		l.keyMissing.Store(true)
		if time.Since(l.keyMissingLogged) > time.Minute {
			l.keyMissingLogged = time.Now()
			l.options.Logger.Error("another relay encrypts with a key that this one does not have: its events cannot be read", "code", logs.KeyMissing, "err", err)
		}
	default:
		l.options.Logger.Debug("the servers do not answer", "code", logs.ServersSlow, "while", failed, "err", err)
	}
}

// followStream admits the new messages of a stream and advances past them.
func (l *Log) followStream(ctx context.Context, i int) error {
	l.mu.Lock()
	from := l.view.readTo[i]
	l.mu.Unlock()
	msgs, err := l.servers.get(ctx, l.eventStream(i), from, 256)
	if err != nil {
		return err
	}
	for _, m := range msgs {
		e, err := l.decodeEntry(i, m)
		if err != nil {
			return err
		}
		l.mu.Lock()
		clash := e != nil && !l.view.admit(e)
		l.view.advance(i, m.seq+1)
		l.mu.Unlock()
		if clash {
			l.reportReuse()
		}
	}
	if len(msgs) == 256 {
		signal(l.moreEvents)
	}
	if len(msgs) > 0 {
		signal(l.trimmable)
	}
	return nil
}

// checkStreams compares the streams with what was read of them, and reads everything again if one
// was recreated or has lost messages. A single server may have fewer messages because it is behind
// or cut off, so a shorter stream counts only after Options.Gone. Only followLoop calls it.
func (l *Log) checkStreams(ctx context.Context) error {
	quick, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := l.verifyStreams(quick, allStreams)
	l.mu.Lock()
	proven := l.numbersReused
	switch {
	case err == nil:
		l.shortSince = time.Time{}
	case errors.Is(err, errRecreated):
		proven = true
	case errors.Is(err, errShorter) || hasCode(err, codeNoStream):
		if l.shortSince.IsZero() {
			l.shortSince = time.Now()
		}
		proven = proven || time.Since(l.shortSince) > l.options.Gone
	}
	l.mu.Unlock()
	if !proven {
		return err
	}
	return l.reload(l.ctx) //nolint:contextcheck // it takes as long as reading everything does
}

// reportReuse records that a stream reuses sequence numbers.
func (l *Log) reportReuse() {
	l.mu.Lock()
	l.numbersReused = true
	l.mu.Unlock()
	signal(l.suspicious)
}

// setReadTo records how far a stream was read.
func (l *Log) setReadTo(v *view, i int, next uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.advance(i, next)
}

// readToOf returns how far a stream was read.
func (l *Log) readToOf(v *view, i int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return v.readTo[i]
}

// verifyStreams returns errRecreated if one of the first n streams was recreated, and errShorter if
// one seems to have lost messages.
func (l *Log) verifyStreams(ctx context.Context, n int) error {
	l.mu.Lock()
	made, next := l.view.created, l.view.readTo
	l.mu.Unlock()
	for i := range n {
		info, err := l.info(ctx, l.streamName(i))
		if err != nil {
			return err
		}
		if info.Created.UnixNano() != made[i] {
			return errRecreated
		}
		if info.State.LastSeq+1 < next[i] {
			return errShorter
		}
	}
	return nil
}

// isShort reports whether a stream ends before next for all of Options.Gone.
func (l *Log) isShort(ctx context.Context, i int, next uint64) (bool, error) {
	for start := time.Now(); ; {
		info, err := l.info(ctx, l.streamName(i))
		if err != nil {
			return false, err
		}
		if info.State.LastSeq+1 >= next {
			return false, nil
		}
		if time.Since(start) > l.options.Gone {
			return true, nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return false, ctx.Err()
		}
	}
}

// truncateRows removes what rows say about messages that the streams have lost.
func (l *Log) truncateRows(ctx context.Context, v *view) error {
	var end [streams]uint64
	for _, ln := range v.lanes {
		for i, spans := range ln.row.Settled {
			for _, s := range spans {
				end[i] = max(end[i], s.To)
			}
		}
	}
	for i := range end {
		lost, err := l.isShort(ctx, i, end[i])
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
		v.lostMessages = true
		for _, ln := range v.lanes {
			ln.row.truncate(i, info.State.LastSeq+1)
		}
	}
	return nil
}

// reload reads everything again. Pending records that are lost are counted.
func (l *Log) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	l.settling.Lock()
	defer l.settling.Unlock()
	l.trimming.Lock()
	defer l.trimming.Unlock()
	fresh := newView()
	l.mu.Lock()
	fresh.nextOrder, fresh.lastChunk = l.view.nextOrder, l.view.lastChunk // earlier positions are then before every entry
	l.mu.Unlock()
	fresh, err := l.load(ctx, fresh)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.view
	l.view, l.numbersReused, l.shortSince = fresh, false, time.Time{}
	records := 0
	for at, e := range old.entries {
		if now := fresh.entries[at]; e.unsettledLanes > 0 && (now == nil || now.number != e.number) {
			records += e.pendingRecords()
		}
	}
	l.lostRecords += int64(records)
	for _, ln := range old.lanes {
		close(ln.changed)
	}
	close(old.changed)
	l.options.Logger.Error("a stream of the queue was recreated or has lost messages: everything was read again", "code", logs.StreamRemade, "queue", l.options.Name, "lost", records)
	signal(l.moreEvents)
	signal(l.trimmable)
	return nil
}
