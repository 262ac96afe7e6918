package room

import "testing"

var marks = Marks{High: 100, Low: 80, Hard: 110, Floor: 10}

// Intake opens some way behind where it shuts, by each measure.
func TestFull(t *testing.T) {
	drops := marks
	drops.Drops = true
	for _, c := range []struct {
		name string
		m    Marks
		seen []View // the next one is told what the one before said
		want []string
	}{
		{
			"files", marks,
			[]View{{VolFiles: 1000}, {VolFiles: 8}, {VolFiles: 7}, {VolFiles: 0}, {VolFiles: 8}, {VolFiles: 15}, {VolFiles: 16}},
			[]string{"", "", DiskFull, DiskFull, DiskFull, DiskFull, ""},
		},
		{
			"bytes of the volume", marks,
			[]View{{VolFree: 10, VolFiles: 99}, {VolFree: 9, VolFiles: 99}, {VolFree: 14, VolFiles: 99}, {VolFree: 15, VolFiles: 99}},
			[]string{"", DiskFull, DiskFull, ""},
		},
		{
			"size", marks,
			[]View{{Used: 99}, {Used: 100}, {Used: 81}, {Used: 80}, {Used: 99}},
			[]string{"", MaxSize, MaxSize, "", ""},
		},
		{
			"size, the oldest go", drops,
			[]View{{Used: 100}, {Used: 109}, {Used: 110}, {Used: 200}},
			[]string{"", "", "", ""},
		},
		{
			"size and volume", marks,
			[]View{{Used: 100, VolFree: 1, VolFiles: 99}, {Used: 100}, {Used: 90}},
			[]string{DiskFull, MaxSize, MaxSize},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			was := ""
			for i, v := range c.seen {
				v.Full = was
				if v.VolFiles == 0 && c.name != "files" {
					v.VolFree, v.VolFiles = 1000, 1000
				}
				if c.name == "files" {
					v.VolFree = 1000
				}
				if was = c.m.Full(v); was != c.want[i] {
					t.Errorf("look %d: %q, want %q", i, was, c.want[i])
				}
			}
		})
	}
}

// Something goes for the queue's own bound only.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name  string
		v     View
		want  Action
		drops Action // where the oldest make room
	}{
		{"room", View{Used: 50, VolFree: 1000, VolFiles: 99}, Nothing, Nothing},
		{"others take all bytes", View{Full: DiskFull, Used: 50, VolFiles: 99}, Squeeze, Squeeze},
		{"others take all files", View{Full: DiskFull, Used: 50, VolFree: 1000}, Squeeze, Squeeze},
		{"others take all, and it is not said yet", View{Used: 50}, Nothing, Nothing},
		{"others give some back", View{Full: DiskFull, Used: 50, VolFree: 12, VolFiles: 99}, Nothing, Nothing},
		{"at the mark", View{Used: 100, VolFree: 1000, VolFiles: 99}, Drop, DropOldest},
		{"below it again, intake still shut", View{Full: MaxSize, Used: 90, VolFree: 1000, VolFiles: 99}, Drop, DropOldest},
		{"at the mark, and others take the rest", View{Full: DiskFull, Used: 100}, Drop, DropOldest},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := marks
			if got := m.Decide(c.v); got != c.want {
				t.Errorf("refusing: %v, want %v", got, c.want)
			}
			m.Drops = true
			if got := m.Decide(c.v); got != c.drops {
				t.Errorf("dropping: %v, want %v", got, c.drops)
			}
		})
	}
}

// Whatever the sizes, the marks stand in their order, with room to open again.
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
