package batch

import (
	"testing"

	"relay/mapper/rules"
	"relay/queue"
)

// Each list that a mapping can have has a slot and a flag of its own, and those
// that lie on disk already mean what they meant.
func TestListsOnDisk(t *testing.T) {
	stored := []struct {
		list string
		slot int
		flag queue.Flags
	}{
		{"events", 0, 1 << 6},
		{"lead", 1, 2 << 6},
		{"complete_registration", 2, 3 << 6},
		{"of a later version", 3, 0},
	}
	if n := len(rules.Lists()); n != len(stored)-1 || n >= slotsPerRecord {
		t.Errorf("%d lists, %d slots a record: a new list needs a slot and a flag", n, slotsPerRecord)
	}
	for i, s := range stored {
		if i < len(rules.Lists()) && rules.Lists()[i] != s.list {
			t.Errorf("list %d is %s, was %s", i, rules.Lists()[i], s.list)
		}
		if slot, flag := ListSlot(s.list), ListFlag(s.list); slot != s.slot || flag != s.flag || flag&^flagLists != 0 {
			t.Errorf("%s: slot %d, flag %#x; was %d, %#x", s.list, slot, flag, s.slot, s.flag)
		}
	}
	if others := queue.FlagImported | queue.FlagTooLarge | queue.FlagRedriven | queue.FlagMerged | queue.FlagRepeated | queue.FlagNaN; flagLists&others != 0 {
		t.Errorf("%#x are flags of the queue too", flagLists&others)
	}
}
