package alert

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"relay/internal/logs"
)

// Settings are read at every look, so that they may change while relay runs.
type Settings struct {
	Webhook  string
	Command  []string
	Interval time.Duration // the same alert at most so often
	Proxy    string        // as graph.proxy: "" environment, "none" direct, or a URL
	CAFile   string        // as graph.ca_file
}

// Notes is where the times of alerts are kept over a restart.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

// Options of a Watch; Look and Settings are required.
type Options struct {
	Look     func() Snapshot
	Settings func() Settings
	Notes    Notes // nil: in memory only
	Logger   *slog.Logger
	Version  string
	Host     string           // default: the machine's name
	Every    time.Duration    // between looks; default 10 s
	Now      func() time.Time // default time.Now
}

// Watch looks at relay and tells what it finds.
type Watch struct {
	o         Options
	growth    growth
	drops     growth
	damage    growth
	conflicts growth
	states    map[string]*state
	retry     map[string]backoff // by channel
}

// state is what is known of one condition; kept as JSON.
type state struct {
	Since time.Time            `json:"since,omitzero"` // zero: it does not hold
	Sent  map[string]time.Time `json:"sent"`           // by channel: when it was last told that it holds
	Open  map[string]bool      `json:"open"`           // by channel: told that it holds, not yet that it is over
	Lanes map[string]held      `json:"lanes,omitempty"`
	End   end                  `json:"end,omitempty"` // how it ended, when it does not hold
	last  finding
}

type backoff struct {
	next time.Time
	wait time.Duration
}

// Alert is what goes out. Text is all of it in one piece, under the name that
// chat services read.
type Alert struct {
	Text      string    `json:"text"`
	Alert     string    `json:"alert"`
	State     string    `json:"state"` // firing, resolved, test
	Severity  string    `json:"severity"`
	Summary   string    `json:"summary"`
	Action    string    `json:"action,omitempty"`
	Host      string    `json:"host"`
	Since     time.Time `json:"since"`
	At        time.Time `json:"at"`
	EventSets []string  `json:"event_sets,omitempty"`
	Count     int64     `json:"count,omitempty"`
	Version   string    `json:"version"`
}

const noteAlerts = "alerts"

// New makes a Watch that Run starts.
func New(o Options) *Watch {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Host == "" {
		o.Host, _ = os.Hostname()
	}
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	w := &Watch{o: o, states: map[string]*state{}, retry: map[string]backoff{}}
	// These count from zero since the start: what the first look finds is news.
	start := o.Now()
	w.drops = growth{start, []point{{at: start}}}
	w.damage = growth{start, []point{{at: start}}}
	w.conflicts = growth{start, []point{{at: start}}}
	if o.Notes != nil {
		// What cannot be read is as good as none: an alert may repeat.
		if json.Unmarshal(o.Notes.Note(noteAlerts), &w.states) != nil || w.states == nil {
			w.states = map[string]*state{}
		}
	}
	return w
}

// Run looks until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	t := time.NewTicker(w.o.Every)
	defer t.Stop()
	for {
		w.look(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look judges once and tells what is due.
func (w *Watch) look(ctx context.Context) {
	s, set := w.o.Look(), w.o.Settings()
	held := map[string]bool{}
	for code, st := range w.states {
		held[code] = !st.Since.IsZero()
	}
	changed := false
	found := map[string]bool{}
	for _, f := range w.judge(s, held) {
		found[f.code] = true
		st := w.states[f.code]
		if st == nil {
			st = &state{}
			w.states[f.code] = st
		}
		if st.Since.IsZero() {
			st.Since = s.Now
			changed = true
		}
		st.last = f
		if st.hold(f.lanes, s.Now) {
			changed = true
		}
		if w.tellHeld(ctx, st, f, s.Now, set) {
			changed = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(w.states)) {
		st := w.states[code]
		if !found[code] && w.over(code, st, s) && w.tellOver(ctx, code, st, s.Now, set) {
			changed = true
		}
	}
	if changed {
		w.keep()
	}
}

// tellHeld tells each channel that was not told within the interval.
func (w *Watch) tellHeld(ctx context.Context, st *state, f finding, now time.Time, set Settings) (told bool) {
	a := w.alert(f, "firing", st.Since, now)
	for _, c := range w.channels(set) {
		if last, ok := st.Sent[c.name]; ok && now.Sub(last) < set.Interval && !last.After(now) {
			continue
		}
		if !w.tell(ctx, c, a, now) {
			continue
		}
		if st.Sent == nil {
			st.Sent = map[string]time.Time{}
		}
		if st.Open == nil {
			st.Open = map[string]bool{}
		}
		st.Sent[c.name], st.Open[c.name] = now, true
		told = true
	}
	return told
}

// over reports whether a condition that is not found is over, or was before.
func (w *Watch) over(code string, st *state, s Snapshot) bool {
	if st.Since.IsZero() {
		return true
	}
	st.End = w.ended(code, st, s)
	return st.End != lasts
}

// tellOver tells each channel that knows of the condition that it is over, and
// forgets the condition once an interval has passed: one that comes and goes
// is not told more often than one that stays.
func (w *Watch) tellOver(ctx context.Context, code string, st *state, now time.Time, set Settings) (changed bool) {
	since := st.Since
	if !st.Since.IsZero() {
		st.Since = time.Time{}
		changed = true
	}
	f := st.last
	if f.code == "" {
		f = finding{code: code, sets: slices.Sorted(maps.Keys(st.Lanes))}
	}
	f.text, f.action, f.severity = over(code, st.End), "", "info"
	st.Lanes = nil // what stops them again is another onset
	a := w.alert(f, "resolved", since, now)
	for _, c := range w.channels(set) {
		if st.Open[c.name] && w.tell(ctx, c, a, now) {
			delete(st.Open, c.name)
			changed = true
		}
	}
	for _, sent := range st.Sent {
		if now.Sub(sent) < set.Interval {
			return changed
		}
	}
	delete(w.states, code)
	return true
}

// over says that a condition does not hold any more, and no more than is known.
func over(code string, how end) string {
	switch code {
	case TokenRefused:
		if how == answered {
			return "Meta accepts the access token again."
		}
		return "No event waits for another access token any more."
	case DeliveryStopped:
		if how == answered {
			return "No event set stands still any more: Meta's answers show it."
		}
		return "No event set stands still any more: nothing waits for those that did."
	case EventsWaiting:
		return "No event waits for over an hour any more."
	case DeadGrowing:
		return "No dead letter was made within the last hour."
	case IDsRepeat:
		return "No event came under another event's messageId within the last hour."
	case DiskNearlyFull:
		return "There is room on the disk again."
	case DiskRefuses:
		return "The disk takes writes again."
	case EventsDropped:
		return "No event was dropped within the last hour."
	case QueueDamaged:
		return "No damage was found within the last hour."
	case FilesNotTaken:
		return "Every dropped file is taken again."
	case FilesRefused:
		return "No dropped file that was refused lies there any more."
	case FileRefused:
		return "The files check out again."
	}
	return "This is over."
}

func (w *Watch) alert(f finding, what string, since, now time.Time) Alert {
	a := Alert{
		Alert: f.code, State: what, Severity: f.severity, Summary: f.text, Action: f.action, Host: w.o.Host,
		Since: since.UTC(), At: now.UTC(), EventSets: f.sets, Count: f.count, Version: w.o.Version,
	}
	if since.IsZero() {
		a.Since = a.At
	}
	a.Text = "relay on " + a.Host + ": " + a.Summary
	if a.Action != "" {
		a.Text += " " + a.Action
	}
	return a
}

// tell hands a to one channel, unless that channel has failed lately.
func (w *Watch) tell(ctx context.Context, c channel, a Alert, now time.Time) bool {
	if b := w.retry[c.name]; now.Before(b.next) {
		return false
	}
	err := c.send(ctx, a)
	if err == nil {
		delete(w.retry, c.name)
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	b := w.retry[c.name]
	b.wait = min(max(2*b.wait, 15*time.Second), 10*time.Minute)
	b.next = now.Add(b.wait)
	w.retry[c.name] = b
	w.o.Logger.Warn("alert could not be delivered", "code", logs.AlertFailed, "alert", a.Alert, "channel", c.name, "err", err, "again_in", b.wait)
	return false
}

// Test sends a test alert through every channel and says which failed.
func (w *Watch) Test(ctx context.Context) (sent []string, err error) {
	a := w.alert(finding{code: "test", severity: "info", text: "This is a test of relay's alerts."}, "test", time.Time{}, w.o.Now())
	var errs []error
	for _, c := range w.channels(w.o.Settings()) {
		if c.name == "log" {
			continue
		}
		if err := c.send(ctx, a); err != nil {
			errs = append(errs, err)
			continue
		}
		sent = append(sent, c.name)
	}
	return sent, errors.Join(errs...)
}

func (w *Watch) keep() {
	if w.o.Notes == nil {
		return
	}
	b, err := json.Marshal(w.states)
	if err == nil {
		err = w.o.Notes.SetNote(noteAlerts, b)
	}
	if err != nil {
		w.o.Logger.Debug("alert times not kept for the next start", "code", logs.AlertTimesNotKept, "err", err)
	}
}
