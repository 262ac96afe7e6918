package drain

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"relay/mapper"
	"relay/queue"
)

// durable is the lane's position of work as it lies in the queue, in
// Settlement.State. It stays under 4 KB: the bitmap of a batch of 2,000 is its
// largest part.
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

	Note *note `json:"note,omitempty"`
}

// note says what a batch is made of and which request of it was begun.
type note struct {
	First   queue.Seq `json:"first"`
	Last    queue.Seq `json:"last"`
	N       int       `json:"n"`
	Mapping string    `json:"mapping"`
	At      time.Time `json:"at"`   // the time it was mapped for
	Ages    bool      `json:"ages"` // the clock was believed
	MaxN    int       `json:"max_n"`
	MaxB    int64     `json:"max_b"`
	Done    slots     `json:"done,omitempty"` // decided: delivered or dead

	Lo    int       `json:"lo"` // the request: items [lo,hi) that are not done
	Hi    int       `json:"hi"`
	Hash  string    `json:"hash"`
	Sent  time.Time `json:"sent"`
	Doubt bool      `json:"doubt,omitempty"` // it may have been stored by Meta
}

const stateVersion = 1

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

const slotsPerRecord = 4 // one for each of mapper.Lists, and one for whatever else

func (s slots) has(i int) bool { return i>>3 < len(s) && s[i>>3]&(1<<(i&7)) != 0 }

func (s *slots) set(i int) {
	for i>>3 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[i>>3] |= 1 << (i & 7)
}

func (s slots) any() bool {
	for _, b := range s {
		if b != 0 {
			return true
		}
	}
	return false
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
