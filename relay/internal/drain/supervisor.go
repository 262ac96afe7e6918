package drain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/logs"
	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/clock"
	"relay/relay/internal/drain/ledger"
	"relay/relay/internal/drain/pace"
	"relay/relay/internal/drain/release"
	"relay/relay/internal/graph"
	"relay/relay/internal/track"
)

// ErrNoLane says that there is no such lane.
var ErrNoLane = errors.New("no such event set in the queue or the mapping")

// ErrStandby says that another relay delivers from this queue, and steers that.
var ErrStandby = errors.New("another relay delivers from this queue")

// Supervisor runs one lane for every event set that the queue holds events
// for or the mapping names.
type Supervisor struct {
	o        Options
	log      *slog.Logger
	clock    *clock.Clock
	settings atomic.Pointer[Settings]
	releases *release.Releases

	mu       sync.Mutex
	lanes    map[string]*lane
	accounts map[string]*pace.Account
	running  context.Context // of Run; nil before and after
	stopped  map[string]bool // lanes that Exclusive holds still
	forgets  atomic.Int64    // forgets under way
	inFlight inFlight
	digest   string                 // of the mapping last looked at
	local    atomic.Pointer[string] // digest of the mapping of which warnLocal has said it

	kick       chan struct{}
	group      sync.WaitGroup // lanes
	background sync.WaitGroup // what they started
}

// New checks the options. Nothing runs before Run.
func New(o Options) (*Supervisor, error) {
	if o.Log == nil || o.Mapping == nil || o.Sender == nil {
		return nil, errors.New("drain needs a log, a mapping and a sender")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = nopMetrics{}
	}
	if o.Token == nil {
		o.Token = func(string) string { return "token" }
	}
	if o.MappingByDigest == nil {
		o.MappingByDigest = func(string) batch.Mapping { return nil }
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Grace <= 0 {
		o.Grace = 5 * time.Second
	}
	s := &Supervisor{
		o: o, log: o.Logger, clock: clock.New(o.Wall, o.ClockSynced, o.Boot, o.First),
		lanes: map[string]*lane{}, accounts: map[string]*pace.Account{}, stopped: map[string]bool{},
		kick: make(chan struct{}, 1),
	}
	s.releases = release.New(release.Options{
		Log: o.Log, Now: s.clock.Now, Logger: o.Logger,
		Routes: func() func(string) []string {
			if m := o.Mapping(); m != nil {
				return m.Routes
			}
			return nil
		},
		Redriven: func(n int) { o.Metrics.Redriven(mapper.ReasonFuture, n) },
	})
	set := o.Settings.withDefaults()
	s.settings.Store(&set)
	return s, nil
}

// lookInterval is how often the supervisor looks for lanes it does not run yet,
// beside the times when it is woken.
const lookInterval = 10 * time.Second

// Run drains until ctx ends; it returns when every lane has stopped, and may be called
// again then. A request in flight may go on for the grace time.
func (s *Supervisor) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running != nil {
		s.mu.Unlock()
		return errors.New("drain runs already")
	}
	s.running, s.lanes = ctx, map[string]*lane{}
	s.mu.Unlock()
	if err := s.clock.Recall(s.o.Notes); err != nil {
		s.log.Warn("cannot note the time of a clock that nobody has set: events without a timestamp may become dead letters after a restart", "code", logs.ClockNotNoted, "err", err)
	}
	s.background.Go(func() { s.releases.Run(ctx) })
	for ctx.Err() == nil {
		changed := s.o.Log.Changed()
		s.startLanes() //nolint:contextcheck // lanes live as long as Run: start takes s.running
		t := time.NewTimer(lookInterval)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-s.kick:
		case <-changed:
			// One look for many appends: a lane that is new has time.
			select {
			case <-ctx.Done():
			case <-s.kick:
			case <-time.After(time.Second):
			}
		}
		t.Stop()
	}
	s.mu.Lock()
	s.running = nil
	s.mu.Unlock()
	s.group.Wait()
	s.background.Wait()
	return nil
}

// look starts the lanes that are missing and tells them of a new mapping.
func (s *Supervisor) startLanes() {
	names := []string{queue.LaneUnmapped, queue.LaneRefused, queue.LaneConflict}
	if s.o.Forward != nil {
		names = append(names, queue.LaneForward)
	}
	for _, st := range s.o.Log.Lanes() {
		if st.Name == queue.LaneHad {
			continue // nothing of it is an event
		}
		if !st.Dropped || st.Pending > 0 {
			names = append(names, st.Name)
		}
	}
	digest := ""
	if m := s.o.Mapping(); m != nil {
		digest = m.Digest()
		for _, set := range m.Sets() {
			names = append(names, set.ID)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil || s.running.Err() != nil {
		return
	}
	if digest != s.digest {
		s.digest = digest
		for _, l := range s.lanes {
			l.wake(NewMapping)
		}
	}
	for _, name := range names {
		if s.lanes[name] == nil && !s.stopped[name] {
			s.start(name)
		}
	}
}

// start runs a lane; s.mu is held.
func (s *Supervisor) start(name string) {
	ctx, cancel := context.WithCancel(s.running)
	l := &lane{s: s, name: name, Ledger: ledger.New(s.o.Log, name), log: s.log.With("event_set", name), wakeup: make(chan struct{}, 1), cancel: cancel, ended: make(chan struct{})}
	l.shown = LaneStatus{Lane: name, State: Idle}
	l.shown.Since, _ = s.clock.Now()
	s.lanes[name] = l
	s.group.Go(func() {
		defer close(l.ended)
		defer cancel()
		l.load()
		switch {
		case s.forwards(name):
			l.runForward(ctx)
		case name == queue.LaneKept:
			l.runKept(ctx)
		case s.o.Forward != nil && name == queue.LaneUnmapped:
			l.runToForward(ctx)
		case name == queue.LaneUnmapped:
			l.runUnmapped(ctx)
		case track.BecomesLetters(name):
			l.runRefused(ctx)
		default:
			l.run(ctx)
		}
	})
}

// Wake tells the lanes that something has changed that may end a wait.
func (s *Supervisor) Wake(r Reason) {
	if r&(NewToken|Reload|NewMapping|Admin) != 0 {
		s.mu.Lock()
		for _, a := range s.accounts {
			a.Try()
		}
		s.mu.Unlock()
	}
	if r&NewMapping != 0 {
		now, _ := s.clock.Now()
		s.releases.Due(now) // letters that are due may have somewhere to go now
	}
	s.wakeAll(r)
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

func (s *Supervisor) wakeAll(r Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lanes {
		l.wake(r)
	}
}

// SetSettings puts other settings in force, also for who is waiting by the
// old ones.
func (s *Supervisor) SetSettings(set Settings) {
	set = set.withDefaults()
	s.settings.Store(&set)
	s.mu.Lock()
	for _, a := range s.accounts {
		a.Set(set.RequestsPerSecond, set.Burst)
	}
	s.mu.Unlock()
	s.wakeAll(Changed)
}

// Pause stops a lane until Resume, also over a restart. A request on its way
// is finished.
func (s *Supervisor) Pause(name string) error { return s.setPaused(name, true) }

// Resume ends a Pause; of a lane that is paused by itself or waits for a
// retry, it makes an attempt at once. It does not shorten what Meta asked for.
func (s *Supervisor) Resume(name string) error { return s.setPaused(name, false) }

func (s *Supervisor) setPaused(name string, pause bool) error {
	s.mu.Lock()
	l := s.lanes[name]
	s.mu.Unlock()
	if l == nil {
		return fmt.Errorf("%w: %s", ErrNoLane, name)
	}
	l.mu.Lock()
	l.manual = &pause
	l.mu.Unlock()
	if pause {
		l.wake(Changed)
		return nil
	}
	if a := s.account(name); a != nil {
		a.Try()
	}
	l.wake(Admin)
	return nil
}

// account is the token's of an event set; nil: there is none.
func (s *Supervisor) account(lane string) *pace.Account {
	key := s.o.Token(lane)
	if key == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, set := s.accounts[key], s.settings.Load()
	if a == nil {
		if len(s.accounts) > 64 { // long-gone tokens
			clear(s.accounts)
		}
		a = pace.NewAccount(set.RequestsPerSecond, set.Burst)
		s.accounts[key] = a
	}
	return a
}

// retired says whether the mapping does not name the event set any more.
func (s *Supervisor) retired(lane string) bool {
	m := s.o.Mapping()
	if m == nil {
		return false
	}
	for _, set := range m.Sets() {
		if set.ID == lane {
			return false
		}
	}
	return true
}

// mappingBy is the mapping of a digest, if it is in force or was kept.
func (s *Supervisor) mappingBy(digest string) batch.Mapping {
	if m := s.o.Mapping(); m != nil && m.Digest() == digest {
		return m
	}
	return s.o.MappingByDigest(digest)
}

// observe learns the time from an answer.
func (s *Supervisor) observe(r graph.Result) {
	_, before := s.clock.Now()
	skew, news := s.clock.Observe(r)
	if !news {
		return
	}
	s.o.Metrics.ClockSkew(skew)
	if !before {
		s.log.Info("the time is known from Meta's answer", "code", logs.ClockBelieved, "skew", skew.Round(time.Millisecond).String())
	}
	if skew > clock.MaxDrift || skew < -clock.MaxDrift {
		s.log.Warn("this machine's clock is wrong; set it, best by NTP", "code", logs.ClockSkew, "skew", skew.Round(time.Second).String())
	}
	s.releases.Check()
}

// warnLocal says once of a mapping that events need its timezone and it names none.
func (s *Supervisor) warnLocal(digest string) {
	if old := s.local.Swap(&digest); old == nil || *old != digest {
		s.log.Warn("events say times without a zone, and the mapping names no timezone: they are read as UTC", "code", logs.LocalTimes)
	}
}
