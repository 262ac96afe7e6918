package jetstream

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue"
)

// row is the durable state of a lane. It is one message, whose sequence number is the lane's
// revision.
type row struct {
	Lane          string
	Tag           uint64 // of the settlement that wrote it: random
	LastID        uint64 // Settlement.ID
	Invalidations uint64
	Epoch         uint64 // of the lease under which the lane is drained: holders with an earlier epoch are fenced
	State         []byte
	Counts        map[string]int64
	Settled       [streams][]span   // messages of which the lane has settled everything
	HighestChunk  [streams]uint64   // the highest chunk number among them: a message with a higher one has replaced a lost message
	Partial       []partial         // what is settled of other messages
	Letters       []span            // valid messages of the dead-letter stream
	Created       [allStreams]int64 // when the streams these numbers refer to were created (view.created)
}

// span is a range of sequence numbers of a stream, To exclusive.
type span struct{ From, To uint64 }

// partial is what a lane has settled of one message.
type partial struct {
	Stream  int
	Seq     uint64
	Chunk   queue.Seq // number of the chunk
	Settled bits
	Slots   map[uint32]queue.Slots `json:",omitempty"`
}

func contains(spans []span, seq uint64) bool {
	i, _ := slices.BinarySearchFunc(spans, seq, func(s span, seq uint64) int { return compare(queue.Seq(s.To), queue.Seq(seq+1)) })
	return i < len(spans) && spans[i].From <= seq && seq < spans[i].To
}

func (r *row) partialOf(e *entry) *partial {
	for i := range r.Partial {
		if p := &r.Partial[i]; p.Stream == e.stream && p.Seq == e.seq && p.Chunk == e.number {
			return p
		}
	}
	return nil
}

// settles reports whether the lane has settled everything of e.
func (r *row) settles(e *entry) bool {
	return contains(r.Settled[e.stream], e.seq) && uint64(e.number) <= r.HighestChunk[e.stream]
}

// dropOtherStreams removes what the row says about streams other than those created at these times,
// and reports whether that was anything.
func (r *row) dropOtherStreams(made *[allStreams]int64) (lost bool) {
	for i := range streams {
		if r.Created[i] != made[i] {
			lost = lost || len(r.Settled[i]) > 0
			r.Settled[i], r.HighestChunk[i] = nil, 0
			r.Partial = slices.DeleteFunc(slices.Clone(r.Partial), func(p partial) bool { return p.Stream == i })
		}
	}
	if r.Created[deadAt] != made[deadAt] {
		lost = lost || len(r.Letters) > 0
		r.Letters = nil
	}
	r.Created = *made
	return lost
}

// truncate removes what the row says about messages from next on.
func (r *row) truncate(stream int, next uint64) {
	var out []span
	for _, s := range r.Settled[stream] {
		if s.To = min(s.To, next); s.From < s.To {
			out = append(out, s)
		}
	}
	r.Settled[stream] = out
}

// applyTo sets in p what is settled of e.
func (r *row) applyTo(e *entry, p *laneState) {
	if r.settles(e) {
		for i := range e.records {
			p.settled.set(i)
		}
		return
	}
	if was := r.partialOf(e); was != nil {
		p.settled = slices.Clone(was.Settled)
		maps.Copy(p.slots, was.Slots)
	}
}

// mergeSpans sorts spans and merges those with nothing between them, as reported by gone.
func mergeSpans(spans []span, gone func(from, to uint64) bool) (out []span) {
	slices.SortFunc(spans, func(a, b span) int { return compare(queue.Seq(a.From), queue.Seq(b.From)) })
	for _, s := range spans {
		if n := len(out); n > 0 && (s.From <= out[n-1].To || gone(out[n-1].To, s.From)) {
			out[n-1].To = max(out[n-1].To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// subtract removes sorted numbers from sorted spans.
func subtract(spans []span, seqs []uint64) (out []span) {
	for _, s := range spans {
		k, _ := slices.BinarySearch(seqs, s.From)
		for ; k < len(seqs) && seqs[k] < s.To; k++ {
			if s.From < seqs[k] {
				out = append(out, span{s.From, seqs[k]})
			}
			s.From = seqs[k] + 1
		}
		if s.From < s.To {
			out = append(out, s)
		}
	}
	return out
}

func (l *Log) laneSubject(name string) string {
	return l.rowSubject() + "lane." + base64.RawURLEncoding.EncodeToString([]byte(name))
}

// readRow reads a row from the leader.
func (l *Log) readRow(ctx context.Context, subject string) (message, bool, error) {
	var out struct {
		Message struct {
			Seq  uint64
			Data []byte
		}
	}
	err := l.servers.api(ctx, "STREAM.MSG.GET."+l.rowStream(), map[string]any{"last_by_subj": subject}, &out)
	if hasCode(err, codeNoMessage) {
		return message{}, false, nil
	}
	return message{subject: subject, seq: out.Message.Seq, data: out.Message.Data}, err == nil, err
}

// compareAndSet stores a row if it still has the revision rev; 0 means that it must not exist.
func (l *Log) compareAndSet(ctx context.Context, subject string, rev uint64, data []byte) (uint64, error) {
	a, err := l.servers.publish(ctx, &nats.Msg{
		Subject: subject, Data: data,
		Header: nats.Header{"Nats-Expected-Last-Subject-Sequence": {strconv.FormatUint(rev, 10)}},
	})
	return a.Seq, err
}

func (l *Log) encodeRow(r *row) ([]byte, error) {
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode row: %w", err)
	}
	return l.ring.Seal(nil, "row", 0, []byte(r.Lane), plain)
}

func (l *Log) decodeRow(name string, data []byte) (r row, err error) {
	plain, err := l.ring.Open("row", 0, []byte(name), data)
	if err != nil {
		return r, fmt.Errorf("read the row of a lane: %w", err)
	}
	if err := json.Unmarshal(plain, &r); err != nil {
		return r, fmt.Errorf("read the row of a lane: %w", err)
	}
	return r, nil
}

// readRows reads the rows written since the last call.
func (l *Log) readRows(ctx context.Context, v *view) error {
	start := time.Now()
	next, err := l.servers.tail(ctx, l.rowStream(), l.readToOf(v, rowsAt), func(m message) error {
		if strings.HasPrefix(m.subject, l.rowSubject()+"value.") {
			return l.readValue(v, m)
		}
		key, ok := strings.CutPrefix(m.subject, l.rowSubject()+"lane.")
		if !ok || len(m.data) == 0 {
			return nil
		}
		name, err := base64.RawURLEncoding.DecodeString(key)
		if err != nil {
			return fmt.Errorf("read the rows: key %q: %w", key, err)
		}
		r, err := l.decodeRow(string(name), m.data)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		v.applyRow(&r, m.seq)
		return nil
	})
	l.setReadTo(v, rowsAt, next)
	if err == nil {
		l.mu.Lock()
		l.rowsReadAt = start
		l.mu.Unlock()
	}
	return err
}

// readRowsNow reads every row written before the call: a message that a majority of the servers
// confirms now comes after all of them.
func (l *Log) readRowsNow(ctx context.Context, v *view) error {
	a, err := l.servers.publish(ctx, &nats.Msg{Subject: l.rowSubject() + "now"})
	if err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	for {
		if err := l.readRows(ctx, v); err != nil {
			return err
		}
		if l.readToOf(v, rowsAt) > a.Seq {
			return nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%w: the servers do not return the rows: %w", errStalled, ctx.Err())
		}
	}
}

// refreshRow reads a lane's row from the leader.
func (l *Log) refreshRow(ctx context.Context, name string) error {
	m, ok, err := l.readRow(ctx, l.laneSubject(name))
	if err != nil || !ok {
		return err
	}
	r, err := l.decodeRow(name, m.data)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view.applyRow(&r, m.seq)
	return nil
}

// applyRow replaces a lane's row unless a newer one is known.
func (v *view) applyRow(r *row, rev uint64) {
	ln := v.lane(r.Lane)
	if rev <= ln.revision {
		return
	}
	v.lostMessages = r.dropOtherStreams(&v.created) || v.lostMessages
	ln.row, ln.revision = *r, rev
	for _, e := range ln.entries {
		p := &laneState{slots: make(map[uint32]queue.Slots)}
		ln.row.applyTo(e, p)
		for i := range e.records {
			if e.hidden.has(i) && e.isFor(i, r.Lane) && v.ids[e.records[i].hash].entry == nil {
				p.settled.set(i)
			}
		}
		e.lanes[r.Lane] = p
		v.recount(e)
	}
	others := make(map[*entry]bool)
	for h, all := range v.copies {
		v.syncCopies(r.Lane, h)
		for _, k := range all {
			others[k.entry] = true
		}
	}
	for e := range others {
		v.recount(e)
	}
}

// asStalled turns a timeout into queue.ErrStalled.
func asStalled(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, queue.ErrStalled) {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return err
}
