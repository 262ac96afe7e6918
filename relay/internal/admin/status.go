package admin

import (
	"cmp"
	"net/http"
	"os"
	"slices"
	"time"

	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/forward"
	"relay/relay/internal/metrics"
	"relay/relay/internal/spool"
	"relay/relay/internal/track"
)

// Status returns the complete current status.
func (s *Server) Status() api.Status {
	now := s.o.Now()
	st := api.Status{
		Build: s.o.Build, PID: os.Getpid(),
		Queue: queueInfo(s.o.Queue.Stats()),
	}
	for _, c := range s.checks() {
		if c.err != nil {
			st.NotReady = append(st.NotReady, c.name+": "+c.err.Error())
		}
	}
	st.Ready = len(st.NotReady) == 0
	st.Rates = s.rates()
	st.Lanes, st.Queue.Unmapped = s.lanes(now, true)
	st.Queue.Refused = s.refused()
	st.Queue.Pending = 0
	for _, l := range st.Lanes {
		st.Queue.Pending += l.Pending
		st.Queue.OldestAt = older(st.Queue.OldestAt, l.OldestAt)
	}
	st.Queue.DrainSeconds = s.drainSeconds(st.Lanes)
	st.Queue.FullSeconds = s.fullSeconds(st.Queue)
	if s.o.Files != nil {
		f := s.o.Files()
		st.Config, st.Mapping = f.Config, f.Mapping
	}
	if m := s.o.mapping(); m != nil && st.Mapping.Digest == "" {
		st.Mapping.Digest, st.Mapping.OK = m.Digest(), st.Mapping.Refused == nil
	}
	if s.o.Forwards != "" { // the mapping is at the hub
		st.Forwards, st.Mapping = s.o.Forwards, api.FileState{OK: true}
	}
	st.Spool = s.spool()
	st.Coverage = s.o.Metrics.Coverage()
	st.Totals = s.o.Metrics.Totals()
	st.ClockSkew = s.o.Metrics.ClockSkew()
	if s.o.Delivers != nil {
		d := s.o.Delivers()
		st.Delivers = &d
	}
	if s.o.Replicas != nil {
		st.Relays = s.o.Replicas.Relays()
	}
	if there, ok := s.elsewhere(); ok { // it sends, so it has these numbers
		st.Coverage, st.ClockSkew = there.Coverage, there.ClockSkew
		there.Totals.Received = st.Totals.Received
		st.Totals = there.Totals
	}
	st.Now = s.o.Now() // not earlier than the times of the lanes
	st.StartedAt = st.Now.Add(-time.Since(s.started))
	return st
}

// state returns the state that the metrics show.
func (s *Server) state() metrics.State {
	st := metrics.State{Ready: true, Queue: s.o.Queue.Stats(), Refused: s.refused(), Dropped: s.spool(), Stores: s.stores()}
	for _, c := range s.checks() {
		st.Ready = st.Ready && c.err == nil
	}
	st.Lanes, st.Unmapped = s.lanes(s.o.Now(), false) // each relay reports only itself
	st.DrainSeconds = s.drainSeconds(st.Lanes)
	if s.o.Delivers != nil {
		d := s.o.Delivers()
		st.Delivers = &d
	}
	return st
}

// oldest returns when the oldest pending event of a lane was received. It is zero for a clock that
// was not set and is not corrected yet: no age can be derived from such a time.
func (s *Server) oldest(ls queue.LaneStat) time.Time {
	if batch.Plausible(ls.Oldest) || ls.Pending == 0 || s.o.Drain == nil {
		return plausible(ls.Oldest)
	}
	b, err := s.o.Queue.Read(ls.Name, 0, 1, 1)
	if err != nil || len(b.Records) == 0 {
		return time.Time{}
	}
	return plausible(s.o.Drain.Received(&b.Records[0]))
}

// plausible returns t, or zero if t cannot be a time of receipt.
func plausible(t time.Time) time.Time {
	if !batch.Plausible(t) {
		return time.Time{}
	}
	return t
}

// lanes combines the lanes of queue, drain and mapping, and returns the number of unmapped
// events. It omits the lanes that relay empties into dead letters. With all, the states of
// lanes that another relay delivers come from that relay.
func (s *Server) lanes(now time.Time, all bool) (out []api.LaneInfo, unmapped int64) {
	byID := make(map[string]*api.LaneInfo)
	get := func(id string) *api.LaneInfo {
		l := byID[id]
		if l == nil {
			l = &api.LaneInfo{Lane: id, Counts: map[string]int64{}}
			byID[id] = l
		}
		return l
	}
	for _, ls := range s.o.Queue.Lanes() {
		switch {
		case ls.Name == queue.LaneUnmapped:
			unmapped = ls.Pending
		case track.IsEventSet(ls.Name):
			ls.Oldest = s.oldest(ls)
			fillFromQueue(get(ls.Name), ls)
		}
	}
	mapped := map[string]bool{}
	m := s.o.mapping()
	if m != nil {
		for _, set := range m.Sets() {
			l := get(set.ID)
			l.Name, l.API, l.TestEventCode = set.Name, string(set.API), set.TestEventCode
			mapped[set.ID] = true
		}
	}
	if s.o.Drain != nil {
		work := s.o.Drain.Status()
		if there, ok := s.elsewhere(); ok && all {
			work = there.Lanes
		}
		for _, w := range work {
			if !track.IsEventSet(w.Lane) {
				continue
			}
			fillFromDrain(get(w.Lane), w)
		}
	}
	rates := s.laneRates()
	lack := ""
	if s.o.TokenLack != nil {
		lack = s.o.TokenLack()
	}
	limit := 0.0
	if s.o.Limits != nil {
		limit = s.o.Limits()
	}
	out = make([]api.LaneInfo, 0, len(byID))
	silent := s.o.Delivers != nil && s.o.Delivers().Silent
	for id, l := range byID {
		if l.State == "" { // no lane is draining it
			l.State = string(drain.Idle)
			if s.o.Drain == nil {
				l.State = string(drain.Stopped)
			}
			if m != nil && !mapped[id] {
				l.State = string(drain.Retired)
			}
		}
		if l.OldestAt != nil {
			l.LagSeconds = max(0, now.Sub(*l.OldestAt).Seconds())
		}
		l.Rate = rates[id]
		l.DrainSeconds = laneDrain(l, limit)
		l.Headline, l.Next = laneWords(l, now, lack, silent)
		for k, n := range l.Counts {
			if isDeadCount(k) {
				l.Dead += n
			}
		}
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b api.LaneInfo) int {
		return cmp.Or(cmp.Compare(cmp.Or(a.Name, a.Lane), cmp.Or(b.Name, b.Lane)), cmp.Compare(a.Lane, b.Lane))
	})
	return out, unmapped
}

// refused returns how many messages are waiting to become dead letters.
func (s *Server) refused() (n int64) {
	for _, l := range s.o.Queue.Lanes() {
		if track.BecomesLetters(l.Name) {
			n += l.Pending
		}
	}
	return n
}

// laneDrain estimates in how many seconds a lane is empty: at its current rate, else at the
// rate that the limiter allows, else nil. A lane that waits for a person has no estimate.
func laneDrain(l *api.LaneInfo, limit float64) *float64 {
	switch drain.State(l.State) {
	case drain.Idle, drain.Sending, drain.WaitingRetry, drain.Throttled, drain.RateLimited:
	default:
		return nil
	}
	var secs float64
	switch {
	case l.Pending == 0:
	case l.Rate > 0:
		secs = float64(l.Pending) / l.Rate
	case limit > 0 && l.State == string(drain.Sending):
		secs = float64(l.Pending) / limit
	default:
		return nil
	}
	return &secs
}

// drainSeconds estimates in how many seconds all lanes are empty; nil if a lane with waiting
// events has no estimate.
func (s *Server) drainSeconds(lanes []api.LaneInfo) *float64 {
	var most float64
	for _, l := range lanes {
		if l.Pending == 0 {
			continue
		}
		if l.DrainSeconds == nil {
			return nil
		}
		most = max(most, *l.DrainSeconds)
	}
	return &most
}

// fullSeconds estimates in how many seconds the queue reaches its limit, from its growth in
// the rate window. Files grow in steps and are deleted later than their events, so while
// the number of kept events does not grow, there is no estimate.
func (s *Server) fullSeconds(q api.QueueInfo) *float64 {
	a, b, ok := s.history.window()
	if !ok || q.MaxBytes <= 0 {
		return nil
	}
	growth := perSecond(float64(a.bytes), float64(b.bytes), b.at.Sub(a.at))
	if growth <= 0 || b.kept <= a.kept {
		return nil
	}
	secs := max(0, float64(q.MaxBytes-q.Bytes)/growth)
	return &secs
}

func (s *Server) rates() api.Rates {
	a, b, ok := s.history.window()
	if !ok {
		return api.Rates{}
	}
	d := b.at.Sub(a.at)
	return api.Rates{
		In:        perSecond(a.received, b.received, d),
		Delivered: perSecond(a.delivered, b.delivered, d),
		Settled:   perSecond(a.settled, b.settled, d),
	}
}

func (s *Server) laneRates() map[string]float64 {
	out := map[string]float64{}
	a, b, ok := s.history.window()
	if !ok {
		return out
	}
	for id, settled := range b.lanes {
		if before, ok := a.lanes[id]; ok {
			out[id] = perSecond(before, settled, b.at.Sub(a.at))
		}
	}
	return out
}

// look returns a sample of the current counters.
func (s *Server) look() sample {
	q := queueInfo(s.o.Queue.Stats())
	out := sample{at: s.o.Now(), bytes: q.Bytes, dead: q.Dead, received: float64(q.Appended), lanes: make(map[string]float64)}
	if s.o.Replicas != nil {
		out.received += float64(s.o.Replicas.Stored())
	}
	out.kept = q.Dead
	for _, ls := range s.o.Queue.Lanes() {
		if queue.IsBookkeeping(ls.Name) {
			continue
		}
		out.kept += ls.Pending
		if !track.IsEventSet(ls.Name) {
			continue
		}
		var n int64
		for _, c := range ls.Counts {
			n += c
		}
		out.delivered += float64(ls.Counts["delivered"])
		out.pending += ls.Pending
		out.settled += float64(n)
		out.lanes[ls.Name] = float64(n)
	}
	return out
}

func timePtr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func older(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

// spool returns the status of the spool directory; nil: there is none.
func (s *Server) spool() *spool.DirectoryStatus {
	if s.o.Spool == nil {
		return nil
	}
	return s.o.Spool()
}

// stores returns the stores whose relays forward to this one.
func (s *Server) stores() []forward.Seen {
	if s.o.Stores == nil {
		return []forward.Seen{}
	}
	return s.o.Stores()
}

func (s *Server) getStores(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.stores())
}
