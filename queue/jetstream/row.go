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

// row is what is durable of a lane. One message holds it; its sequence number is the
// lane's revision.
type row struct {
	Lane    string
	Tag     uint64 // of the settlement that made it: another one each time
	Last    uint64 // Settlement.ID
	Void    uint64
	Epoch   uint64 // of the lease by which it is drained: who has an earlier one is fenced
	State   []byte
	Counts  map[string]int64
	Whole   [streams][]span   // messages of which the lane needs nothing more
	High    [streams]uint64   // the highest number of a chunk among them: one with a higher number has the place of one that was lost
	Parts   []partial         // of other messages
	Letters []span            // messages of the dead stream that count
	Made    [allStreams]int64 // the streams whose messages these are: view.made
}

// span is sequence numbers of a stream, To exclusive.
type span struct{ From, To uint64 }

// partial is what is settled of one message.
type partial struct {
	Stream  int
	Seq     uint64
	At      queue.Seq // number of the chunk
	Settled bits
	Slots   map[uint32]queue.Slots `json:",omitempty"`
}

func in(spans []span, seq uint64) bool {
	i, _ := slices.BinarySearchFunc(spans, seq, func(s span, seq uint64) int { return compare(queue.Seq(s.To), queue.Seq(seq+1)) })
	return i < len(spans) && spans[i].From <= seq && seq < spans[i].To
}

func (r *row) part(e *entry) *partial {
	for i := range r.Parts {
		if p := &r.Parts[i]; p.Stream == e.stream && p.Seq == e.seq && p.At == e.at {
			return p
		}
	}
	return nil
}

// whole says whether the lane needs nothing more of e.
func (r *row) whole(e *entry) bool {
	return in(r.Whole[e.stream], e.seq) && uint64(e.at) <= r.High[e.stream]
}

// only drops what the row says of streams that are not those of made, and says whether
// there was something.
func (r *row) only(made *[allStreams]int64) (lost bool) {
	for i := range streams {
		if r.Made[i] != made[i] {
			lost = lost || len(r.Whole[i]) > 0
			r.Whole[i], r.High[i] = nil, 0
			r.Parts = slices.DeleteFunc(slices.Clone(r.Parts), func(p partial) bool { return p.Stream == i })
		}
	}
	if r.Made[deadAt] != made[deadAt] {
		lost = lost || len(r.Letters) > 0
		r.Letters = nil
	}
	r.Made = *made
	return lost
}

// cut drops what the row says of messages that a stream does not have yet.
func (r *row) cut(stream int, next uint64) {
	var out []span
	for _, s := range r.Whole[stream] {
		if s.To = min(s.To, next); s.From < s.To {
			out = append(out, s)
		}
	}
	r.Whole[stream] = out
}

// apply sets in p what is settled of e.
func (r *row) apply(e *entry, p *part) {
	if r.whole(e) {
		for i := range e.recs {
			p.settled.set(i)
		}
		return
	}
	if was := r.part(e); was != nil {
		p.settled = slices.Clone(was.Settled)
		maps.Copy(p.slots, was.Slots)
	}
}

// join sorts spans and joins those between which gone says that nothing lies.
func join(spans []span, gone func(from, to uint64) bool) (out []span) {
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

// without takes sorted numbers out of sorted spans.
func without(spans []span, seqs []uint64) (out []span) {
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

// row reads a row as the leader has it.
func (l *Log) row(ctx context.Context, subject string) (message, bool, error) {
	var out struct {
		Message struct {
			Seq  uint64
			Data []byte
		}
	}
	err := l.servers.api(ctx, "STREAM.MSG.GET."+l.rowStream(), map[string]any{"last_by_subj": subject}, &out)
	if is(err, errNoMessage) {
		return message{}, false, nil
	}
	return message{subject: subject, seq: out.Message.Seq, data: out.Message.Data}, err == nil, err
}

// swap stores a row if it still has the revision rev; 0: if there is none.
func (l *Log) swap(ctx context.Context, subject string, rev uint64, data []byte) (uint64, error) {
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

// readRows takes in the rows that were written since.
func (l *Log) readRows(ctx context.Context, v *view) error {
	start := time.Now()
	next, err := l.servers.tail(ctx, l.rowStream(), l.tailOf(v, rowsAt), func(m message) error {
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
		v.adopt(&r, m.seq)
		return nil
	})
	l.reached(v, rowsAt, next)
	if err == nil {
		l.mu.Lock()
		l.read = start
		l.mu.Unlock()
	}
	return err
}

// readRowsNow takes in every row that was written before the call: what a majority of the
// servers confirms now comes behind all of them.
func (l *Log) readRowsNow(ctx context.Context, v *view) error {
	a, err := l.servers.publish(ctx, &nats.Msg{Subject: l.rowSubject() + "now"})
	if err != nil {
		return fmt.Errorf("read the rows: %w", err)
	}
	for {
		if err := l.readRows(ctx, v); err != nil {
			return err
		}
		if l.tailOf(v, rowsAt) > a.Seq {
			return nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%w: the servers do not show the rows: %w", errStalled, ctx.Err())
		}
	}
}

// refresh reads a lane's row from the leader.
func (l *Log) refresh(ctx context.Context, name string) error {
	m, ok, err := l.row(ctx, l.laneSubject(name))
	if err != nil || !ok {
		return err
	}
	r, err := l.decodeRow(name, m.data)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.view.adopt(&r, m.seq)
	return nil
}

// adopt takes a row for its lane, unless a newer one is known.
func (v *view) adopt(r *row, rev uint64) {
	ln := v.lane(r.Lane)
	if rev <= ln.rev {
		return
	}
	v.lossy = r.only(&v.made) || v.lossy
	ln.row, ln.rev = *r, rev
	for _, e := range ln.entries {
		p := &part{slots: make(map[uint32]queue.Slots)}
		ln.row.apply(e, p)
		for i := range e.recs {
			if e.hidden.has(i) && e.isFor(i, r.Lane) && v.known[e.recs[i].hash].e == nil {
				p.settled.set(i)
			}
		}
		e.parts[r.Lane] = p
		v.count(e)
	}
	others := make(map[*entry]bool)
	for h, all := range v.twins {
		v.even(r.Lane, h)
		for _, k := range all {
			others[k.e] = true
		}
	}
	for e := range others {
		v.count(e)
	}
}

// stalled says err as what the contract has for it.
func stalled(err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, queue.ErrStalled) {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return err
}

const trimEvery = 200 * time.Millisecond
