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
	"relay/relay/internal/advice"
)

// Settings are read at every look, so they can change while relay runs.
type Settings struct {
	Webhook  string
	Command  []string
	Interval time.Duration // minimum time between repeats of an alert
	Proxy    string        // as graph.proxy: "" environment, "none" direct, or a URL
	CAFile   string        // as graph.ca_file
}

// Notes stores the times of alerts across restarts.
type Notes interface {
	Note(key string) []byte
	SetNote(key string, val []byte) error
}

// Options of a Watch. Look and Settings are required.
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

// Watch looks at relay regularly and sends alerts.
type Watch struct {
	o         Options
	growth    growth
	drops     growth
	damage    growth
	conflicts growth
	states    map[string]*state
	retry     map[string]backoff // by channel
}

// state is the state of one condition. It is stored as JSON.
type state struct {
	Since time.Time            `json:"since,omitzero"` // zero: the condition does not hold
	Sent  map[string]time.Time `json:"sent"`           // by channel: when the alert was last sent
	Open  map[string]bool      `json:"open"`           // by channel: sent, and not yet sent as resolved
	Lanes map[string]held      `json:"lanes,omitempty"`
	End   end                  `json:"end,omitempty"` // why it ended, if it does not hold
	last  finding
}

type backoff struct {
	next time.Time
	wait time.Duration
}

// Alert is the message that is sent. Text contains all of it, under the name that chat
// services expect.
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

// New returns a Watch, which Run starts.
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
	// These counters are 0 at the start, so growth before the first look counts.
	start := o.Now()
	w.drops = growth{start, []point{{at: start}}}
	w.damage = growth{start, []point{{at: start}}}
	w.conflicts = growth{start, []point{{at: start}}}
	if o.Notes != nil {
		// Unreadable notes are ignored: an alert might be repeated.
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

// look judges relay once and sends the alerts that are due.
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
		if w.sendFiring(ctx, st, f, s.Now, set) {
			changed = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(w.states)) {
		st := w.states[code]
		if !found[code] && w.isOver(code, st, s) && w.sendResolved(ctx, code, st, s.Now, set) {
			changed = true
		}
	}
	if changed {
		w.save()
	}
}

// sendFiring sends the alert to each channel that has not had it within the interval.
func (w *Watch) sendFiring(ctx context.Context, st *state, f finding, now time.Time, set Settings) (sent bool) {
	a := w.alert(f, "firing", st.Since, now)
	for _, c := range w.channels(set) {
		if last, ok := st.Sent[c.name]; ok && now.Sub(last) < set.Interval && !last.After(now) {
			continue
		}
		if !w.send(ctx, c, a, now) {
			continue
		}
		if st.Sent == nil {
			st.Sent = map[string]time.Time{}
		}
		if st.Open == nil {
			st.Open = map[string]bool{}
		}
		st.Sent[c.name], st.Open[c.name] = now, true
		sent = true
	}
	return sent
}

// isOver reports whether a condition that was not found at this look is over.
func (w *Watch) isOver(code string, st *state, s Snapshot) bool {
	if st.Since.IsZero() {
		return true
	}
	st.End = w.ended(code, st, s)
	return st.End != lasts
}

// sendResolved sends the end of a condition to each channel that had its alert. It forgets
// the condition only when the interval has passed, so that one that comes and goes is not
// sent more often than one that stays.
func (w *Watch) sendResolved(ctx context.Context, code string, st *state, now time.Time, set Settings) (changed bool) {
	since := st.Since
	if !st.Since.IsZero() {
		st.Since = time.Time{}
		changed = true
	}
	f := st.last
	if f.code == "" {
		f = finding{code: code, sets: slices.Sorted(maps.Keys(st.Lanes))}
	}
	f.text, f.action, f.severity = resolvedText(code, st.End), "", "info"
	st.Lanes = nil // if they stop again, that is a new beginning
	a := w.alert(f, "resolved", since, now)
	for _, c := range w.channels(set) {
		if st.Open[c.name] && w.send(ctx, c, a, now) {
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

// resolvedText states that a condition is over, and no more than is proven.
func resolvedText(code string, reason end) string {
	switch code {
	case TokenRefused:
		if reason == answered {
			return "Meta accepts the access token again."
		}
		return "No events are waiting for a new access token any more."
	case DeliveryStopped:
		if reason == answered {
			return "No event set is stopped any more: Meta accepts events again."
		}
		return "No event set is stopped any more: those that were have no waiting events."
	case EventsWaiting:
		return "No event has been waiting for over an hour any more."
	case DeadGrowing:
		return "No new dead letters in the last hour."
	case IDsRepeat:
		return "No event arrived with another event's messageId in the last hour."
	case DiskNearlyFull:
		return "The queue has room again."
	case DiskRefuses:
		return "The queue stores events again."
	case EventsDropped:
		return "No events were dropped in the last hour."
	case QueueDamaged:
		return "No damage was found in the last hour."
	case FilesNotTaken:
		return "All spool files are being imported again."
	case FilesRefused:
		return "The spool directory contains no refused files any more."
	case FileRefused:
		return "The files are valid again."
	}
	return "The problem is over."
}

func (w *Watch) alert(f finding, what string, since, now time.Time) Alert {
	a := Alert{
		Alert: f.code, State: what, Severity: f.severity, Summary: f.text, Action: advice.WithRestart(f.action), Host: w.o.Host,
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

// send sends a to a channel, unless the channel failed recently. It reports success.
func (w *Watch) send(ctx context.Context, c channel, a Alert, now time.Time) bool {
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

// Test sends a test alert to every configured channel. It returns the names of those that
// accepted it, and the errors of the others.
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

func (w *Watch) save() {
	if w.o.Notes == nil {
		return
	}
	b, err := json.Marshal(w.states)
	if err == nil {
		err = w.o.Notes.SetNote(noteAlerts, b)
	}
	if err != nil {
		w.o.Logger.Debug("alert times could not be stored for the next start", "code", logs.AlertTimesNotKept, "err", err)
	}
}
