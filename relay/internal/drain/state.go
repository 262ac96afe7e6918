package drain

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"relay/mapper"
	"relay/queue"
)

// durable is the lane's position of work as it lies in the queue, in
// Settlement.State. It stays under 32 KB: the note of a request of 2,000 events is
// its largest part.
type durable struct {
	V         int  `json:"v"`
	Manual    bool `json:"manual,omitempty"`    // paused by an operator
	Breaker   bool `json:"breaker,omitempty"`   // everything was refused; a restart burns no more
	Streak    int  `json:"streak,omitempty"`    // refusals in a row
	Announced bool `json:"announced,omitempty"` // the first upload was delivered

	// The wait after a failure. Wait bounds what a clock that moved makes of
	// Next: never longer than it was meant to be.
	Failures int           `json:"failures,omitempty"`
	Throttle int           `json:"throttle,omitempty"` // throttled in a row
	Next     time.Time     `json:"next,omitzero"`
	Wait     time.Duration `json:"wait,omitempty"`

	Mapping string `json:"mapping,omitempty"` // digest of that of the last delivery, or of one that an operator let pass

	Size  int64   `json:"size,omitempty"`  // most bytes of a request that the line carries; 0: what the settings allow
	Notes []*note `json:"notes,omitempty"` // of what is in doubt, one for each recipe
}

// note says which conversions Meta may have stored, and how they were made.
type note struct {
	N        int       `json:"n"` // records among which they are, from the first that waits
	Mapping  string    `json:"mapping"`
	At       time.Time `json:"at"`             // the time it was mapped for
	Ages     bool      `json:"ages"`           // the clock was believed
	First    queue.Seq `json:"first,omitzero"` // recipe.unset
	Wrong    time.Time `json:"wrong,omitzero"`
	Right    time.Time `json:"right,omitzero"`
	Encoding int       `json:"encoding"` // mapper.Encoding that wrote them
	Sent     time.Time `json:"sent"`     // the first of them, for the first time
	Items    []byte    `json:"items"`    // encodeSent
}

// sent is one conversion of a note.
type sent struct {
	seq  queue.Seq
	slot int     // of the record's
	hash [8]byte // the start of the conversion's
}

// encodeSent writes conversions, in the order of their requests, each as how far its
// record is from that of the one before, its slot and its hash.
func encodeSent(items []sent) []byte {
	b := make([]byte, 0, 12*len(items))
	last := queue.Seq(0)
	for _, it := range items {
		b = binary.AppendVarint(b, int64(it.seq)-int64(last))
		b = append(append(b, byte(it.slot)), it.hash[:]...)
		last = it.seq
	}
	return b
}

func decodeSent(b []byte) (items []sent, err error) {
	last := int64(0)
	for len(b) > 0 {
		d, n := binary.Varint(b)
		if n <= 0 || len(b) < n+1+8 || b[n] >= slotsPerRecord {
			return nil, errors.New("read note: an item is cut short")
		}
		last += d
		items = append(items, sent{seq: queue.Seq(last), slot: int(b[n]), hash: [8]byte(b[n+1 : n+9])})
		b = b[n+9:]
	}
	return items, nil
}

const stateVersion = 2

func (d *durable) encode() []byte {
	d.V = stateVersion
	b, err := json.Marshal(d)
	if err != nil { // only times outside year 0..9999 can do that
		b, _ = json.Marshal(durable{V: stateVersion, Manual: d.Manual, Breaker: d.Breaker, Announced: d.Announced})
	}
	return b
}

// decodeState reads a lane's state; an empty one is a new lane's.
func decodeState(b []byte) (durable, error) {
	var d durable
	if len(b) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return durable{}, fmt.Errorf("read lane state: %w", err)
	}
	if d.V != stateVersion {
		return durable{}, fmt.Errorf("read lane state: version %d is not known", d.V)
	}
	return d, nil
}

// slots is a bitmap of decided conversions. The slot of a conversion does not
// depend on the mapping's order: record × slotsPerRecord + list.
type slots []byte

const slotsPerRecord = queue.MaxSlots // one for each of mapper.Lists, and one for whatever else

func (s slots) has(i int) bool { return i>>3 < len(s) && s[i>>3]&(1<<(i&7)) != 0 }

// any says whether one of a record is.
func (s slots) any(rec int) bool {
	for slot := range slotsPerRecord {
		if s.has(rec*slotsPerRecord + slot) {
			return true
		}
	}
	return false
}

func (s *slots) set(i int) {
	for i>>3 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[i>>3] |= 1 << (i & 7)
}

// Flags of records that were dead letters: only the list the letter was of is
// mapped again, so that what another list delivered is not sent twice. The
// queue keeps a dead letter's flags with the record it becomes. They are a number
// in the two bits that the queue leaves to drain, the list's slot and one; 0:
// every list.
const (
	flagList  queue.Flags = 1 << 6
	flagLists             = (slotsPerRecord - 1) * flagList
)

// listSlot is the slot of a list among those of a record.
func listSlot(list string) int {
	if i := slices.Index(mapper.Lists(), list); i >= 0 {
		return i
	}
	return slotsPerRecord - 1
}

// listFlag is the flag of a list; 0: it has none.
func listFlag(list string) queue.Flags {
	if slot := listSlot(list); slot < slotsPerRecord-1 {
		return queue.Flags(slot+1) * flagList
	}
	return 0
}
