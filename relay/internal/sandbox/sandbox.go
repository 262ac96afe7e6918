package sandbox

import (
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Options of a Sandbox; the zero value is usable.
type Options struct {
	Settings Settings
	// Tokens are the known tokens and their states; none: every token is good.
	Tokens map[string]TokenState
	// AppSecret, if set, makes a valid appsecret_proof necessary.
	AppSecret string
	// KeepBodies stores the JSON of each event, for GET /sandbox/events.
	KeepBodies bool
	// MaxEvents limits the stored events; further ones are checked, answered and
	// counted, but neither listed nor de-duplicated. Default 2,000,000.
	MaxEvents int
	Now       func() time.Time // tests
	Seed      uint64           // of lost_rate and fail_rate
}

// Sandbox is the simulator. It is an http.Handler, safe for concurrent use.
type Sandbox struct {
	o    Options
	gate gate

	mu       sync.Mutex
	set      Settings
	tokens   map[[sha256.Size]byte]TokenState
	changed  chan struct{} // closed and replaced when settings change
	calls    callLog
	events   eventLog
	uploads  uploadLog
	window   window
	rand     *rand.Rand
	scenario scenarioState
}

// New checks the options.
func New(o Options) (*Sandbox, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxEvents == 0 {
		o.MaxEvents = 2_000_000
	}
	s := &Sandbox{
		o: o, set: o.Settings.clone(), changed: make(chan struct{}),
		rand: rand.New(rand.NewPCG(o.Seed, 1)),
	}
	if err := s.set.check(); err != nil {
		return nil, err
	}
	s.gate.sandbox = s
	s.events.reset(o.MaxEvents)
	s.calls.reset()
	s.uploads.reset()
	if err := s.SetTokens(o.Tokens); err != nil {
		return nil, err
	}
	return s, nil
}

// Settings returns a copy of the current settings.
func (s *Sandbox) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set.clone()
}

// Update changes settings. On invalid settings it returns an error and changes
// nothing. Hanging requests end without an answer, and with Down every open
// connection is cut before Update returns.
func (s *Sandbox) Update(change func(*Settings)) error {
	return s.update(func(n *Settings) error { change(n); return nil })
}

func (s *Sandbox) update(change func(*Settings) error) error {
	s.mu.Lock()
	n := s.set.clone()
	if err := errors.Join(change(&n), n.check()); err != nil {
		s.mu.Unlock()
		return err
	}
	s.set = n
	close(s.changed)
	s.changed = make(chan struct{})
	down := n.Mode == Down
	s.mu.Unlock()
	if down {
		s.gate.cut()
	}
	return nil
}

// SetMode sets the mode of all event sets.
func (s *Sandbox) SetMode(mode string) error {
	return s.Update(func(n *Settings) { n.Behaviour = Behaviour{Mode: mode, LatencyMS: n.LatencyMS} })
}

// SetModeOf sets the mode of one event set; "" gives it the mode of the others.
func (s *Sandbox) SetModeOf(eventSet, mode string) error {
	return s.Update(func(n *Settings) {
		if mode == "" {
			delete(n.Sets, eventSet)
			return
		}
		n.Sets[eventSet] = &Behaviour{Mode: mode}
	})
}

// Reset deletes everything that was received. Settings and tokens stay.
func (s *Sandbox) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.reset(s.o.MaxEvents)
	s.calls.reset()
	s.uploads.reset()
	s.window = window{}
}

var (
	versionPath = regexp.MustCompile(`^v\d{1,3}\.\d{1,2}$`)
	idForm      = regexp.MustCompile(`^\d{1,32}$`)
)

// ServeHTTP serves the Graph API, and its own control side at / and /sandbox/.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" || r.URL.Path == "/favicon.ico" || strings.HasPrefix(r.URL.Path, "/sandbox") {
		s.control(w, r)
		return
	}
	// A form of another site must not add events; Meta itself needs no such check.
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		fail(w, http.StatusForbidden, "a page of another site must not do this")
		return
	}
	q := &request{s: s, w: w, r: r}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if versionPath.MatchString(parts[0]) {
		q.asked, parts = parts[0], parts[1:]
	}
	if len(parts) > 0 {
		q.id = parts[0]
	}
	if len(parts) > 1 {
		q.edge = strings.Join(parts[1:], "/")
	}
	q.serve()
}
