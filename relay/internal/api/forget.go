package api

import (
	"fmt"
	"strings"
)

// Forget is the request POST /api/v1/forget. Lines is never logged.
type Forget struct {
	Lines  []string `json:"lines"` // ids, e-mail addresses, phone and order numbers, one each
	DryRun bool     `json:"dry_run,omitempty"`
	Yes    bool     `json:"yes,omitempty"` // remove even more than MaxFound matches
}

// MaxFound is the most matches that are removed without Yes.
const MaxFound = 1000

// Forgotten is the answer: what was removed, or would be with DryRun.
type Forgotten struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Count   int64  `json:"count"` // all matches
	Found   Found  `json:"found"`
	// Unreached lists what could not be searched, one clause each.
	Unreached []string `json:"unreached"`
	// Stores are the stores whose relays get the request at their next call.
	Stores []string `json:"stores,omitempty"`
	// Reports are the paths of import reports, which the command must search: they are
	// where the import was started.
	Reports []string `json:"reports,omitempty"`
}

// Found counts the matches by place.
type Found struct {
	Waiting     int `json:"waiting"`      // waiting events
	InDoubt     int `json:"in_doubt"`     // of all events: those that Meta might have
	Unmapped    int `json:"unmapped"`     // events kept for a later mapping
	Kept        int `json:"kept"`         // kept copies of forwarded events
	Settled     int `json:"done"`         // settled events that are still in a file of the queue
	DeadLetters int `json:"dead_letters"` // …
	Receipts    int `json:"receipts"`     // …
	Dropped     int `json:"dropped"`      // rows of spool files: done, refused and in progress
	Reports     int `json:"reports"`      // lines of import reports
	Quarantined int `json:"quarantined"`  // damaged files, which cannot be searched and are always removed
	Copies      int `json:"copies"`       // temporary copies of the queue, which are always removed
}

// total returns the number of matches.
func (f *Found) total() int64 {
	return int64(f.Waiting + f.Unmapped + f.Kept + f.Settled + f.DeadLetters + f.Receipts + f.Dropped + f.Reports)
}

// words lists the matches.
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
	add(f.Waiting, "waiting event", "waiting events")
	add(f.Unmapped, "unmapped event", "unmapped events")
	add(f.Kept, "kept copy of a forwarded event", "kept copies of forwarded events")
	add(f.Settled, "processed event", "processed events")
	add(f.DeadLetters, "dead letter", "dead letters")
	add(f.Receipts, "receipt", "receipts")
	add(f.Dropped, "row of spool files", "rows of spool files")
	add(f.Reports, "line of import reports", "lines of import reports")
	return strings.Join(out, ", ")
}

// Affected returns the number of matches for the audit log.
func (f Forgotten) Affected() (int64, bool) { return f.Count, f.DryRun }

// Say sets Count and Message from Found.
func (f *Forgotten) Say() {
	f.Count = f.Found.total()
	done := "removed"
	if f.DryRun {
		done = "would be removed (dry run: nothing was changed)"
	}
	switch {
	case f.Count == 0 && len(f.Unreached) == 0:
		f.Message = "nothing found: relay stores nothing about this person"
	case f.Count == 0:
		f.Message = "nothing found in what relay could search"
	default:
		f.Message = fmt.Sprintf("%d %s: %s", f.Count, done, f.Found.words())
	}
	if f.Found.InDoubt > 0 {
		f.Message += fmt.Sprintf("; %d of the events might have been delivered", f.Found.InDoubt)
	}
	if n := f.Found.Quarantined; n > 0 {
		f.Message += fmt.Sprintf("; %d damaged files, which cannot be searched, %s", n, done)
	}
	if n := f.Found.Copies; n > 0 {
		f.Message += fmt.Sprintf("; %d temporary copies of the queue %s: run an interrupted backup again", n, done)
	}
}
