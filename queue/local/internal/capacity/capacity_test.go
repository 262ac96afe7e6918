package capacity

import "testing"

var marks = Marks{High: 100, Low: 80, Hard: 110, Floor: 10}

// By each measure, intake opens again at a lower mark than it closes at.
func TestFull(t *testing.T) {
	drops := marks
	drops.Drops = true
	for _, c := range []struct {
		name string
		m    Marks
		seen []Usage // Full is the result of the row before
		want []string
	}{
		{
			"files", marks,
			[]Usage{{VolFiles: 1000}, {VolFiles: 8}, {VolFiles: 7}, {VolFiles: 0}, {VolFiles: 8}, {VolFiles: 15}, {VolFiles: 16}},
			[]string{"", "", DiskFull, DiskFull, DiskFull, DiskFull, ""},
		},
		{
			"bytes of the volume", marks,
			[]Usage{{VolFree: 10, VolFiles: 99}, {VolFree: 9, VolFiles: 99}, {VolFree: 14, VolFiles: 99}, {VolFree: 15, VolFiles: 99}},
			[]string{"", DiskFull, DiskFull, ""},
		},
		{
			"size", marks,
			[]Usage{{Used: 99}, {Used: 100}, {Used: 81}, {Used: 80}, {Used: 99}},
			[]string{"", MaxSize, MaxSize, "", ""},
		},
		{
			"size, the oldest records are dropped", drops,
			[]Usage{{Used: 100}, {Used: 109}, {Used: 110}, {Used: 200}},
			[]string{"", "", "", ""},
		},
		{
			"size and volume", marks,
			[]Usage{{Used: 100, VolFree: 1, VolFiles: 99}, {Used: 100}, {Used: 90}},
			[]string{DiskFull, MaxSize, MaxSize},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := ""
			for i, u := range c.seen {
				u.Full = was
				if u.VolFiles == 0 && c.name != "files" {
					u.VolFree, u.VolFiles = 1000, 1000
				}
				if c.name == "files" {
					u.VolFree = 1000
				}
				if was = c.m.Full(u); was != c.want[i] {
					t.Errorf("step %d: Full is %q, want %q", i, was, c.want[i])
				}
			}
		})
	}
}

// Data is dropped for the queue's own limit only.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name  string
		usage Usage
		want  Action
		drops Action // wanted with Marks.Drops
	}{
		{"not full", Usage{Used: 50, VolFree: 1000, VolFiles: 99}, Nothing, Nothing},
		{"other files fill the volume", Usage{Full: DiskFull, Used: 50, VolFiles: 99}, Compact, Compact},
		{"other files use up its inodes", Usage{Full: DiskFull, Used: 50, VolFree: 1000}, Compact, Compact},
		{"the same, intake not closed yet", Usage{Used: 50}, Nothing, Nothing},
		{"other files were removed", Usage{Full: DiskFull, Used: 50, VolFree: 12, VolFiles: 99}, Nothing, Nothing},
		{"at the mark", Usage{Used: 100, VolFree: 1000, VolFiles: 99}, Drop, DropOldest},
		{"below it again, intake still closed", Usage{Full: MaxSize, Used: 90, VolFree: 1000, VolFiles: 99}, Drop, DropOldest},
		{"at the mark, and the volume full too", Usage{Full: DiskFull, Used: 100}, Drop, DropOldest},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := marks
			if got := m.Decide(c.usage); got != c.want {
				t.Errorf("without Drops: %v, want %v", got, c.want)
			}
			m.Drops = true
			if got := m.Decide(c.usage); got != c.drops {
				t.Errorf("with Drops: %v, want %v", got, c.drops)
			}
		})
	}
}

// For all sizes the marks are in order, and Low lies below High.
func TestNewMarks(t *testing.T) {
	for size := int64(1 << 20); size <= 1<<40; size *= 2 {
		for segment := int64(64 << 10); segment <= 1<<30; segment *= 4 {
			m := NewMarks(size, min(segment, size/16), 2*size, false)
			if !(0 < m.Low && m.Low < m.High && m.High < m.Hard && m.Hard < size) || m.Floor <= 0 || m.Floor > 64<<20 {
				t.Fatalf("%d, %d: %+v", size, segment, m)
			}
		}
	}
}
