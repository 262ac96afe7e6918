package jetstream

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"relay/internal/seal"
	"relay/queue"
)

// Queue is a Log as the parts of a relay use a queue: no call takes a context, and each
// is bounded by Options.IOTimeout. While this process has no Lease it stores, shows and
// keeps values; settlements of who drains are fenced.
//
// Records are ordered as this process came to know them: Batch.From and Batch.Next are
// places in that order, above every sequence number, and Batch.Covers says what to settle.
type Queue struct {
	*Log

	unknown map[place]time.Time // since when a message was asked for that no stream has: under Log.mu

	asking sync.Mutex // one look at whether an append is possible
	asked  time.Time
	can    error
}

// NewQueue makes a Queue of a Log, which it owns.
func NewQueue(l *Log) *Queue { return &Queue{Log: l, unknown: make(map[place]time.Time)} }

// places is the first of the numbers that are places, and no sequence numbers.
const places = queue.Seq(0xF) << streamBits

// behind is the place behind everything.
const behind = ^queue.Seq(0)

func place46(p Position) queue.Seq { return places | queue.Seq(p) }

// Read returns up to n records of a lane that are not settled, from a place on; 0 is
// the first of them. A sequence number in the place of one gives that record alone.
func (q *Queue) Read(lane string, from queue.Seq, n int, bytes int64) (queue.Batch, error) {
	if from != 0 && from < places {
		return q.ReadSeqs(lane, []queue.Seq{from})
	}
	b, err := q.Log.Read(q.ctx, lane, Position(from&^places), Limit{n, bytes})
	if err != nil {
		return queue.Batch{}, err
	}
	out := queue.Batch{Records: b.Records, Covers: b.Covers, From: place46(Position(from &^ places)), Next: place46(b.Next), More: b.More}
	if out.Covers == nil {
		out.Covers = []queue.Range{}
	}
	return out, nil
}

// ReadSeqs returns the records of a lane that have these numbers and are not settled.
// The batch ends behind everything. It is ErrStalled while one of them may be there that
// this process does not know yet: of a stream that ended before it for all of Options.Gone,
// because it was made anew or has lost messages, it is gone.
func (q *Queue) ReadSeqs(lane string, numbers []queue.Seq) (queue.Batch, error) {
	out := queue.Batch{Covers: []queue.Range{}, From: places, Next: behind}
	sorted := slices.Sorted(slices.Values(numbers))
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && placeOf(sorted[n]) == placeOf(sorted[0]) {
			n++
		}
		records, err := q.readChunkSeqs(lane, sorted[:n])
		if err != nil {
			return queue.Batch{}, fmt.Errorf("read: %w", err)
		}
		out.Records = append(out.Records, records...)
		sorted = sorted[n:]
	}
	for i := range out.Records {
		at := out.Records[i].Seq
		out.Covers = append(out.Covers, queue.Range{From: at, To: at + 1})
	}
	return out, nil
}

// these are records of one chunk.
func (q *Queue) readChunkSeqs(lane string, numbers []queue.Seq) (out []queue.Record, err error) {
	at := placeOf(numbers[0])
	if at.stream >= streams {
		return nil, nil
	}
	type open struct {
		i     int
		slots queue.Slots
	}
	var want []open
	q.mu.Lock()
	e := q.view.at[at]
	unknown := e == nil && at.seq >= q.view.seen[at.stream]
	if e != nil && e.parts[lane] != nil {
		p := e.parts[lane]
		for _, seq := range numbers {
			if i := int(seq & maxRecords); i < len(e.recs) && e.isFor(i, lane) && !p.settled.has(i) {
				want = append(want, open{i, p.slots[uint32(i)]})
			}
		}
	}
	q.mu.Unlock()
	ctx, cancel := q.bounded()
	defer cancel()
	if unknown {
		return nil, q.notThere(ctx, at)
	}
	if len(want) == 0 {
		return nil, nil
	}
	records, err := q.records(ctx, e)
	if err != nil || records == nil {
		return nil, err
	}
	for _, w := range want {
		r := records[w.i]
		r.Seq, r.Settled, r.Lanes, r.Body = e.base()+queue.Seq(w.i), w.slots, slices.Clone(r.Lanes), clone(r.Body)
		out = append(out, r)
	}
	return out, nil
}

// notThere is nil once a message that is not known is gone.
func (q *Queue) notThere(ctx context.Context, at place) error {
	info, err := q.info(ctx, q.eventStream(at.stream))
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if info.State.LastSeq < at.seq {
		if q.unknown[at].IsZero() {
			q.unknown[at] = time.Now()
		}
		if time.Since(q.unknown[at]) > q.o.Gone {
			delete(q.unknown, at)
			return nil
		}
	} else {
		delete(q.unknown, at)
	}
	return fmt.Errorf("%w: message %d of %s is not known yet", errStalled, at.seq, q.eventStream(at.stream))
}

func (q *Queue) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(q.ctx, q.o.IOTimeout)
}

// Settle is that of the Log.
func (q *Queue) Settle(lane string, s queue.Settlement) (queue.Revision, error) {
	return q.Log.Settle(q.ctx, lane, s)
}

// Lanes lists every lane that has or had a record.
func (q *Queue) Lanes() []queue.LaneStat {
	lanes, _ := q.Log.Lanes(context.Background()) // only a context fails
	return lanes
}

// Lane gives one of them.
func (q *Queue) Lane(name string) (queue.LaneStat, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	ln := q.view.lanes[name]
	if ln == nil || ln.rev == 0 && ln.records == 0 {
		return queue.LaneStat{Name: name, Revision: 1}, false
	}
	return ln.stat(), true
}

// Waits says whether the record of a number, should it be for a lane, waits there.
func (q *Queue) IsPending(lane string, seq queue.Seq) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.view.at[placeOf(seq)]
	if e == nil || e.parts[lane] == nil {
		return false
	}
	i := int(seq & maxRecords)
	return i < len(e.recs) && e.isFor(i, lane) && !e.parts[lane].settled.has(i)
}

// Changed gives a channel that is closed when any lane gets a record.
func (q *Queue) Changed() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.view.changed
}

// canFor is how long an answer of CanAppend holds.
const canFor = time.Second

// CanAppend says whether an event can be stored durably now.
func (q *Queue) CanAppend() error {
	q.asking.Lock()
	defer q.asking.Unlock()
	if !q.asked.IsZero() && time.Since(q.asked) < canFor {
		return q.can
	}
	ctx, cancel := context.WithTimeout(q.ctx, canFor)
	defer cancel()
	q.can = q.Log.CanAppend(ctx)
	if q.can != nil && !full(q.can) && !errors.Is(q.can, queue.ErrClosed) {
		q.can = fmt.Errorf("%w: %w", errUnavailable, q.can)
	}
	q.asked = time.Now()
	return q.can
}

// Note gives the value kept under key, nil when there is none.
func (q *Queue) Note(key string) []byte { return q.Value(key) }

// SetNote keeps a small value under key, durably; nil removes it.
func (q *Queue) SetNote(key string, val []byte) error {
	return q.SetValue(q.ctx, key, val)
}

// UpdateNote keeps what fn makes of the value under key, as Log.UpdateValue does.
func (q *Queue) UpdateNote(key string, fn func(was []byte) ([]byte, error)) error {
	return q.UpdateValue(q.ctx, key, fn)
}

// PrintSecret is what fingerprints of events are keyed with: that of all processes.
func (q *Queue) PrintSecret() []byte { return q.derived("fingerprints") }

// InstallationSecret is what ids that name a person are hashed with: that of all processes.
func (q *Queue) InstallationSecret() []byte { return q.derived("installation") }

func (q *Queue) derived(what string) []byte {
	q.mu.Lock()
	secret := q.view.secret
	q.mu.Unlock()
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(what))
	return mac.Sum(nil)
}

// Began is a number that no record has: which of them were received since Open nobody
// can say by their numbers.
func (q *Queue) Began() queue.Seq { return behind }

// Backup is not the queue's here.
func (q *Queue) Backup(context.Context, string) error {
	return fmt.Errorf("%w: it lies on the NATS servers, and is backed up there: `nats account backup DIR`, or `nats stream backup` of each stream of %s", queue.ErrUnsupported, q.o.Name)
}

// SetKeys has key seal what is written from now on, and old open what was sealed with
// them. The key of before must be among them: all that lies there stays as it is.
func (q *Queue) SetKeys(key []byte, old ...[]byte) error {
	keys, err := seal.NewKeys(key, old...)
	if err != nil {
		return fmt.Errorf("set keys: %w", err)
	}
	before := q.ring.Keys().Current()
	if before != 0 && keys.Current() == 0 {
		return fmt.Errorf("set keys: a sealed queue stays sealed: %w", seal.ErrKey)
	}
	if err := keys.Opens(before); err != nil {
		return fmt.Errorf("set keys: %w", err)
	}
	q.ring.Use(keys)
	q.mu.Lock()
	q.rekeyed = true
	q.mu.Unlock()
	poke(q.wake)
	return nil
}
