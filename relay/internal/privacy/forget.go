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

// Holdings is everything in relay that holds events of people.
type Holdings struct {
	Sources
	Queue  Queue
	Lanes  Lanes  // nil: nothing is being delivered
	Copies Copies // of the queue; Forget removes all of them, for any person
	// Reports returns the paths of reports of refused rows, which lie where an import was
	// started, or why they are unknown; nil: there are none.
	Reports  func() (paths []string, unreached string)
	Incoming func() string // describes events that are being taken in and not stored yet, as a sentence; "" or nil: none
}

// Sources is what else holds people or helps to find them. A nil field does not exist in
// this installation.
type Sources struct {
	// Mappings returns all known mappings, earlier ones too: each is applied to an event
	// to find the person. nil: only the default rules apply.
	Mappings func() []*mapper.Mapping
	// Receipts removes a person from the receipts, Dropped from dropped files. They return
	// how many they found and which places they could not search. With dry they only count.
	Receipts func(look *person.Matcher, dry bool) (found int, unreached []string, err error)
	Dropped  func(ctx context.Context, look *person.Matcher, dry bool) (found int, unreached []string, err error)
	// Strangers returns a sentence for each foreign file in relay's data directories. Forget
	// does not search those files.
	Strangers func() ([]string, error)
}

// Queue is the part of a queue that Forget needs.
type Queue interface {
	Lanes() []queue.LaneStat
	Forget(f queue.Forget) (queue.Forgotten, error)
}

// Lanes is the part of the drain that removes a person from the lanes' memory while remove runs.
type Lanes interface {
	Forget(remove func() error) error
}

// Copies are temporary copies of the queue.
type Copies interface {
	Now() int // counts them
	End() int // removes them, returns how many there were, and blocks new ones until Resume
	Resume()
}

// Search returns a Matcher for names that applies every known mapping.
func (h *Holdings) Search(names []person.Name) *person.Matcher {
	if h.Mappings == nil {
		return person.NewMatcher(names)
	}
	return person.NewMatcher(names, h.Mappings()...)
}

// Forget removes the people that look finds from everything that holds events, and reports
// the places it could not search. With dry it runs the same search and only counts. The
// caller runs one Forget at a time.
//
// The order matters. Dropped files come before the queue: their events are in the queue by
// the time it is searched. Receipts come after the queue: events being sent to Meta have a
// receipt by then.
func (h *Holdings) Forget(ctx context.Context, look *person.Matcher, dry bool) (api.Forgotten, error) {
	out := api.Forgotten{Success: true, DryRun: dry, Unreached: []string{}}
	if h.Incoming != nil {
		if words := h.Incoming(); words != "" { // also names events that arrive before the search ends
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
		out.Unreached = append(out.Unreached, fmt.Sprintf("the NATS servers keep the removed bytes, which nothing reads or sends, until the other events in the same chunks (%d) are delivered too: "+
			"run the same command again to check", unerased))
	}
	if h.Receipts != nil {
		n, unreached, err := h.Receipts(look, dry)
		if err != nil {
			return out, err
		}
		out.Found.Receipts, out.Unreached = n, append(out.Unreached, unreached...)
	}
	if h.Strangers != nil { // last: relay's own removals are done
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

// forgetQueued removes the people that look finds from the queue and the dead letters.
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
			err = remove() // again with the lanes running, for what a lane stored meanwhile
		}
	} else {
		err = remove()
	}
	found.Waiting, found.Unmapped, found.Kept, found.Settled = n.Waiting, n.Unmapped, n.Kept, n.Settled
	found.DeadLetters, found.Quarantined, found.InDoubt = n.Letters, n.Quarantined, len(doubt)
	return n.Unerased, err
}
