package spool

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"relay/relay/internal/spool/rows"
)

// allocated returns how many bytes fn allocates on the heap.
func allocated(fn func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A file costs memory, and stores bytes, in proportion to its size.
func FuzzImportCost(f *testing.F) {
	wide := make([]string, 400)
	for i := range wide {
		wide[i] = fmt.Sprintf("column.number.%d[%d]", i, i)
	}
	for _, s := range []string{
		sales(0, 30),
		"event," + strings.Join(wide, ",") + "\n" + strings.Repeat("x\n", 2000),
		"event," + strings.Join(wide, ",") + "\n" + strings.Repeat("x"+strings.Repeat(",1", 400)+"\n", 20),
		"event,a[99999999]\nx,1\n", "event,a[0].b[1000].c\n" + strings.Repeat("x,1\n", 100), "event,a" + strings.Repeat(".a", 3000) + "\n" + strings.Repeat("x,1\n", 50),
		`{"context":{"a":"` + strings.Repeat("y", 5000) + `"},"batch":[` + strings.Repeat(`{"event":"e"},`, 200) + `{"event":"e"}]}` + "\n",
		strings.Repeat("[", 20000), "event\n\"" + strings.Repeat("\n", 20000), strings.Repeat(",", 20000) + "\n",
	} {
		f.Add(s, "x.csv")
		f.Add(s, "x.jsonl")
	}
	f.Fuzz(func(t *testing.T, file, name string) {
		m := &memory{}
		cost := allocated(func() {
			_, _ = Import(t.Context(), strings.NewReader(file), Options{Queue: m, Name: name, SkipBad: true, Undated: true, Layout: rows.Layout{Event: "Given"}, CheckRows: -1})
		})
		stored := 0
		for _, e := range m.entries {
			stored += len(e.Body)
		}
		if cost > 32<<20+1000*int64(len(file)) {
			t.Errorf("%d bytes allocated for a file of %d", cost, len(file))
		}
		if stored > 64<<10+300*len(file) {
			t.Errorf("%d bytes stored of a file of %d", stored, len(file))
		}
	})
}
