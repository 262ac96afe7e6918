package admin

import (
	"net/http"
	"slices"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain"
)

// DeadAction is the body of retry and drop: which dead letters, and whether
// only to say what would happen. All must be set to choose every one.
type DeadAction struct {
	DeadFilter
	All    bool `json:"all,omitempty"`
	DryRun bool `json:"dry_run,omitempty"`
}

// RetryResult is the answer to a retry.
type RetryResult struct {
	Success  bool           `json:"success"`
	DryRun   bool           `json:"dry_run"`
	Matched  int            `json:"matched"`           // dead letters chosen
	Redriven int            `json:"redriven"`          // put back into the queue; in a dry run: would be
	Pass     int            `json:"would_pass"`        // dry run: today's mapping would send them
	Skip     map[string]int `json:"would_skip"`        // dry run: deliberately not sent, by reason
	Hold     map[string]int `json:"would_hold"`        // dry run: dead letters again, by reason
	Unrouted int            `json:"unrouted"`          // stay: today's mapping sends them nowhere
	Failed   string         `json:"message,omitempty"` // why it ended early
}

// DropResult is the answer to a drop.
type DropResult struct {
	Success bool `json:"success"`
	DryRun  bool `json:"dry_run"`
	Matched int  `json:"matched"`
	Dropped int  `json:"dropped"`
}

func (s *Server) deadAction(w http.ResponseWriter, r *http.Request) (DeadAction, bool) {
	var a DeadAction
	if err := readJSON(w, r, &a); err != nil {
		s.fail(w, err)
		return a, false
	}
	if a.Empty() && !a.All {
		s.fail(w, badf("say which: ids, a filter, or all"))
		return a, false
	}
	return a, true
}

func (s *Server) retryDead(w http.ResponseWriter, r *http.Request) {
	a, ok := s.deadAction(w, r)
	if !ok {
		return
	}
	res, err := RetryDead(s.o.Queue, s.o.mapping(), a, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	if !a.DryRun {
		s.o.Metrics.Redriven("operator", res.Redriven)
		s.o.Logger.Info("dead letters redriven", "code", "dead_redriven", "matched", res.Matched, "redriven", res.Redriven, "unrouted", res.Unrouted)
		if s.o.Drain != nil && res.Redriven > 0 {
			s.o.Drain.Wake(drain.Changed)
		}
	}
	writeJSON(w, http.StatusOK, res)
}

func (s *Server) dropDead(w http.ResponseWriter, r *http.Request) {
	a, ok := s.deadAction(w, r)
	if !ok {
		return
	}
	res, err := DropDead(s.o.Queue, a)
	if err != nil {
		s.fail(w, err)
		return
	}
	if !a.DryRun {
		s.o.Logger.Warn("dead letters dropped by an operator", "code", "dead_dropped", "matched", res.Matched, "dropped", res.Dropped)
	}
	writeJSON(w, http.StatusOK, res)
}

// redriveStep is how many dead letters go back in one piece, so that a long
// retry neither holds the queue nor loses its place when it is cut short.
const redriveStep = 500

// RedriveQueue is the part of a queue that retry and drop need.
type RedriveQueue interface {
	DeadLog
	DropDead(ids ...string) (int, error)
	Redrive(ids []string, route func(queue.DeadLetter) []string) (int, error)
}

// RetryDead sends dead letters through today's mapping again, or says what
// would become of them. Repeating it is harmless: what went back is no longer
// a dead letter.
func RetryDead(q RedriveQueue, m Mapping, a DeadAction, now time.Time) (RetryResult, error) {
	res := RetryResult{Success: true, DryRun: a.DryRun, Skip: map[string]int{}, Hold: map[string]int{}}
	if m == nil {
		return res, badf("there is no mapping in force, so nothing can be retried")
	}
	if a.DryRun {
		err := EachDead(q, a.DeadFilter, func(d queue.DeadLetter) bool {
			res.Matched++
			res.foresee(m, d, now)
			return true
		})
		return res, err
	}
	var ids []string
	err := EachDead(q, a.DeadFilter, func(d queue.DeadLetter) bool {
		res.Matched++
		if len(RouteDead(m, d)) == 0 {
			res.Unrouted++
		} else {
			ids = append(ids, d.ID)
		}
		return true
	})
	if err != nil {
		return res, err
	}
	for chunk := range slices.Chunk(ids, redriveStep) {
		n, err := q.Redrive(chunk, func(d queue.DeadLetter) []string { return RouteDead(m, d) })
		res.Redriven += n
		if err != nil {
			if res.Redriven == 0 {
				return res, err
			}
			res.Success, res.Failed = false, err.Error()
			return res, nil
		}
	}
	return res, nil
}

// foresee says what today's mapping would make of d.
func (res *RetryResult) foresee(m Mapping, d queue.DeadLetter, now time.Time) {
	lanes := RouteDead(m, d)
	if len(lanes) == 0 {
		res.Unrouted++
		return
	}
	res.Redriven++
	ev := mapper.Event{
		Body: d.Body, MessageID: d.MessageID, Received: d.ReceivedAt,
		Imported: d.Flags&queue.FlagImported != 0, TooLarge: d.Flags&queue.FlagTooLarge != 0,
	}
	pass, skip, hold := false, "", ""
	for _, lane := range lanes {
		for _, o := range m.MapLane(ev, lane, now) {
			switch o.Kind {
			case mapper.Send:
				pass = true
			case mapper.Hold:
				hold = o.Reason
			case mapper.Skip:
				skip = o.Reason
			}
		}
	}
	switch { // a letter counts once: by the worst that would befall it
	case hold != "":
		res.Hold[hold]++
	case pass:
		res.Pass++
	case skip != "":
		res.Skip[skip]++
	}
}

// RouteDead says where today's mapping sends a dead letter: to the event set
// it was for while the mapping still does, else to those it names now, else
// nowhere (DESIGN 3).
func RouteDead(m Mapping, d queue.DeadLetter) []string {
	routes := m.Routes(d.Event)
	if d.EventSet != "" && slices.Contains(routes, d.EventSet) {
		return []string{d.EventSet}
	}
	return routes
}

// DropDead removes dead letters for good, or says how many it would.
func DropDead(q RedriveQueue, a DeadAction) (DropResult, error) {
	res := DropResult{Success: true, DryRun: a.DryRun}
	var ids []string
	err := EachDead(q, a.DeadFilter, func(d queue.DeadLetter) bool {
		ids = append(ids, d.ID)
		return true
	})
	res.Matched = len(ids)
	if err != nil || a.DryRun {
		return res, err
	}
	for chunk := range slices.Chunk(ids, redriveStep) {
		n, err := q.DropDead(chunk...)
		res.Dropped += n
		if err != nil {
			return res, err
		}
	}
	return res, nil
}
