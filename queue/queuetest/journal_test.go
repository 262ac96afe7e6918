package queuetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/queue"
)

// idLike returns the id of a child's caller, with number n or higher, for which ok is true.
func idLike(n int, ok func(id string) bool) string {
	for ; ; n++ {
		if id := fmt.Sprintf("0-0-%d", n); ok(id) {
			return id
		}
	}
}

func inBoth(id string) bool { return len(lanesOf(id)) == 2 && !becomesLetter(id) }

// Everything a log may do wrong across a kill is reported as a fault, and nothing else is.
func TestJournalFaults(t *testing.T) {
	one := idLike(0, inBoth)
	two := idLike(1000, inBoth)
	dead := idLike(2000, func(id string) bool { return len(lanesOf(id)) == 2 && becomesLetter(id) })
	elsewhere := idLike(3000, func(id string) bool { return len(lanesOf(id)) == 1 && lanesOf(id)[0] == "b" })
	record := func(id string) queue.Record { return queue.Record{ID: id, Body: bodyOf(id)} }
	for _, c := range []struct {
		name    string
		lines   string // of the journal, with 1, 2, X and E for the ids
		records []queue.Record
		letters []string
		want    string
	}{
		{"no fault", "tried 1,acked 1,tried 2", []queue.Record{record(one), record(two)}, nil, ""},
		{"not confirmed and lost", "tried 1,acked 1,tried 2", []queue.Record{record(one)}, nil, ""},
		{"settlement not confirmed", "tried 1,acked 1,settling a 1", []queue.Record{record(one)}, nil, ""},
		{"settled", "tried 1,acked 1,settling a 1,settled a 1", nil, nil, ""},
		{"a letter", "tried X,acked X,settling a X", nil, []string{"a " + dead}, ""},
		{"another lane", "tried E,acked E", nil, nil, ""},
		{"lost", "tried 1,acked 1", nil, nil, "was confirmed and is lost"},
		{"never appended", "", []queue.Record{record(one)}, nil, "was never appended"},
		{"twice", "tried 1", []queue.Record{record(one), record(one)}, nil, "is read twice"},
		{"order", "tried 1,tried 2", []queue.Record{record(two), record(one)}, nil, "was read after a later record of its caller"},
		{"body", "tried 1", []queue.Record{{ID: one, Body: []byte("other")}}, nil, "has another body"},
		{"wrong lane", "tried E", []queue.Record{record(elsewhere)}, nil, "is for another lane"},
		{"settled and read", "tried 1,acked 1,settling a 1,settled a 1", []queue.Record{record(one)}, nil, "is settled and read again"},
		{"letter and read", "tried X,acked X,settling a X", []queue.Record{record(dead)}, []string{"a " + dead}, "is a letter and read again"},
		{"letter lost", "tried X,acked X,settling a X,settled a X", nil, nil, "is settled, and its letter is lost"},
		{"unknown letter", "tried 1,acked 1,settling a 1,settled a 1", nil, []string{"a " + one}, "is a letter that was never settled as one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := strings.NewReplacer(",", "\n", "1", one, "2", two, "X", dead, "E", elsewhere).Replace(c.lines)
			path := filepath.Join(t.TempDir(), "journal")
			if err := os.WriteFile(path, []byte(lines+"\nsettl"), 0o600); err != nil {
				t.Fatal(err)
			}
			j := newJournal()
			if lines != "" {
				if err := j.load(path); err != nil {
					t.Fatal(err)
				}
			}
			letters := make(map[string]bool)
			for _, l := range c.letters {
				letters[l] = true
			}
			got := j.faults("a", c.records, letters)
			if c.want == "" && len(got) > 0 || c.want != "" && !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("faults = %q, want %q", got, c.want)
			}
		})
	}
}
