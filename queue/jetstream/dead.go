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

// letter is a message of the dead-letter stream. It is valid while the row of its lane lists it.
type letter struct {
	seq   uint64
	id    string
	key   letterKey
	chunk queue.Seq // number of its record's chunk
	size  int64
}

// letterKey: a lane has one letter per record and slot.
type letterKey struct {
	lane string
	seq  queue.Seq
	slot uint8
}

// storedLetter is the content of a letter's message.
type storedLetter struct {
	Letter queue.DeadLetter
	Lane   string
	Seq    queue.Seq
	Slot   uint8
	Chunk  queue.Seq // number of the record's chunk
	ID     string    // of the letter it replaces
	Body   []byte
}

// storeLetters stores the letters of a settlement. They are invalid until the lane's row is stored;
// storing them again has no effect.
func (l *Log) storeLetters(ctx context.Context, lane string, s *queue.Settlement) (out []*letter, err error) {
	if lane == queue.LaneConflict && l.conflictBytes() >= l.options.DeadMaxSize/4 {
		return nil, queue.ErrDeadFull
	}
	for _, d := range s.Dead {
		in := storedLetter{Letter: d, Lane: lane, Seq: d.Seq, Slot: d.Slot, Body: d.Body}
		key := letterKey{lane, d.Seq, d.Slot}
		l.mu.Lock()
		if was := l.view.currentLetter(key); was != nil {
			in.ID = was.id
		}
		if e := l.view.entries[placeOf(d.Seq)]; e != nil {
			in.Chunk = e.number
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
			Subject: l.options.Name + ".dead", Data: data, Header: nats.Header{nats.MsgIdHdr: {hex.EncodeToString(sum.Sum(nil))}},
		})
		if hasCode(err, codeStreamStore) {
			return nil, queue.ErrDeadFull
		}
		if err != nil {
			return nil, err
		}
		out = append(out, &letter{a.Seq, letterID(in.ID, a.Seq), key, in.Chunk, int64(len(data))})
	}
	return out, nil
}

// conflictBytes is the size of the letters of queue.LaneConflict, which may use a quarter of the
// limit.
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

// addLetters adds letters to the view.
func (v *view) addLetters(letters []*letter) {
	for _, d := range letters {
		if v.letters[d.seq] == nil {
			v.letters[d.seq] = d
			v.lettersByKey[d.key] = append(v.lettersByKey[d.key], d)
		}
	}
}

// currentLetter returns the valid letter for a record and slot, or nil.
func (v *view) currentLetter(key letterKey) (out *letter) {
	for _, d := range v.lettersByKey[key] {
		if (out == nil || d.seq > out.seq) && v.isStored(d) {
			out = d
		}
	}
	return out
}

// dropLetter removes a letter from the view.
func (v *view) dropLetter(d *letter) {
	delete(v.letters, d.seq)
	if v.lettersByKey[d.key] = slices.DeleteFunc(v.lettersByKey[d.key], func(o *letter) bool { return o.seq == d.seq }); len(v.lettersByKey[d.key]) == 0 {
		delete(v.lettersByKey, d.key)
	}
}

// othersOnly reports whether all messages from from to to are letters of other lanes.
func (v *view) othersOnly(lane string, from, to uint64) bool {
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

// readLetters reads the letters stored since the last call.
func (l *Log) readLetters(ctx context.Context, v *view) error {
	next, err := l.servers.tail(ctx, l.deadStream(), l.readToOf(v, deadAt), func(m message) error {
		in, err := l.decodeLetter(m.data)
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		v.addLetters([]*letter{{m.seq, letterID(in.ID, m.seq), letterKey{in.Lane, in.Seq, in.Slot}, in.Chunk, int64(len(m.data))}})
		return nil
	})
	l.setReadTo(v, deadAt, next)
	return err
}

// isStored reports whether the settlement of a letter was stored. For a lane without a row that is
// unknown: all its letters are valid, and the records they were made of count as settled.
func (v *view) isStored(d *letter) bool {
	ln := v.lane(d.key.lane)
	return ln.revision == 0 || contains(ln.row.Letters, d.seq)
}

// settleDeadLettered settles, in lanes without a row, the conversions that letters were made of.
func (v *view) settleDeadLettered() {
	for _, d := range v.letters {
		e := v.entries[placeOf(d.key.seq)]
		if ln := v.lanes[d.key.lane]; ln.revision != 0 || e == nil || e.number != d.chunk || e.lanes[ln.name] == nil {
			continue
		}
		e.lanes[d.key.lane].slots[uint32(d.key.seq&maxRecords)] |= 1 << d.key.slot
	}
}

func (l *Log) decodeLetter(data []byte) (in storedLetter, err error) {
	plain, err := l.ring.Open("letter", 0, nil, data)
	if err != nil {
		return in, fmt.Errorf("read letter: %w", err)
	}
	if err := json.Unmarshal(plain, &in); err != nil {
		return in, fmt.Errorf("read letter: %w", err)
	}
	return in, nil
}

// DeadLetters returns at most n letters after the one with the id after; "" starts with the oldest.
func (l *Log) DeadLetters(ctx context.Context, after string, n int) ([]queue.DeadLetter, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("dead letters: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, l.options.IOTimeout)
	defer cancel()
	l.mu.Lock()
	var page []letter
	for _, d := range l.view.letters {
		if d.id > after && l.view.currentLetter(d.key) == d {
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
		one, err := l.readLetter(ctx, &d)
		if err != nil {
			return nil, fmt.Errorf("dead letters: %w", asStalled(err))
		}
		if one != nil { // otherwise it was dropped meanwhile
			out = append(out, *one)
		}
	}
	return out, nil
}

// readLetter reads a letter; nil if it does not exist.
func (l *Log) readLetter(ctx context.Context, d *letter) (*queue.DeadLetter, error) {
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

// DropDead removes letters and returns how many existed.
func (l *Log) DropDead(ctx context.Context, ids []string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, l.options.IOTimeout)
	defer cancel()
	l.mu.Lock()
	var drop []*letter
	dropped := make(map[string]bool)
	for _, d := range l.view.letters {
		if slices.Contains(ids, d.id) && l.view.isStored(d) {
			drop = append(drop, d) // including the letters they replaced
			dropped[d.id] = true
		}
	}
	l.mu.Unlock()
	slices.SortFunc(drop, func(a, b *letter) int { return compare(queue.Seq(a.seq), queue.Seq(b.seq)) })
	for _, d := range drop {
		if err := l.servers.api(ctx, "STREAM.MSG.DELETE."+l.deadStream(), map[string]any{"seq": d.seq}, nil); err != nil && !hasCode(err, codeNoMessage) {
			return 0, fmt.Errorf("drop letters: %w", asStalled(err))
		}
		l.mu.Lock()
		l.view.dropLetter(d)
		l.mu.Unlock()
	}
	return len(dropped), nil
}
