package batch

import (
	"strings"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/track"
)

// Foresight finds out what would become of dead letters if they were redriven, without doing
// it. It uses the functions that redrive and map them.
type Foresight struct {
	Mapping Mapping
	MaxAge  time.Duration // queue.max_age; 0: no limit
	Now     time.Time
	Ages    bool                        // the clock is trusted
	Dates   Dates                       // corrects times of receipt
	By      func(digest string) Mapping // an older mapping, for letters that must be sent with the same bytes; nil if it is not kept
}

// Fate is what would become of one letter.
type Fate struct {
	Unrouted bool           // the mapping does not have its event: it stays a dead letter
	Send     int            // conversions that would be sent
	Skip     map[string]int // by reason
	Hold     []string       // reasons
}

// Lanes returns the lanes that a letter would go to; none: it stays a dead letter.
func (f Foresight) Lanes(d queue.DeadLetter) []string { return track.RedriveLanes(f.Mapping.Routes, d) }

// Of returns what would become of a letter. again reports whether a copy with this key was
// made of an earlier letter already: each copy is made once.
func (f Foresight) Of(d queue.DeadLetter, again func(key string) bool) Fate {
	entries := d.RedriveEntries(f.Lanes(d))
	fate := Fate{Unrouted: len(entries) == 0, Skip: map[string]int{}}
	for _, e := range entries {
		if again(e.Key) {
			fate.Skip[mapper.ReasonDuplicate]++
			continue
		}
		rec := queue.Record{ID: e.ID, Store: e.Store, Lanes: e.Lanes, SeenBy: e.SeenBy, Recipe: e.Recipe, Received: e.Received, Flags: e.Flags, Settled: e.Flags.Slots(), Body: e.Body}
		b := Make(e.Lanes[0], queue.Batch{Records: []queue.Record{rec}}, &Recipe{Mapping: f.Mapping, At: f.Now, Ages: f.Ages, Age: f.MaxAge, Dates: f.Dates, By: f.By}, Limits{Events: 1}, Decisions{})
		fate.Send += len(b.Alive(0, len(b.Items)))
		for i := range b.Holds {
			fate.Hold = append(fate.Hold, b.Holds[i].Reason)
		}
		for outcome, n := range b.Counts {
			if reason, ok := strings.CutPrefix(outcome, "skip:"); ok {
				fate.Skip[reason] += n
			}
		}
	}
	return fate
}
