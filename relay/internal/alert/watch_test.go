package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain lets the test binary be an alerts.command.
func TestMain(m *testing.M) {
	switch os.Getenv("RELAY_ALERT_STATE") {
	case "":
		os.Exit(m.Run())
	case "firing", "resolved", "test":
		os.Exit(commandMain(os.Args[1:]))
	}
}

// commandMain writes its input and environment to the file it is given, or
// fails as it is told.
func commandMain(args []string) int {
	if args[0] == "fail" {
		fmt.Fprintln(os.Stderr, "no mail server here")
		return 3
	}
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	f, err := os.OpenFile(args[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	fmt.Fprintf(f, "%s%s\n", in, strings.Join(os.Environ(), "\x1f"))
	if f.Close() != nil {
		return 1
	}
	return 0
}

// notes are kept in memory.
type notes struct{ m sync.Map }

func (n *notes) SetNote(k string, v []byte) error { n.m.Store(k, v); return nil }
func (n *notes) Note(k string) []byte {
	v, _ := n.m.Load(k)
	b, _ := v.([]byte)
	return b
}

// told is the log of a Watch: what went out by the channel that cannot fail.
type told struct{ lines []string }

func (t *told) Enabled(context.Context, slog.Level) bool { return true }
func (t *told) WithAttrs([]slog.Attr) slog.Handler       { return t }
func (t *told) WithGroup(string) slog.Handler            { return t }
func (t *told) Handle(_ context.Context, r slog.Record) error {
	line := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "code" || a.Key == "alert" {
			line = strings.TrimSpace(line + " " + a.Value.String())
		}
		return true
	})
	t.lines = append(t.lines, line)
	return nil
}

func (t *told) take() []string { l := t.lines; t.lines = nil; return l }

// watched runs a Watch in fake time over a snapshot the test changes.
func watched(t *testing.T, s *Snapshot, set Settings, n Notes) (*Watch, *told) {
	t.Helper()
	log := &told{}
	w := New(Options{
		Host: "till-7", Version: "test", Logger: slog.New(log), Notes: n,
		Look:     func() Snapshot { x := *s; x.Now = time.Now(); return x },
		Settings: func() Settings { return set },
	})
	w.look(t.Context())
	return w, log
}

// pass lets time pass, with a look every ten seconds, as Run does.
func pass(t *testing.T, w *Watch, d time.Duration) {
	t.Helper()
	for ; d > 0; d -= w.o.Every {
		time.Sleep(min(d, w.o.Every))
		w.look(t.Context())
	}
}

func expect(t *testing.T, log *told, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := log.take(); !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

// Each condition begins, repeats once an interval, ends, and then is quiet.
func TestConditions(t *testing.T) {
	old := func(s *Snapshot) { s.Oldest, s.Pending = time.Now().Add(-61*time.Minute), 7 }
	for code, on := range map[string]func(*Snapshot){
		TokenRefused:    func(s *Snapshot) { s.Lanes = []Lane{{ID: "701", State: "paused_token"}} },
		DeliveryStopped: func(s *Snapshot) { s.Lanes = []Lane{{ID: "701", State: "breaker", Headline: "Stopped"}} },
		EventsWaiting:   old,
		DiskNearlyFull:  func(s *Snapshot) { s.QueueBytes, s.QueueMax = 91, 100 },
		DiskRefuses:     func(s *Snapshot) { s.Refuses = true },
		FilesNotTaken:   func(s *Snapshot) { s.Spool = []SpoolProblem{{What: "1 file that is empty", Todo: "remove it"}} },
		FilesRefused:    func(s *Snapshot) { s.RefusedFiles = 2 },
		FileRefused:     func(s *Snapshot) { s.Refused = []Refused{{What: "mapping", File: "mapping.yaml", Line: 3, Column: 5}} },
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Snapshot{QueueMax: 100, DiskSize: 100, DiskFree: 50}
				calm := s
				w, log := watched(t, &s, Settings{Interval: time.Hour}, nil)
				pass(t, w, time.Minute)
				expect(t, log, "calm")
				on(&s)
				pass(t, w, 11*time.Second)
				expect(t, log, "begins", "alert "+code)
				pass(t, w, 59*time.Minute)
				expect(t, log, "within the interval")
				pass(t, w, 2*time.Minute)
				expect(t, log, "repeats", "alert "+code)
				s = calm
				pass(t, w, 11*time.Second)
				expect(t, log, "ends", "alert_resolved "+code)
				on(&s) // comes back at once: not told again within the interval
				pass(t, w, 10*time.Minute)
				expect(t, log, "flaps")
			})
		})
	}
}

func TestDeadLettersGrowing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Snapshot{Dead: 40} // what was there before is no news
		w, log := watched(t, &s, Settings{Interval: time.Hour}, nil)
		pass(t, w, time.Hour)
		expect(t, log, "old ones")
		s.Dead = 43
		pass(t, w, 20*time.Second)
		expect(t, log, "three more", "alert "+DeadGrowing)
		pass(t, w, 59*time.Minute)
		s.Dead = 44
		pass(t, w, 2*time.Minute)
		expect(t, log, "still", "alert "+DeadGrowing)
		pass(t, w, 2*time.Hour)
		expect(t, log, "no more", "alert_resolved "+DeadGrowing)
	})
}

// What is dropped or damaged is told when it grows, and what the first look
// finds is news too: both count from the start.
func TestLosses(t *testing.T) {
	for code, add := range map[string]func(*Snapshot){
		EventsDropped: func(s *Snapshot) { s.Dropped += 5 },
		IDsRepeat:     func(s *Snapshot) { s.IDConflicts += 2 },
		QueueDamaged:  func(s *Snapshot) { s.Damaged, s.Lost = s.Damaged+1, s.Lost+7 },
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Snapshot{}
				add(&s)
				w, log := watched(t, &s, Settings{Interval: 90 * time.Minute}, nil)
				expect(t, log, "at the start", "alert "+code)
				pass(t, w, 3*time.Hour)
				expect(t, log, "no more", "alert_resolved "+code)
				add(&s)
				pass(t, w, 20*time.Second)
				expect(t, log, "again", "alert "+code)
			})
		})
	}
}

// The disk condition ends well below where it began.
func TestDiskHysteresis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Snapshot{QueueMax: 100, QueueBytes: 95, DiskSize: 100, DiskFree: 50}
		w, log := watched(t, &s, Settings{Interval: time.Hour}, nil)
		expect(t, log, "full", "alert "+DiskNearlyFull)
		s.QueueBytes = 85
		pass(t, w, time.Minute)
		expect(t, log, "a little less")
		s.QueueBytes = 79
		pass(t, w, time.Minute)
		expect(t, log, "much less", "alert_resolved "+DiskNearlyFull)
		s.DiskFree = 4
		pass(t, w, 2*time.Hour)
		if got := log.take(); len(got) == 0 || got[0] != "alert "+DiskNearlyFull {
			t.Errorf("a volume with 4 %% left: told %q", got)
		}
	})
}

// A relay that restarts all the time does not repeat itself.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &notes{}
		s := Snapshot{Lanes: []Lane{{ID: "701", State: "paused_token"}}}
		_, first := watched(t, &s, Settings{Interval: time.Hour}, n)
		expect(t, first, "first process", "alert "+TokenRefused)
		w, second := watched(t, &s, Settings{Interval: time.Hour}, n)
		pass(t, w, time.Minute)
		expect(t, second, "second process")
		s.Lanes = nil
		pass(t, w, time.Minute)
		expect(t, second, "over", "alert_resolved "+TokenRefused)
	})
}

// A real receiver gets the alert, also after it was down, and nothing twice.
func TestWebhook(t *testing.T) {
	var got []Alert
	status := http.StatusBadGateway
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == http.StatusOK {
			var a Alert
			if err := json.NewDecoder(r.Body).Decode(&a); err != nil || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("unreadable: %v", err)
			}
			got = append(got, a)
		}
		w.WriteHeader(status)
	}))
	defer srv.Close()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	s := Snapshot{Lanes: []Lane{{ID: "701000000000001", State: "paused_token", Headline: "Access token refused", Todo: "Make a new one."}}, Pending: 12}
	log := &told{}
	w := New(Options{
		Host: "till-7", Logger: slog.New(log),
		Look:     func() Snapshot { s.Now = now; return s },
		Settings: func() Settings { return Settings{Webhook: srv.URL + "/hook/s3cret", Interval: time.Hour} },
	})
	w.look(t.Context())
	if want := []string{"alert " + TokenRefused, "alert_failed " + TokenRefused}; !slices.Equal(log.take(), want) {
		t.Errorf("told %q, want %q", log.lines, want)
	}
	status = http.StatusOK
	w.look(t.Context()) // backs off
	if len(got) != 0 {
		t.Error("tried again at once")
	}
	now = now.Add(20 * time.Second)
	w.look(t.Context())
	now = now.Add(20 * time.Second)
	w.look(t.Context())
	s.Lanes = nil
	w.look(t.Context())
	if len(got) != 2 || got[0].State != "firing" || got[1].State != "resolved" {
		t.Fatalf("received %+v", got)
	}
	a := got[0]
	if a.Alert != TokenRefused || a.Host != "till-7" || !slices.Equal(a.EventSets, []string{"701000000000001"}) || a.Count != 12 ||
		a.Text != "relay on till-7: Nothing is uploaded to event set 701000000000001: Access token refused. 12 events are waiting. Make a new one." || a.Action != "Make a new one." {
		t.Errorf("received %+v", a)
	}
}

func TestWebhookErrorsHideTheURL(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := srv.URL
	srv.Close()
	w := New(Options{Settings: func() Settings { return Settings{Webhook: url + "/hook/s3cret?key=s3cret"} }})
	_, err := w.Test(t.Context())
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v", err)
	}
}

// A real command gets the alert on standard input and no secret of relay's
// environment.
func TestCommand(t *testing.T) {
	t.Setenv("META_ACCESS_TOKEN", "EAAB-fake-token")
	file := filepath.Join(t.TempDir(), "out")
	w := New(Options{Host: "till-7", Settings: func() Settings { return Settings{Command: []string{os.Args[0], file}} }})
	sent, err := w.Test(t.Context())
	if err != nil || !slices.Equal(sent, []string{"command"}) {
		t.Fatalf("sent %q, %v", sent, err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, env, _ := strings.Cut(string(b), "\n")
	var a Alert
	if err := json.Unmarshal([]byte(in), &a); err != nil || a.State != "test" || a.Host != "till-7" {
		t.Errorf("%v: %s", err, in)
	}
	if strings.Contains(env, "EAAB-fake-token") || !strings.Contains(env, "RELAY_ALERT=test") {
		t.Errorf("environment %q", env)
	}
}

func TestCommandFails(t *testing.T) {
	for name, c := range map[string]struct {
		command []string
		want    string
	}{
		"exits":  {[]string{os.Args[0], "fail"}, "exit status 3: no mail server here"},
		"absent": {[]string{filepath.Join(t.TempDir(), "nothing")}, "alerts.command"},
	} {
		t.Run(name, func(t *testing.T) {
			w := New(Options{Settings: func() Settings { return Settings{Command: c.command} }})
			_, err := w.Test(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{os.Args[0], "fail"}, Alert{State: "test"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// An alert says what the answer that stopped an event set asks for; a lane that
// shares its fate adds nothing, one in another trouble does.
func TestActionOfStoppedLanes(t *testing.T) {
	told := Lane{ID: "701", State: "paused_permission", Headline: "Not allowed", Todo: "Assign it.", Told: true}
	same := Lane{ID: "702", State: "paused_permission", Headline: "Not allowed", Todo: "The state alone.", Told: false}
	other := Lane{ID: "703", State: "breaker", Headline: "Stopped", Todo: "Correct the mapping."}
	for _, c := range []struct {
		lanes          []Lane
		text, contains string
	}{
		{[]Lane{told, same}, "Nothing is uploaded to event sets 701, 702: Not allowed. 3 events are waiting.", "Assign it."},
		{[]Lane{same}, "Nothing is uploaded to event set 702: Not allowed. 3 events are waiting.", "The state alone."},
		{[]Lane{told, other}, "Nothing is uploaded to event sets 701, 703: Not allowed; Stopped. 3 events are waiting.", "relay status"},
	} {
		f, ok := stopped(Snapshot{Lanes: c.lanes, Pending: 3})
		if !ok || f.text != c.text || !strings.Contains(f.action, c.contains) {
			t.Errorf("%+v: %q, %q", c.lanes, f.text, f.action)
		}
	}
}
