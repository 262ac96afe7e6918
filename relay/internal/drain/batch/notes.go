package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"relay/mapper"
	"relay/queue"
)

// Note lists conversions that Meta might have stored, and how they were made.
type Note struct {
	N        int       `json:"n"` // they are in the first N pending records
	Mapping  string    `json:"mapping"`
	At       time.Time `json:"at"`              // the time it was mapped for
	Ages     bool      `json:"ages"`            // the clock was trusted
	Dates    Dates     `json:"dates,omitempty"` // those of Recipe.Dates that its records need
	Encoding int       `json:"encoding"`        // mapper.Encoding that wrote them
	Sent     time.Time `json:"sent"`            // when one of them was first sent
	Items    []byte    `json:"items"`           // encodeSent
}

// sent is one conversion of a note.
type sent struct {
	Seq  queue.Seq
	Slot int     // within the record
	hash [8]byte // beginning of the conversion's hash
}

// encodeSent writes conversions in the order of their requests. Each is the distance of its
// record from the previous one, its slot and its hash.
func encodeSent(items []sent) []byte {
	b := make([]byte, 0, 12*len(items))
	last := queue.Seq(0)
	for _, it := range items {
		b = binary.AppendVarint(b, int64(it.Seq)-int64(last))
		b = append(append(b, byte(it.Slot)), it.hash[:]...)
		last = it.Seq
	}
	return b
}

// Conversions returns the conversions of the note, in the order of their requests.
func (n *Note) Conversions() ([]sent, error) { return decodeSent(n.Items) }

// decodeSent reads what encodeSent wrote.
func decodeSent(b []byte) (items []sent, err error) {
	last := int64(0)
	for len(b) > 0 {
		d, n := binary.Varint(b)
		if n <= 0 || len(b) < n+1+8 || b[n] >= slotsPerRecord {
			return nil, errors.New("read note: an item is truncated")
		}
		last += d
		items = append(items, sent{Seq: queue.Seq(last), Slot: int(b[n]), hash: [8]byte(b[n+1 : n+9])})
		b = b[n+9:]
	}
	return items, nil
}

// Intent returns notes of the conversions in doubt and of the items of a request that is about to
// be sent.
func (b *Batch) Intent(leaving []int, at time.Time) (out []*Note) {
	leaves := make(map[int]bool, len(leaving))
	for _, i := range leaving {
		leaves[i] = true
		if b.Items[i].Since.IsZero() {
			b.Items[i].Since = at
		}
	}
	lists := make(map[*Recipe][]sent)
	of := make(map[*Recipe]*Note)
	for i := range b.Items {
		it := &b.Items[i]
		if !it.Doubt && !leaves[i] || b.done.has(it.Slot) {
			continue
		}
		n := of[it.How]
		if n == nil {
			n = &Note{Mapping: it.How.Mapping.Digest(), At: it.How.At, Ages: it.How.Ages, Encoding: mapper.Encoding, Sent: it.Since.UTC()}
			of[it.How] = n
			out = append(out, n)
		}
		n.N = max(n.N, int(it.Rec)+1)
		if it.Since.Before(n.Sent) {
			n.Sent = it.Since.UTC()
		}
		lists[it.How] = append(lists[it.How], b.sent(i))
		n.Dates = n.Dates.with(it.How.Dates, b.Records[it.Rec].Flags.ClockPeriod())
	}
	for how, n := range of {
		n.Items = encodeSent(lists[how])
	}
	return out
}

// sent returns an item in the form of a note.
func (b *Batch) sent(i int) sent {
	it := &b.Items[i]
	return sent{Seq: b.Records[it.Rec].Seq, Slot: it.Slot % slotsPerRecord, hash: [8]byte(it.hash[:])}
}

// InDoubt returns the batch's items in doubt.
func (b *Batch) InDoubt() (out []Item) {
	for i := range b.Items {
		if it := &b.Items[i]; it.Doubt && !b.done.has(it.Slot) {
			out = append(out, *it)
		}
	}
	return out
}

// InDoubt returns the records in notes, in ascending order.
func InDoubt(notes []*Note) (seqs []queue.Seq) {
	for _, n := range notes {
		items, _ := n.Conversions()
		for _, it := range items {
			seqs = append(seqs, it.Seq)
		}
	}
	slices.Sort(seqs)
	return slices.Compact(seqs)
}

// Recipes returns how many different recipes items were made with.
func Recipes(items []Item) int {
	of := make(map[*Recipe]bool)
	for i := range items {
		of[items[i].How] = true
	}
	return len(of)
}

// Item makes the conversion s of record i again; false: it came out different.
func (b *Batch) Item(lane string, i int, s sent) (Item, bool) {
	outs := b.mapOne(lane, &b.Records[i], b.How)
	for j, out := range outs {
		slot := slotOf(i, out.List, outs[:j])
		if out.Kind != mapper.Send || slot%slotsPerRecord != s.Slot {
			continue
		}
		it := Item{Out: out, hash: sha256.Sum256(out.Conversion), Rec: int32(i), Slot: slot}
		return it, slices.Equal(it.hash[:8], s.hash[:])
	}
	return Item{}, false
}
