package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/track"
)

func (s *Server) getLanes(w http.ResponseWriter, r *http.Request) {
	lanes, _ := s.lanes(s.o.Now(), true)
	writeJSON(w, http.StatusOK, lanes)
}

func (s *Server) pauseLane(w http.ResponseWriter, r *http.Request) {
	s.steer(w, r, "paused", func(d Drain, lane string) error { return d.Pause(lane) })
}

func (s *Server) resumeLane(w http.ResponseWriter, r *http.Request) {
	s.steer(w, r, "resumed", func(d Drain, lane string) error { return d.Resume(lane) })
}

func (s *Server) steer(w http.ResponseWriter, r *http.Request, done string, do func(Drain, string) error) {
	lane, err := s.pathLane(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	if s.o.Drain == nil {
		s.fail(w, badf("relay is not running, so there is nothing to pause or resume"))
		return
	}
	if err := do(s.o.Drain, lane); err != nil {
		s.fail(w, err)
		return
	}
	s.o.Logger.Info("lane paused or resumed by an operator", "code", logs.LaneSteered, "event_set", lane, "action", done)
	writeJSON(w, http.StatusOK, api.Done{Success: true, Message: "event set " + lane + " " + done})
}

// exclusive runs fn while the lane is not draining.
func (s *Server) exclusive(lane string, fn func(inDoubt []queue.Seq) error) error {
	if s.o.Drain == nil {
		st, _ := s.o.Queue.Lane(lane)
		return fn(drain.InDoubt(st.State))
	}
	return s.o.Drain.Exclusive(lane, fn)
}

// pathLane returns the lane in the address, given by its id or its name in the mapping.
func (s *Server) pathLane(r *http.Request) (string, error) {
	return s.findLane(r.PathValue("lane"))
}

func (s *Server) findLane(name string) (string, error) {
	if !track.IsEventSet(name) {
		return "", badf("%s is not an event set", name)
	}
	lanes, _ := s.lanes(s.o.Now(), true)
	for _, l := range lanes {
		if l.Lane == name {
			return name, nil
		}
	}
	for _, l := range lanes {
		if l.Name == name {
			return l.Lane, nil
		}
	}
	return "", notThere(name, lanes)
}

// notThere is the error for an event set without a lane. It lists the lanes that exist.
func notThere(name string, lanes []api.LaneInfo) error {
	const most = 20
	var known []string
	for _, l := range lanes[:min(len(lanes), most)] {
		known = append(known, l.Lane)
	}
	if n := len(lanes) - most; n > 0 {
		known = append(known, fmt.Sprintf("%d more", n))
	}
	if len(known) == 0 {
		known = []string{"none"}
	}
	return fmt.Errorf("event set %q: %w; event sets here: %s (`relay lane list`)", name, queue.ErrNotFound, strings.Join(known, ", "))
}

// moveLane moves the waiting events of an event set to another: {"to":"701…"}. The other
// must be in the mapping; otherwise no lane would read it.
func (s *Server) moveLane(w http.ResponseWriter, r *http.Request) {
	var in struct {
		To string `json:"to"`
	}
	if err := readJSON(w, r, &in); err != nil {
		s.fail(w, err)
		return
	}
	from, err := s.pathLane(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	m := s.o.mapping()
	to := ""
	if m != nil {
		for _, set := range m.Sets() {
			if set.ID == in.To || set.Name != "" && set.Name == in.To {
				to = set.ID
			}
		}
	}
	if in.To == queue.LaneForward && s.o.Forwards != "" {
		to = in.To
	}
	switch {
	case to == "" && s.o.Forwards != "":
		err = badf("%s; waiting events can only move to %q", advice.MappingAtHub(s.o.Forwards), queue.LaneForward)
	case to == "":
		err = badf("%q is not an event set in the mapping (`relay lane list`): events move only to one that the mapping names", in.To)
	case to == from:
		err = badf("the events already wait for event set %s", to)
	case to == queue.LaneForward: // the mapping is at the hub
	default:
		err = s.checkMove(m, from, to)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	ls, _ := s.o.Queue.Lane(from)
	moved, stay := 0, 0
	if err := s.exclusive(from, func(inDoubt []queue.Seq) (err error) {
		inDoubt = slices.DeleteFunc(inDoubt, func(seq queue.Seq) bool { return !s.o.Queue.IsPending(from, seq) })
		stay = len(inDoubt)
		moved, err = s.o.Queue.MoveLane(from, to, inDoubt...)
		return err
	}); err != nil {
		s.fail(w, nothingWaits(from, "move", err))
		return
	}
	if s.o.Drain != nil {
		s.o.Drain.Wake(drain.Changed)
	}
	s.o.Logger.Warn("lane moved by an operator", "code", logs.LaneMoved, "event_set", from, "to", to, "events", moved, "in_doubt", stay)
	message := "moved to " + to
	if stay > 0 {
		message += fmt.Sprintf("; %d stay, because %s might have received them already: they are sent there again, unchanged", stay, from)
	}
	if had := int(ls.Pending) - moved - stay; had > 0 {
		message += fmt.Sprintf("; %d stay, because %s has already received them: remove them with `relay lane drop`", had, to)
	}
	writeJSON(w, http.StatusOK, api.Done{Success: true, Message: message, Count: int64(moved)})
}

// nothingWaits explains the error for an event set that is listed because of the mapping or its
// counts, but for which no events wait. It returns other errors as they are.
func nothingWaits(lane, action string, err error) error {
	if errors.Is(err, queue.ErrNotFound) {
		return badf("event set %s has no waiting events to %s; `relay lane list` shows where events wait", lane, action)
	}
	return err
}

// checkMove refuses a move that would only make dead letters (unrouted), judging by the
// first waiting events.
func (s *Server) checkMove(m Mapping, from, to string) error {
	b, err := s.o.Queue.Read(from, 0, 500, 4<<20)
	if err != nil {
		return fmt.Errorf("read lane: %w", err)
	}
	var names []string
	for _, r := range b.Records {
		name := track.Name(r.Body)
		if slices.Contains(m.Routes(name), to) {
			return nil
		}
		if !slices.Contains(names, name) && len(names) < 5 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return badf("the current mapping sends none of these events to %s (%s), so they would become dead letters; add them to the mapping first", to, strings.Join(names, ", "))
}

// dropLane permanently removes the waiting events of an event set. "confirm" must repeat
// its id or the name in the address, because this call loses events on purpose.
func (s *Server) dropLane(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Confirm string `json:"confirm"`
	}
	if err := readJSON(w, r, &in); err != nil {
		s.fail(w, err)
		return
	}
	lane, err := s.pathLane(r)
	if err == nil && in.Confirm != lane && in.Confirm != r.PathValue("lane") {
		err = badf(`confirm: repeat the event set's id, %q, to drop its waiting events`, lane)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	ls, _ := s.o.Queue.Lane(lane)
	if err := s.exclusive(lane, func([]queue.Seq) error { return s.o.Queue.DropLane(lane) }); err != nil {
		s.fail(w, nothingWaits(lane, "drop", err))
		return
	}
	s.o.Logger.Warn("lane dropped by an operator", "code", logs.LaneDropped, "event_set", lane, "events", ls.Pending)
	writeJSON(w, http.StatusOK, api.Done{Success: true, Message: "dropped", Count: ls.Pending})
}
