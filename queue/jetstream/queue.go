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

// Queue adapts a Log to the way relay uses a queue: calls take no context and are limited by
// Options.IOTimeout. Without the Lease, this process can append, read, and store values, but
// settlements by a lane's owner are fenced.
//
// Records are ordered as this process has seen them. Batch.From and Batch.Next are positions in
// that order, above every sequence number; Batch.Covers is what to settle.
type Queue struct {
	*Log

	missingSince map[place]time.Time // since when messages are wanted that no stream has; guarded by Log.mu

	canAppendMu  sync.Mutex // guards the two fields below; one check of CanAppend at a time
	canAppendAt  time.Time
	canAppendErr error
}

// NewQueue returns a Queue that owns the Log.
func NewQueue(l *Log) *Queue { return &Queue{Log: l, missingSince: make(map[place]time.Time)} }

// firstPosition is the lowest Seq that is a position and not a sequence number.
const firstPosition = queue.Seq(0xF) << streamBits

// endPosition is after every record.
const endPosition = ^queue.Seq(0)

func positionSeq(p Position) queue.Seq { return firstPosition | queue.Seq(p) }

// Read returns up to n records that a lane has not settled, from a position on; 0 is the first. If
// from is a sequence number, only that record is returned.
func (q *Queue) Read(lane string, from queue.Seq, n int, bytes int64) (queue.Batch, error) {
	if from != 0 && from < firstPosition {
		return q.ReadSeqs(lane, []queue.Seq{from})
	}
	b, err := q.Log.Read(q.ctx, lane, Position(from&^firstPosition), Limit{n, bytes})
	if err != nil {
		return queue.Batch{}, err
	}
	out := queue.Batch{Records: b.Records, Covers: b.Covers, From: positionSeq(Position(from &^ firstPosition)), Next: positionSeq(b.Next), More: b.More}
	if out.Covers == nil {
		out.Covers = []queue.Range{}
	}
	return out, nil
}

// ReadSeqs returns the records of a lane with these sequence numbers that are not settled. Next is
// after every record. It returns ErrStalled while one of them may exist without this process
// knowing it. A message counts as lost once its stream, because it was recreated or has lost
// messages, has ended before it for all of Options.Gone.
func (q *Queue) ReadSeqs(lane string, numbers []queue.Seq) (queue.Batch, error) {
	out := queue.Batch{Covers: []queue.Range{}, From: firstPosition, Next: endPosition}
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

// readChunkSeqs returns records of a single chunk.
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
	e := q.view.entries[at]
	unknown := e == nil && at.seq >= q.view.readTo[at.stream]
	if e != nil && e.lanes[lane] != nil {
		p := e.lanes[lane]
		for _, seq := range numbers {
			if i := int(seq & maxRecords); i < len(e.records) && e.isFor(i, lane) && !p.settled.has(i) {
				want = append(want, open{i, p.slots[uint32(i)]})
			}
		}
	}
	q.mu.Unlock()
	ctx, cancel := q.callContext()
	defer cancel()
	if unknown {
		return nil, q.checkMissing(ctx, at)
	}
	if len(want) == 0 {
		return nil, nil
	}
	records, err := q.chunkRecords(ctx, e)
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

// checkMissing returns nil once an unknown message counts as lost.
func (q *Queue) checkMissing(ctx context.Context, at place) error {
	info, err := q.info(ctx, q.eventStream(at.stream))
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if info.State.LastSeq < at.seq {
		if q.missingSince[at].IsZero() {
			q.missingSince[at] = time.Now()
		}
		if time.Since(q.missingSince[at]) > q.options.Gone {
			delete(q.missingSince, at)
			return nil
		}
	} else {
		delete(q.missingSince, at)
	}
	return fmt.Errorf("%w: message %d of %s is not visible yet", errStalled, at.seq, q.eventStream(at.stream))
}

func (q *Queue) callContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(q.ctx, q.options.IOTimeout)
}

// Settle calls Log.Settle.
func (q *Queue) Settle(lane string, s queue.Settlement) (queue.Revision, error) {
	return q.Log.Settle(q.ctx, lane, s)
}

// Lanes lists every lane that has or had a record.
func (q *Queue) Lanes() []queue.LaneStat {
	lanes, _ := q.Log.Lanes(context.Background()) // fails only if the context has ended
	return lanes
}

// Lane returns one lane.
func (q *Queue) Lane(name string) (queue.LaneStat, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	ln := q.view.lanes[name]
	if ln == nil || ln.revision == 0 && ln.everStored == 0 {
		return queue.LaneStat{Name: name, Revision: 1}, false
	}
	return ln.stats(), true
}

// IsPending reports whether the record with this number, if it is for lane, is not settled there.
func (q *Queue) IsPending(lane string, seq queue.Seq) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.view.entries[placeOf(seq)]
	if e == nil || e.lanes[lane] == nil {
		return false
	}
	i := int(seq & maxRecords)
	return i < len(e.records) && e.isFor(i, lane) && !e.lanes[lane].settled.has(i)
}

// Changed returns a channel that is closed when any lane gets a record.
func (q *Queue) Changed() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.view.changed
}

// canAppendTTL is how long an answer of CanAppend is reused.
const canAppendTTL = time.Second

// CanAppend reports whether an event can be stored durably now.
func (q *Queue) CanAppend() error {
	q.canAppendMu.Lock()
	defer q.canAppendMu.Unlock()
	if !q.canAppendAt.IsZero() && time.Since(q.canAppendAt) < canAppendTTL {
		return q.canAppendErr
	}
	ctx, cancel := context.WithTimeout(q.ctx, canAppendTTL)
	defer cancel()
	q.canAppendErr = q.Log.CanAppend(ctx)
	if q.canAppendErr != nil && !isFull(q.canAppendErr) && !errors.Is(q.canAppendErr, queue.ErrClosed) {
		q.canAppendErr = fmt.Errorf("%w: %w", errUnavailable, q.canAppendErr)
	}
	q.canAppendAt = time.Now()
	return q.canAppendErr
}

// Note returns the value under key, or nil.
func (q *Queue) Note(key string) []byte { return q.Value(key) }

// SetNote durably stores a small value under key; nil removes it.
func (q *Queue) SetNote(key string, val []byte) error {
	return q.SetValue(q.ctx, key, val)
}

// UpdateNote calls Log.UpdateValue.
func (q *Queue) UpdateNote(key string, fn func(was []byte) ([]byte, error)) error {
	return q.UpdateValue(q.ctx, key, fn)
}

// PrintSecret is the key for fingerprints of events, the same in all processes.
func (q *Queue) PrintSecret() []byte { return q.deriveSecret("fingerprints") }

// InstallationSecret is the key for hashes of ids that identify a person, the same in all
// processes.
func (q *Queue) InstallationSecret() []byte { return q.deriveSecret("installation") }

func (q *Queue) deriveSecret(what string) []byte {
	q.mu.Lock()
	secret := q.view.secret
	q.mu.Unlock()
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(what))
	return mac.Sum(nil)
}

// Began returns a number that no record has: sequence numbers do not show which records arrived
// since Open.
func (q *Queue) Began() queue.Seq { return endPosition }

// Backup returns queue.ErrUnsupported.
func (q *Queue) Backup(context.Context, string) error {
	return fmt.Errorf("%w: it is stored on the NATS servers and backed up there: `nats account backup DIR`, or `nats stream backup` of each stream of %s", queue.ErrUnsupported, q.options.Name)
}

// SetKeys makes key seal what is written from now on; old keys still open what was sealed with
// them. The previous key must be among them, because stored data is not sealed again.
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
	q.keysChanged = true
	q.mu.Unlock()
	signal(q.moreEvents)
	return nil
}
