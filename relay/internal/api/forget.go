package api

import (
	"fmt"
	"strings"
)

// Forget is POST /api/v1/forget. Lines is never logged.
type Forget struct {
	Lines  []string `json:"lines"` // ids, e-mail addresses, phone and order numbers, one each
	DryRun bool     `json:"dry_run,omitempty"`
	Yes    bool     `json:"yes,omitempty"` // also when more than MaxFound are found
}

// MaxFound is how much is removed at once without being asked.
const MaxFound = 1000

// Forgotten is the answer: what was removed, or with DryRun would be.
type Forgotten struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Count   int64  `json:"count"` // of all that was found
	Found   Found  `json:"found"`
	// Unreached says where nobody could look, a sentence each.
	Unreached []string `json:"unreached"`
	// Stores are those whose relays forward to this one: they are told at their next call.
	Stores []string `json:"stores,omitempty"`
	// Reports are the reports of imports, for whoever asks to look into: they lie where
	// the import was started.
	Reports []string `json:"reports,omitempty"`
}

// Found says how much was found where.
type Found struct {
	Waiting     int `json:"waiting"`      // events that an event set waits for
	InDoubt     int `json:"in_doubt"`     // of all the events: those of which Meta may have something
	Unmapped    int `json:"unmapped"`     // events kept for a mapping that knows them
	Kept        int `json:"kept"`         // copies of events that were handed to another relay
	Settled     int `json:"done"`         // events that nothing waits for, still in a file of the queue
	DeadLetters int `json:"dead_letters"` // …
	Receipts    int `json:"receipts"`     // …
	Dropped     int `json:"dropped"`      // rows of dropped files: done, refused and in hand
	Reports     int `json:"reports"`      // lines of import reports
	Quarantined int `json:"quarantined"`  // damaged files that nobody can search: they go whoever is asked for
	Copies      int `json:"copies"`       // temporary copies of the queue: they go whoever is asked for
}

// total is how much of it is about the person.
func (f *Found) total() int64 {
	return int64(f.Waiting + f.Unmapped + f.Kept + f.Settled + f.DeadLetters + f.Receipts + f.Dropped + f.Reports)
}

// words lists what there is.
func (f *Found) words() string {
	var out []string
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			out = append(out, "1 "+one)
		case n > 1:
			out = append(out, fmt.Sprintf("%d %s", n, many))
		}
	}
	add(f.Waiting, "event that waits", "events that wait")
	add(f.Unmapped, "event that no mapping knows", "events that no mapping knows")
	add(f.Kept, "copy of an event that was forwarded", "copies of events that were forwarded")
	add(f.Settled, "event that was dealt with", "events that were dealt with")
	add(f.DeadLetters, "dead letter", "dead letters")
	add(f.Receipts, "receipt", "receipts")
	add(f.Dropped, "row of dropped files", "rows of dropped files")
	add(f.Reports, "line of import reports", "lines of import reports")
	return strings.Join(out, ", ")
}

// Affected is what the audit log has of it.
func (f Forgotten) Affected() (int64, bool) { return f.Count, f.DryRun }

// Say makes the message of what there is.
func (f *Forgotten) Say() {
	f.Count = f.Found.total()
	done, none := "removed", "nothing found"
	if f.DryRun {
		done = "would be removed, nothing was changed"
	}
	switch {
	case f.Count == 0 && len(f.Unreached) == 0:
		f.Message = none + ": nothing that relay holds is about this person"
	case f.Count == 0:
		f.Message = none + " where relay could look"
	default:
		f.Message = fmt.Sprintf("%d %s: %s", f.Count, done, f.Found.words())
	}
	if f.Found.InDoubt > 0 {
		f.Message += fmt.Sprintf("; %d of the events may have been delivered", f.Found.InDoubt)
	}
	if n := f.Found.Quarantined; n > 0 {
		f.Message += fmt.Sprintf("; %d damaged files that cannot be searched %s", n, done)
	}
	if n := f.Found.Copies; n > 0 {
		f.Message += fmt.Sprintf("; %d temporary copies of the queue %s, make a backup under way again", n, done)
	}
}
