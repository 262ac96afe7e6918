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

// ErrNoLane means that there is no such lane.
var ErrNoLane = errors.New("no such event set in the queue or the mapping")

// ErrStandby means that another relay delivers from this queue and controls its lanes.
var ErrStandby = errors.New("another relay delivers from this queue")

// Supervisor runs one lane for every event set that has events in the queue or is in
// the mapping.
type Supervisor struct {
	o        Options
	log      *slog.Logger
	clock    *clock.Clock
	settings atomic.Pointer[Settings]
	releases *release.Releases

	mu       sync.Mutex
	lanes    map[string]*lane
	accounts map[string]*pace.Account
	running  context.Context // Run's; nil while it does not run
	stopped  map[string]bool // lanes that Exclusive has stopped
	forgets  atomic.Int64    // forgets in progress
	inFlight inFlight
	digest   string                 // mapping that the lanes were last told of
	local    atomic.Pointer[string] // mapping that warnLocal last warned about

	kick       chan struct{}
	group      sync.WaitGroup // lanes
	background sync.WaitGroup // goroutines started by lanes
}

// New checks the options. Nothing runs until Run.
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
	patience := time.Duration(0) // Meta's answers have the time; one without it never will
	if o.Forward != nil {
		patience = hubTimePatience
	}
	s := &Supervisor{
		o: o, log: o.Logger, clock: clock.New(clock.Options{Wall: o.Wall, Synced: o.ClockSynced, Boot: o.Boot, Notes: o.Notes, Patience: patience}),
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

// lookInterval is how often the supervisor looks for new lanes if nothing wakes it.
const lookInterval = 10 * time.Second

// Run drains until ctx ends. It returns when every lane has stopped, and can then be
// called again. A request in flight can continue for the grace time.
func (s *Supervisor) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.running != nil {
		s.mu.Unlock()
		return errors.New("drain runs already")
	}
	s.running, s.lanes = ctx, map[string]*lane{}
	s.mu.Unlock()
	s.background.Go(func() { s.releases.Run(ctx) })
	if s.o.KeepTime && s.o.Ask != nil {
		s.background.Go(func() { s.keepTime(ctx) })
	}
	for ctx.Err() == nil {
		changed := s.o.Log.Changed()
		s.startLanes() //nolint:contextcheck // lanes live as long as Run: start takes s.running
		t := time.NewTimer(lookInterval)
		select {
		case <-ctx.Done():
		case <-t.C:
		case <-s.kick:
		case <-changed:
			// Look once for many appends: a new lane can start a second later.
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

// startLanes starts the lanes that are missing and wakes the others for a new mapping.
func (s *Supervisor) startLanes() {
	names := []string{queue.LaneUnmapped, queue.LaneRefused, queue.LaneConflict}
	if s.o.Forward != nil {
		names = append(names, queue.LaneForward)
	}
	for _, st := range s.o.Log.Lanes() {
		if st.Name == queue.LaneHad {
			continue // its records are not events
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

// start runs a lane. The caller holds s.mu.
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

// Wake wakes the lanes after a change that can end a wait.
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
		s.releases.Due(now) // the new mapping might have an event set for letters that are due
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

// SetSettings replaces the settings, also for lanes that are waiting.
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

// Pause stops a lane until Resume, even across a restart. A request in flight is
// finished.
func (s *Supervisor) Pause(name string) error { return s.setPaused(name, true) }

// Resume ends a Pause. A lane that has paused itself or waits for a retry makes an
// attempt at once. A wait that Meta asked for is not shortened.
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

// account returns the account of an event set's access token; nil: there is no token.
func (s *Supervisor) account(lane string) *pace.Account {
	key := s.o.Token(lane)
	if key == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, set := s.accounts[key], s.settings.Load()
	if a == nil {
		if len(s.accounts) > 64 { // most are of old tokens
			clear(s.accounts)
		}
		a = pace.NewAccount(set.RequestsPerSecond, set.Burst)
		s.accounts[key] = a
	}
	return a
}

// retired reports whether the event set is no longer in the mapping.
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

// mappingBy returns the mapping with a digest, if it is the current one or was kept.
func (s *Supervisor) mappingBy(digest string) batch.Mapping {
	if m := s.o.Mapping(); m != nil && m.Digest() == digest {
		return m
	}
	return s.o.MappingByDigest(digest)
}

// keepTime asks for the time while it is unknown.
func (s *Supervisor) keepTime(ctx context.Context) {
	t := time.NewTicker(lookInterval)
	defer t.Stop()
	for {
		if s.clock.Asking() {
			s.observe(s.o.Ask(ctx))
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// observe sets the clock by an answer.
func (s *Supervisor) observe(r graph.Result) {
	_, before := s.clock.Now()
	skew, news := s.clock.Observe(r)
	if !news {
		return
	}
	s.o.Metrics.ClockSkew(skew)
	if !before {
		s.log.Info("the time is known from a server's answer", "code", logs.ClockBelieved, "skew", skew.Round(time.Millisecond).String())
	}
	if skew > clock.MaxDrift || skew < -clock.MaxDrift {
		s.log.Warn("this machine's clock is wrong; set it, best by NTP", "code", logs.ClockSkew, "skew", skew.Round(time.Second).String())
	}
	s.releases.Check()
}

// warnLocal logs, once for each mapping, that events need a timezone and the mapping has
// none.
func (s *Supervisor) warnLocal(digest string) {
	if old := s.local.Swap(&digest); old == nil || *old != digest {
		s.log.Warn("events have times without a zone, and the mapping has no timezone: they are read as UTC", "code", logs.LocalTimes)
	}
}
