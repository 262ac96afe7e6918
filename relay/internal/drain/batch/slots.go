package batch

import (
	"slices"

	"relay/mapper/rules"
	"relay/queue"
)

// slots is a bitmap of conversions. The slot of a conversion is record × slotsPerRecord + list,
// so it does not depend on the order of lists in the mapping.
type slots []byte

const slotsPerRecord = queue.MaxSlots // one for each of rules.Lists, and a spare one

func (s slots) has(i int) bool { return i>>3 < len(s) && s[i>>3]&(1<<(i&7)) != 0 }

// any reports whether one of a record's slots is set.
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

// Flags of records that were dead letters: only the letter's list is mapped again, so that
// conversions delivered for another list are not sent twice. The queue keeps a dead letter's
// flags in the record that it becomes. The flag is a number in the two bits that the queue
// leaves to drain: the list's slot plus one; 0: every list.
const (
	flagList  queue.Flags = 1 << 6
	flagLists             = (slotsPerRecord - 1) * flagList
)

// ListSlot returns the slot of a list within a record.
func ListSlot(list string) int {
	if i := slices.Index(rules.Lists(), list); i >= 0 {
		return i
	}
	return slotsPerRecord - 1
}

// ListFlag returns the flag of a list; 0: it has none.
func ListFlag(list string) queue.Flags {
	if slot := ListSlot(list); slot < slotsPerRecord-1 {
		return queue.Flags(slot+1) * flagList
	}
	return 0
}
