package privacy

import (
	"context"
	"fmt"
	"slices"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/person"
)

// Holdings are everything of relay's that holds events of people.
type Holdings struct {
	Sources
	Queue  Queue
	Lanes  Lanes  // nil: nothing drains
	Copies Copies // of the queue: they are removed whoever is asked for
	// Reports are the paths of reports of refused rows, which lie where an import was started,
	// and why they cannot be told; nil: there are none.
	Reports func() (paths []string, unreached string)
	Coming  func() string // what is on its way in and nowhere yet, as a sentence, "" when nothing is; nil: nothing ever is
}

// Sources are what beside the queue holds people, or knows them. What is nil does not
// exist here.
type Sources struct {
	// Mappings are all that are known, earlier ones too: a person is looked for by
	// what each of them makes of an event. nil: the defaults alone.
	Mappings func() []*mapper.Mapping
	// Receipts removes a person from the receipts, Dropped from dropped files; they say
	// how many were found, and where nobody could look. With dry they only count.
	Receipts func(look *person.Matcher, dry bool) (found int, unreached []string, err error)
	Dropped  func(ctx context.Context, look *person.Matcher, dry bool) (found int, unreached []string, err error)
	// Strangers says, a sentence each, what lies where relay keeps its data and is not
	// relay's: nobody searches it for a person.
	Strangers func() ([]string, error)
}

// Queue is the part of a queue that a person is removed from.
type Queue interface {
	Lanes() []queue.LaneStat
	Forget(f queue.Forget) (queue.Forgotten, error)
}

// Lanes is the part of a drain that makes lanes keep nothing of what is removed.
type Lanes interface {
	Forget(remove func() error) error
}

// Copies are temporary copies of the queue.
type Copies interface {
	Now() int // how many there are
	End() int // removes them, says how many there were, and allows no other until Resume
	Resume()
}

// Search makes the search for names, by every mapping that is known.
func (h *Holdings) Search(names []person.Name) *person.Matcher {
	if h.Mappings == nil {
		return person.NewMatcher(names)
	}
	return person.NewMatcher(names, h.Mappings()...)
}

// Forget removes whoever look finds from everything that holds events, and says where
// nobody could look. With dry it only counts: the same search. The caller lets nobody
// else forget meanwhile.
//
// The order matters. Dropped files come before the queue: what is on its way into the
// queue is there by then. Receipts come after it: of what was on its way to Meta there
// is one by then.
func (h *Holdings) Forget(ctx context.Context, look *person.Matcher, dry bool) (api.Forgotten, error) {
	out := api.Forgotten{Success: true, DryRun: dry, Unreached: []string{}}
	if h.Coming != nil {
		if words := h.Coming(); words != "" { // also of what has come when the search ends
			out.Unreached = append(out.Unreached, words)
		}
	}
	if dry {
		out.Found.Copies = h.Copies.Now()
	} else {
		out.Found.Copies = h.Copies.End()
		defer h.Copies.Resume()
	}
	if h.Dropped != nil {
		n, unreached, err := h.Dropped(ctx, look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Dropped, out.Unreached = n, append(out.Unreached, unreached...)
	}
	unerased, err := h.forgetQueued(look, dry, &out.Found)
	if err != nil {
		return out, err
	}
	if unerased > 0 {
		out.Unreached = append(out.Unreached, fmt.Sprintf("the NATS servers hold the bytes of what was removed, which nothing reads or sends, until the other events of the same chunks (%d) are delivered too: "+
			"run the same again to see whether they do", unerased))
	}
	if h.Receipts != nil {
		n, unreached, err := h.Receipts(look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Receipts, out.Unreached = n, append(out.Unreached, unreached...)
	}
	if h.Strangers != nil { // what relay has removed is gone by now
		unreached, err := h.Strangers()
		if err != nil {
			return out, err
		}
		out.Unreached = append(out.Unreached, unreached...)
	}
	if h.Reports != nil {
		var unreached string
		if out.Reports, unreached = h.Reports(); unreached != "" {
			out.Unreached = append(out.Unreached, unreached)
		}
	}
	out.Say()
	return out, nil
}

// forgetQueued removes whoever look finds from the queue and the dead letters.
func (h *Holdings) forgetQueued(look *person.Matcher, dry bool, found *api.Found) (unerased int, err error) {
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
		for _, l := range h.Queue.Lanes() {
			inDoubt[l.Name] = drain.InDoubt(l.State)
		}
		more, err := h.Queue.Forget(f)
		n.Add(more)
		return err
	}
	if h.Lanes != nil && !dry {
		if err = h.Lanes.Forget(remove); err == nil {
			err = remove() // with lanes at work once more: of what one stored in the very moment
		}
	} else {
		err = remove()
	}
	found.Waiting, found.Unmapped, found.Kept, found.Settled = n.Waiting, n.Unmapped, n.Kept, n.Settled
	found.DeadLetters, found.Quarantined, found.InDoubt = n.Letters, n.SetAside, len(doubt)
	return n.Unerased, err
}
