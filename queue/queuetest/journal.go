package queuetest

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"relay/queue"
)

// The events a line of a journal records for an id, or for "lane id".
const (
	tried    = "tried"    // Append is about to be called
	acked    = "acked"    // Append has returned nil
	settling = "settling" // Settle is about to be called
	settled  = "settled"  // Settle has returned nil
)

// journal is what the children of a crash test had done when they were killed.
type journal struct {
	read     int             // bytes of the file that were loaded
	tried    map[string]bool // id
	acked    map[string]bool // id
	settling map[string]bool // "lane id"
	settled  map[string]bool // "lane id"
}

func newJournal() *journal {
	return &journal{tried: make(map[string]bool), acked: make(map[string]bool), settling: make(map[string]bool), settled: make(map[string]bool)}
}

// load reads the lines written since the last call. A last line cut off by the kill is ignored.
func (j *journal) load(path string) error {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil // the child was killed before it created the file
	}
	if err != nil {
		return fmt.Errorf("load journal: %w", err)
	}
	for line := range strings.Lines(string(b[j.read:])) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		j.read += len(line)
		what, about, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		m, ok := map[string]map[string]bool{tried: j.tried, acked: j.acked, settling: j.settling, settled: j.settled}[what]
		if !ok {
			return fmt.Errorf("load journal: line %q", line)
		}
		m[about] = true
	}
	return nil
}

// faults compares a lane's records, and the letters as "lane id", with the journal.
func (j *journal) faults(lane string, records []queue.Record, letters map[string]bool) (faults []string) {
	fault := func(id, what string) {
		if len(faults) < 10 {
			faults = append(faults, id+" "+what)
		}
	}
	there := make(map[string]bool)
	last := make(map[string]int) // caller: number of its last record
	for _, r := range records {
		var life, caller, n int
		if _, err := fmt.Sscanf(r.ID, "%d-%d-%d", &life, &caller, &n); err != nil || !j.tried[r.ID] {
			fault(r.ID, "was never appended")
			continue
		}
		from := fmt.Sprintf("%d-%d", life, caller)
		if was, ok := last[from]; ok && was >= n {
			fault(r.ID, "was read after a later record of its caller")
		}
		last[from] = n
		switch {
		case there[r.ID]:
			fault(r.ID, "is read twice")
		case j.settled[lane+" "+r.ID]:
			fault(r.ID, "is settled and read again")
		case letters[lane+" "+r.ID]:
			fault(r.ID, "is a letter and read again")
		case !slices.Contains(lanesOf(r.ID), lane):
			fault(r.ID, "is for another lane")
		case string(r.Body) != string(bodyOf(r.ID)):
			fault(r.ID, "has another body")
		}
		there[r.ID] = true
	}
	for id := range j.acked {
		key := lane + " " + id
		if !slices.Contains(lanesOf(id), lane) || there[id] {
			continue
		}
		switch {
		case !j.settling[key] && !j.settled[key]:
			fault(id, "was confirmed and is lost")
		case j.settling[key] && becomesLetter(id) && !letters[key]:
			fault(id, "is settled, and its letter is lost")
		}
	}
	for l := range letters {
		if of, id, _ := strings.Cut(l, " "); of == lane && (!j.settling[l] || !becomesLetter(id)) {
			fault(id, "is a letter that was never settled as one")
		}
	}
	return faults
}
