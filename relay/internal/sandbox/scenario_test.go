package sandbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadScenario(t *testing.T) {
	sc, err := ReadScenario(strings.NewReader(`
phases:
  - { name: morning, for: 20s }
  - { mode: down, for: 10s }
  - { mode: throttle, regain_minutes: 1, calls: 3 }
  - { latency_ms: 200, sets: { "701000000000002": { mode: token } } }
`))
	if err != nil || len(sc.Phases) != 4 || sc.Phases[0].For != 20*time.Second || sc.Phases[2].Calls != 3 {
		t.Fatalf("%+v %v", sc, err)
	}
	for name, c := range map[string]struct{ file, want string }{
		"empty":           {"", "EOF"},
		"no phases":       {"repeat: true", "no phases"},
		"unknown key":     {"phasen: []", "phasen"},
		"unknown setting": {"phases: [{modus: ok, for: 1s}]", "phase 1"},
		"unknown mode":    {"phases: [{mode: broken}]", "phase 1"},
		"no end":          {"phases: [{mode: ok}, {mode: down}]", "never reached"},
		"repeat no end":   {"repeat: true\nphases: [{mode: ok}]", "never reached"},
		"both ends":       {"phases: [{for: 1s, calls: 1}]", "exclude"},
		"bad time":        {"phases: [{for: soon}]", "no time"},
		"negative time":   {"phases: [{for: -1s}]", "no time"},
		"bad calls":       {"phases: [{calls: many}]", "no number"},
		"bad name":        {"phases: [{name: 7, for: 1s}]", "name"},
		"no YAML":         {"phases: [", "yaml"},
		"text":            {"hello", "yaml"},
	} {
		if _, err := ReadScenario(strings.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzReadScenario(f *testing.F) {
	f.Add("phases:\n  - { mode: down, for: 1s }\n  - {}")
	f.Add("phases: [{calls: 1, sets: {\"7\": {mode: token}}}]")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, s string) {
		sc, err := ReadScenario(strings.NewReader(s))
		if err == nil && len(sc.Phases) == 0 {
			t.Error("neither phases nor an error")
		}
	})
}

// call sends one good conversion without a network, for synctest.
func call(s *Sandbox, event string) (code int) {
	defer func() {
		if recover() != nil {
			code = 0 // http.ErrAbortHandler: the connection was cut
		}
	}()
	r := httptest.NewRequest(http.MethodPost, conversions, strings.NewReader(wrap(event)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

func scenario(t *testing.T, file string) Scenario {
	t.Helper()
	sc, err := ReadScenario(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestScenarioByTime(t *testing.T) {
	event := with(t, good(), "event_time", "946684800") // synctest begins in 2000
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{Settings: Settings{FutureSeconds: 61}})
		if err != nil {
			t.Fatal(err)
		}
		sc := scenario(t, "phases: [{name: up, for: 20s}, {mode: down, for: 10s}, {mode: token}]")
		done := make(chan error, 1)
		go func() { done <- s.Play(t.Context(), sc) }()
		at := func(d time.Duration, want int, phase PhaseInfo) {
			t.Helper()
			time.Sleep(d) // the bubble's clock
			synctest.Wait()
			if got := call(s, event); got != want {
				t.Errorf("after %v: %d, want %d", d, got, want)
			}
			if got := s.Phase(); got != phase {
				t.Errorf("phase %+v, want %+v", got, phase)
			}
		}
		at(0, 200, PhaseInfo{true, 1, 3, "up", 1})
		at(19*time.Second, 200, PhaseInfo{true, 1, 3, "up", 1})
		if err := s.Play(t.Context(), sc); err == nil {
			t.Error("two at once")
		}
		at(2*time.Second, 0, PhaseInfo{true, 2, 3, "down", 1})
		at(10*time.Second, 400, PhaseInfo{})
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestScenarioByCallsRepeats(t *testing.T) {
	event := with(t, good(), "event_time", "946684800")
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		sc := scenario(t, "repeat: true\nphases: [{calls: 2}, {mode: html, status: 503, calls: 1}]")
		go func() { done <- s.Play(ctx, sc) }()
		synctest.Wait()
		var got []int
		for range 7 {
			got = append(got, call(s, event))
			synctest.Wait()
		}
		want := []int{200, 200, 503, 200, 200, 503, 200}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v, want %v", got, want)
			}
		}
		if p := s.Phase(); p.Round != 3 {
			t.Errorf("%+v", p)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
