package jetstream

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"relay/queue"
)

// letter is a message of the dead stream. It counts while the row of its lane names it.
type letter struct {
	seq  uint64
	id   string
	key  letterKey
	at   queue.Seq // number of the chunk of its record
	size int64
}

// letterKey: a lane has one letter for a record and slot.
type letterKey struct {
	lane string
	seq  queue.Seq
	slot uint8
}

// stored is a letter as its message holds it.
type stored struct {
	Letter queue.DeadLetter
	Lane   string
	Seq    queue.Seq
	Slot   uint8
	At     queue.Seq // number of the record's chunk
	ID     string    // of the letter whose place it takes
	Body   []byte
}

// putLetters stores the letters of a settlement. Until its row is stored they are
// nobody's; a second try stores them once.
func (l *Log) putLetters(ctx context.Context, lane string, s *queue.Settlement) (out []*letter, err error) {
	if lane == queue.LaneConflict && l.conflictBytes() >= l.o.DeadMaxSize/4 {
		return nil, queue.ErrDeadFull
	}
	for _, d := range s.Dead {
		in := stored{Letter: d, Lane: lane, Seq: d.Seq, Slot: d.Slot, Body: d.Body}
		key := letterKey{lane, d.Seq, d.Slot}
		l.mu.Lock()
		if was := l.view.current(key); was != nil {
			in.ID = was.id
		}
		if e := l.view.at[placeOf(d.Seq)]; e != nil {
			in.At = e.at
		}
		l.mu.Unlock()
		plain, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode letter: %w", err)
		}
		data, err := l.ring.Seal(nil, "letter", 0, nil, plain)
		if err != nil {
			return nil, fmt.Errorf("encode letter: %w", err)
		}
		sum := fnv.New128a()
		fmt.Fprintln(sum, lane, s.ID, s.Revision, d.Seq, d.Slot)
		a, err := l.servers.publish(ctx, &nats.Msg{
			Subject: l.o.Name + ".dead", Data: data, Header: nats.Header{nats.MsgIdHdr: {hex.EncodeToString(sum.Sum(nil))}},
		})
		if is(err, errStreamStore) {
			return nil, queue.ErrDeadFull
		}
		if err != nil {
			return nil, err
		}
		out = append(out, &letter{a.Seq, letterID(in.ID, a.Seq), key, in.At, int64(len(data))})
	}
	return out, nil
}

// conflictBytes is what the letters of queue.LaneConflict take, which have a quarter of
// all the room.
func (l *Log) conflictBytes() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.view.letters {
		if d.key.lane == queue.LaneConflict {
			n += d.size
		}
	}
	return n
}

func letterID(id string, seq uint64) string {
	if id != "" {
		return id
	}
	return fmt.Sprintf("%016x", seq)
}

// keepLetters makes letters known.
func (v *view) keepLetters(letters []*letter) {
	for _, d := range letters {
		if v.letters[d.seq] == nil {
			v.letters[d.seq] = d
			v.byKey[d.key] = append(v.byKey[d.key], d)
		}
	}
}

// current gives the letter of a record and slot; nil: there is none.
func (v *view) current(key letterKey) (out *letter) {
	for _, d := range v.byKey[key] {
		if (out == nil || d.seq > out.seq) && v.counts(d) {
			out = d
		}
	}
	return out
}

// dropLetter forgets one.
func (v *view) dropLetter(d *letter) {
	delete(v.letters, d.seq)
	if v.byKey[d.key] = slices.DeleteFunc(v.byKey[d.key], func(o *letter) bool { return o.seq == d.seq }); len(v.byKey[d.key]) == 0 {
		delete(v.byKey, d.key)
	}
}

// othersLetters says whether all of these messages are letters of other lanes.
func (v *view) othersLetters(lane string, from, to uint64) bool {
	if to-from > 1000 {
		return false
	}
	for seq := from; seq < to; seq++ {
		if d := v.letters[seq]; d == nil || d.key.lane == lane {
			return false
		}
	}
	return true
}

// readLetters takes in the letters that were stored since.
func (l *Log) readLetters(ctx context.Context, v *view) error {
	next, err := l.servers.tail(ctx, l.deadStream(), l.tailOf(v, deadAt), func(m message) error {
		in, err := l.decodeLetter(m.data)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		v.keepLetters([]*letter{{m.seq, letterID(in.ID, m.seq), letterKey{in.Lane, in.Seq, in.Slot}, in.At, int64(len(m.data))}})
		return nil
	})
	l.reached(v, deadAt, next)
	return err
}

// counts says whether the settlement of a letter was made. Of a lane without a row
// nobody knows: each letter counts, and what it was made of is settled.
func (v *view) counts(d *letter) bool {
	ln := v.lane(d.key.lane)
	return ln.rev == 0 || in(ln.row.Letters, d.seq)
}

// buried settles, in lanes without a row, what letters were made of.
func (v *view) buried() {
	for _, d := range v.letters {
		e := v.at[placeOf(d.key.seq)]
		if ln := v.lanes[d.key.lane]; ln.rev != 0 || e == nil || e.at != d.at || e.parts[ln.name] == nil {
			continue
		}
		e.parts[d.key.lane].slots[uint32(d.key.seq&maxRecords)] |= 1 << d.key.slot
	}
}

func (l *Log) decodeLetter(data []byte) (in stored, err error) {
	plain, err := l.ring.Open("letter", 0, nil, data)
	if err != nil {
		return in, fmt.Errorf("read letter: %w", err)
	}
	if err := json.Unmarshal(plain, &in); err != nil {
		return in, fmt.Errorf("read letter: %w", err)
	}
	return in, nil
}

// DeadLetters lists the letters behind the one with the id after, at most n; "" starts
// with the oldest.
func (l *Log) DeadLetters(ctx context.Context, after string, n int) ([]queue.DeadLetter, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.IOTimeout)
	defer cancel()
	l.mu.Lock()
	var page []letter
	for _, d := range l.view.letters {
		if d.id > after && l.view.current(d.key) == d {
			page = append(page, *d)
		}
	}
	l.mu.Unlock()
	slices.SortFunc(page, func(a, b letter) int { return strings.Compare(a.id, b.id) })
	var out []queue.DeadLetter
	for _, d := range page {
		if len(out) == n {
			break
		}
		one, err := l.letter(ctx, &d)
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", stalled(err))
		}
		if one != nil { // else it was dropped meanwhile
			out = append(out, *one)
		}
	}
	return out, nil
}

// letter reads one; nil: it is gone.
func (l *Log) letter(ctx context.Context, d *letter) (*queue.DeadLetter, error) {
	data, err := l.fetch(ctx, l.deadStream(), d.seq)
	if err != nil || data == nil {
		return nil, err
	}
	in, err := l.decodeLetter(data)
	if err != nil {
		return nil, err
	}
	in.Letter.ID, in.Letter.Seq, in.Letter.Slot, in.Letter.Body = d.id, in.Seq, in.Slot, in.Body
	return &in.Letter, nil
}

// DropDead removes letters, and says how many of them there were.
func (l *Log) DropDead(ctx context.Context, ids []string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.IOTimeout)
	defer cancel()
	l.mu.Lock()
	var drop []*letter
	dropped := make(map[string]bool)
	for _, d := range l.view.letters {
		if slices.Contains(ids, d.id) && l.view.counts(d) {
			drop = append(drop, d) // and those before it in its place
			dropped[d.id] = true
		}
	}
	l.mu.Unlock()
	slices.SortFunc(drop, func(a, b *letter) int { return compare(queue.Seq(a.seq), queue.Seq(b.seq)) })
	for _, d := range drop {
		if err := l.servers.api(ctx, "STREAM.MSG.DELETE."+l.deadStream(), map[string]any{"seq": d.seq}, nil); err != nil && !is(err, errNoMessage) {
			return 0, fmt.Errorf("drop letters: %w", stalled(err))
		}
		l.mu.Lock()
		l.view.dropLetter(d)
		l.mu.Unlock()
	}
	return len(dropped), nil
}
