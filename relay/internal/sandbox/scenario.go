package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gopkg.in/yaml.v3"
)

// Scenario is a sequence of phases. Its file is YAML:
//
//	repeat: false
//	phases:
//	  - { name: a healthy morning, for: 20s }
//	  - { name: the line is down, mode: down, for: 10s }
//	  - { mode: throttle, regain_minutes: 1, calls: 3 }
//	  - { latency_ms: 200, sets: { "701000000000002": { mode: token } } }
//
// A phase can set every member of Settings; the others are as they were
// when the scenario began. It ends after a time (`for`) or a number of calls
// (`calls`; the next call is the first of the next phase); without either it
// is the last one and stays.
type Scenario struct {
	Repeat bool
	Phases []Phase
}

// Phase is one step of a scenario.
type Phase struct {
	Name     string
	For      time.Duration
	Calls    int
	settings json.RawMessage
}

// ReadScenario reads a scenario file. Unknown members, wrong values and
// phases that can never be reached are errors that name the phase.
func ReadScenario(r io.Reader) (sc Scenario, err error) {
	defer func() { // the YAML library panics on some malformed documents
		if p := recover(); p != nil {
			err = errors.New("read scenario: not a YAML document")
		}
	}()
	b, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return sc, fmt.Errorf("read scenario: %w", err)
	}
	var file struct {
		Repeat bool             `yaml:"repeat"`
		Phases []map[string]any `yaml:"phases"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return sc, fmt.Errorf("read scenario: %w", err)
	}
	if len(file.Phases) == 0 {
		return sc, errors.New("read scenario: no phases")
	}
	sc.Repeat = file.Repeat
	for i, m := range file.Phases {
		p, err := readPhase(m)
		if err != nil {
			return sc, fmt.Errorf("read scenario: phase %d: %w", i+1, err)
		}
		ends := p.For > 0 || p.Calls > 0
		if !ends && (i < len(file.Phases)-1 || sc.Repeat) {
			return sc, fmt.Errorf("read scenario: phase %d has neither for nor calls, so the next is never reached", i+1)
		}
		sc.Phases = append(sc.Phases, p)
	}
	return sc, nil
}

func readPhase(m map[string]any) (p Phase, err error) {
	take := func(k string) any {
		v := m[k]
		delete(m, k)
		return v
	}
	var ok bool
	if v := take("name"); v != nil {
		if p.Name, ok = v.(string); !ok {
			return p, errors.New("name is not text")
		}
	}
	if v := take("for"); v != nil {
		text, _ := v.(string)
		if p.For, err = time.ParseDuration(text); err != nil || p.For <= 0 {
			return p, errors.New("for is no time such as 10s")
		}
	}
	if v := take("calls"); v != nil {
		if p.Calls, ok = v.(int); !ok || p.Calls <= 0 {
			return p, errors.New("calls is no number above 0")
		}
	}
	if p.For > 0 && p.Calls > 0 {
		return p, errors.New("for and calls exclude each other")
	}
	if p.settings, err = json.Marshal(m); err != nil {
		return p, errors.New("a member is not plain data")
	}
	var probe Settings
	return p, probe.merge(p.settings)
}

// PhaseInfo is the state of a scenario.
type PhaseInfo struct {
	Playing bool   `json:"playing"`
	Phase   int    `json:"phase,omitempty"` // from 1
	Of      int    `json:"of,omitempty"`
	Name    string `json:"name,omitempty"`
	Round   int    `json:"round,omitempty"` // of a repeated one, from 1
}

// scenarioState is the running scenario; s.mu guards it.
type scenarioState struct {
	sc    *Scenario
	base  Settings
	at    int // phase, from 0
	round int
	left  int           // calls of this phase
	moved chan struct{} // closed and replaced when a phase begins
}

// Phase returns the current phase of the scenario.
func (s *Sandbox) Phase() PhaseInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &s.scenario
	if st.sc == nil {
		return PhaseInfo{}
	}
	p := st.sc.Phases[st.at]
	return PhaseInfo{true, st.at + 1, len(st.sc.Phases), cmp.Or(p.Name, s.set.Mode, OK), st.round}
}

// Play runs a scenario and returns when its last phase has begun or ended, or
// ctx is done. The settings of the last phase stay in force. One at a time.
func (s *Sandbox) Play(ctx context.Context, sc Scenario) error {
	if len(sc.Phases) == 0 {
		return errors.New("play scenario: no phases")
	}
	s.mu.Lock()
	if s.scenario.sc != nil {
		s.mu.Unlock()
		return errors.New("play scenario: another one is playing")
	}
	s.scenario = scenarioState{sc: &sc, base: s.set.clone(), round: 1, moved: make(chan struct{})}
	down, err := s.enter(0)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.scenario = scenarioState{}
	}()
	for err == nil {
		if down {
			s.gate.cut()
		}
		s.mu.Lock()
		at, moved := s.scenario.at, s.scenario.moved
		p := sc.Phases[at]
		s.mu.Unlock()
		if p.For == 0 && p.Calls == 0 {
			return nil
		}
		var tick <-chan time.Time
		var t *time.Timer
		if p.For > 0 {
			t = time.NewTimer(p.For)
			tick = t.C
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-moved:
			down = false // whoever moved it has cut the line
		case <-tick:
			s.mu.Lock()
			if at+1 == len(sc.Phases) && !sc.Repeat {
				s.mu.Unlock()
				return nil
			}
			down, err = s.enter(at + 1)
			s.mu.Unlock()
		}
		if t != nil {
			t.Stop()
		}
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// enter begins a phase. The caller holds s.mu, and cuts connections if down.
func (s *Sandbox) enter(i int) (down bool, err error) {
	st := &s.scenario
	if i == len(st.sc.Phases) {
		i = 0
		st.round++
	}
	n := st.base.clone()
	if err := n.merge(st.sc.Phases[i].settings); err != nil {
		return false, fmt.Errorf("play scenario: phase %d: %w", i+1, err)
	}
	st.at, st.left = i, st.sc.Phases[i].Calls
	s.set = n
	close(s.changed)
	s.changed = make(chan struct{})
	close(st.moved)
	st.moved = make(chan struct{})
	return n.Mode == Down, nil
}

// called counts a call against the phase; the one after the last begins the
// next phase. The caller holds s.mu.
func (s *Sandbox) called() (down bool) {
	st := &s.scenario
	if st.sc == nil || st.sc.Phases[st.at].Calls == 0 {
		return false
	}
	if st.left > 0 {
		st.left--
		return false
	}
	if st.at+1 == len(st.sc.Phases) && !st.sc.Repeat {
		return false
	}
	down, err := s.enter(st.at + 1)
	if err != nil { // every phase was checked when it was read
		return false
	}
	if st.left > 0 {
		st.left--
	}
	return down
}
