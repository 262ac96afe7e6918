package batch

import (
	"slices"

	"relay/mapper/rules"
	"relay/queue"
)

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

// ListSlot is the slot of a list among those of a record.
func ListSlot(list string) int {
	if i := slices.Index(rules.Lists(), list); i >= 0 {
		return i
	}
	return slotsPerRecord - 1
}

// ListFlag is the flag of a list; 0: it has none.
func ListFlag(list string) queue.Flags {
	if slot := ListSlot(list); slot < slotsPerRecord-1 {
		return queue.Flags(slot+1) * flagList
	}
	return 0
}
