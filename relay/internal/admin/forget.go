package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain"
	"relay/relay/internal/person"
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
	// Reports are the reports of imports, for whoever asks to look into: they lie where
	// the import was started.
	Reports []string `json:"reports,omitempty"`
}

// Found says how much was found where.
type Found struct {
	Waiting     int `json:"waiting"`      // events that an event set waits for
	InDoubt     int `json:"in_doubt"`     // of all the events: those of which Meta may have something
	Unmapped    int `json:"unmapped"`     // events kept for a mapping that knows them
	Settled     int `json:"done"`         // events that nothing waits for, still in a file of the queue
	DeadLetters int `json:"dead_letters"` // …
	Receipts    int `json:"receipts"`     // …
	Dropped     int `json:"dropped"`      // rows of dropped files: done, refused and in hand
	Reports     int `json:"reports"`      // lines of import reports
	SetAside    int `json:"set_aside"`    // damaged files that nobody can search: they go whoever is asked for
	Copies      int `json:"copies"`       // temporary copies of the queue: they go whoever is asked for
}

// total is how much of it is about the person.
func (f *Found) total() int64 {
	return int64(f.Waiting + f.Unmapped + f.Settled + f.DeadLetters + f.Receipts + f.Dropped + f.Reports)
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
	add(f.Settled, "event that was dealt with", "events that were dealt with")
	add(f.DeadLetters, "dead letter", "dead letters")
	add(f.Receipts, "receipt", "receipts")
	add(f.Dropped, "row of dropped files", "rows of dropped files")
	add(f.Reports, "line of import reports", "lines of import reports")
	return strings.Join(out, ", ")
}

// affected is what the audit log has of it.
func (f Forgotten) affected() (int64, bool) { return f.Count, f.DryRun }

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
	if n := f.Found.SetAside; n > 0 {
		f.Message += fmt.Sprintf("; %d damaged files that cannot be searched %s", n, done)
	}
	if n := f.Found.Copies; n > 0 {
		f.Message += fmt.Sprintf("; %d temporary copies of the queue %s, make a backup under way again", n, done)
	}
}

// forget removes a person.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	var ask Forget
	err := readJSON(w, r, &ask)
	var names []person.Name
	if err == nil {
		names, err = person.Parse(ask.Lines)
		if own, ok := s.o.mapping().(interface{ NeverCustomer(string) bool }); ok && err == nil {
			err = person.Refuse(names, own.NeverCustomer)
		}
		if err != nil {
			err = badf("%v", err)
		}
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it reads all there is
	s.forgetting.Lock()
	defer s.forgetting.Unlock()
	look := s.lookFor(names)
	if !ask.DryRun && !ask.Yes {
		found, err := s.forgetAll(r.Context(), look, true)
		if err == nil && found.Count > MaxFound {
			writeError(w, http.StatusConflict, "many_found", fmt.Sprintf("%s: that is more than %d, nothing was changed; look with --dry-run whether it is one person, then give --yes (in the API: \"yes\": true)",
				found.Message, MaxFound))
			return
		}
		if err != nil {
			s.fail(w, err)
			return
		}
	}
	out, err := s.forgetAll(r.Context(), look, ask.DryRun)
	if err != nil {
		s.fail(w, err)
		return
	}
	if !ask.DryRun {
		s.o.Logger.Warn("person forgotten by an operator", "code", logs.PersonForgotten, "removed", out.Count, "unreached", len(out.Unreached))
	}
	writeJSON(w, http.StatusOK, out)
}

// lookFor makes the search for names, by every mapping that is known.
func (s *Server) lookFor(names []person.Name) *person.Matcher {
	if s.o.Mappings == nil {
		return person.NewMatcher(names)
	}
	return person.NewMatcher(names, s.o.Mappings()...)
}

// forgetAll goes through everything that holds events. With dry it only counts: the
// same search.
func (s *Server) forgetAll(ctx context.Context, look *person.Matcher, dry bool) (Forgotten, error) {
	out := Forgotten{Success: true, DryRun: dry, Unreached: []string{}}
	if !dry {
		out.Found.Copies = s.copies.end()
		defer s.copies.resume()
	}
	if dry {
		out.Found.Copies = s.copies.now()
	}
	if s.o.ForgetDropped != nil { // before the queue: what is on its way into it is there then
		n, unreached, err := s.o.ForgetDropped(ctx, look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Dropped, out.Unreached = n, append(out.Unreached, unreached...)
	}
	doubt := make(map[queue.Seq]bool)
	var inDoubt map[string][]queue.Seq
	f := queue.Forget{
		Dry: dry,
		Record: func(r *queue.Record) bool {
			if !look.Event(r.Body, r.ID, r.Received) {
				return false
			}
			for _, lane := range r.Lanes {
				if _, ok := slices.BinarySearch(inDoubt[lane], r.Seq); ok {
					doubt[r.Seq] = true
				}
			}
			return true
		},
		Letter: func(d *queue.DeadLetter) bool {
			return look.Event(d.Body, d.MessageID, d.ReceivedAt) || look.Text(d.Message)
		},
	}
	var n queue.Forgotten
	remove := func() error {
		inDoubt = make(map[string][]queue.Seq)
		for _, l := range s.o.Queue.Lanes() {
			inDoubt[l.Name] = drain.InDoubt(l.State)
		}
		more, err := s.o.Queue.Forget(f)
		n.Add(more)
		return err
	}
	var err error
	if s.o.Drain != nil && !dry {
		if err = s.o.Drain.Forget(remove); err == nil {
			err = remove() // with lanes at work once more: of what one stored in the very moment
		}
	} else {
		err = remove()
	}
	out.Found.Waiting, out.Found.Unmapped, out.Found.Settled = n.Waiting, n.Unmapped, n.Settled
	out.Found.DeadLetters, out.Found.SetAside, out.Found.InDoubt = n.Letters, n.SetAside, len(doubt)
	if err != nil {
		return out, err
	}
	if s.o.ForgetReceipts != nil { // behind it: of what was on its way to Meta there is one by now
		n, unreached, err := s.o.ForgetReceipts(look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Receipts, out.Unreached = n, append(out.Unreached, unreached...)
	}
	if s.o.Strangers != nil { // what relay has removed is gone by now
		unreached, err := s.o.Strangers()
		if err != nil {
			return out, err
		}
		out.Unreached = append(out.Unreached, unreached...)
	}
	if s.o.Imports != nil {
		out.Reports = readReports(s.o.Imports)
	}
	out.Say()
	return out, nil
}
