package drain

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relay/internal/meta"
	"relay/mapper"
	"relay/mapper/rules"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/graph"
)

// fakeLog is a queue in memory. It outlives a supervisor, as the disk does.
type fakeLog struct {
	mu       sync.Mutex
	recs     []queue.Record
	lanes    map[string]*queue.LaneStat
	settled  map[string]map[queue.Seq]bool
	parts    map[string]map[queue.Seq]queue.Slots
	dead     []queue.DeadLetter
	changed  chan struct{}
	settles  int
	stats    map[string]queue.LaneStat // until something changes
	fail     error                     // of Settle
	deadRoom int                       // below 0: no bound
	deadMost int                       // of one settlement
	dropped  map[string]int
}

func newFakeLog() *fakeLog {
	return &fakeLog{
		lanes: map[string]*queue.LaneStat{}, settled: map[string]map[queue.Seq]bool{}, parts: map[string]map[queue.Seq]queue.Slots{},
		changed: make(chan struct{}), deadRoom: -1, stats: map[string]queue.LaneStat{},
	}
}

// fakeEvent is what the fake mapping understands.
type fakeEvent struct {
	Event string    `json:"event"`
	Lists []string  `json:"lists,omitempty"`
	Skip  string    `json:"skip,omitempty"`
	Hold  string    `json:"hold,omitempty"`
	Time  time.Time `json:"time,omitzero"`
	Tag   string    `json:"tag,omitempty"`
	Panic bool      `json:"panic,omitempty"`
	Pad   string    `json:"pad,omitempty"`
}

func (f *fakeLog) add(lane, id string, e fakeEvent) {
	if e.Event == "" {
		e.Event = "Order Completed"
	}
	body, _ := json.Marshal(e)
	f.append(queue.Record{ID: id, Lanes: []string{lane}, Received: time.Now(), Body: body})
}

func (f *fakeLog) append(r queue.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appendLocked(r)
}

func (f *fakeLog) appendLocked(r queue.Record) {
	clear(f.stats)
	r.Seq = queue.Seq(1<<32 | len(f.recs))
	f.recs = append(f.recs, r)
	for _, name := range r.Lanes {
		f.lane(name)
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeLog) CountDropped(reason string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped == nil {
		f.dropped = make(map[string]int)
	}
	f.dropped[reason] += n
}

func (f *fakeLog) Stats() queue.Stats { return queue.Stats{} }

func (f *fakeLog) lane(name string) *queue.LaneStat {
	l := f.lanes[name]
	if l == nil {
		l = &queue.LaneStat{Name: name, Counts: map[string]int64{}}
		f.lanes[name], f.settled[name], f.parts[name] = l, map[queue.Seq]bool{}, map[queue.Seq]queue.Slots{}
	}
	return l
}

// forget takes a record out of the log.
func (f *fakeLog) forget(i int) {
	clear(f.stats)
	f.recs[i].Lanes = nil
}

// waits says whether a lane has r and it is not settled.
func (f *fakeLog) waits(lane string, r *queue.Record) bool {
	return slices.Contains(r.Lanes, lane) && !f.settled[lane][r.Seq]
}

func (f *fakeLog) stat(name string) queue.LaneStat {
	if st, ok := f.stats[name]; ok {
		return st
	}
	st := *f.lanes[name]
	st.State = slices.Clone(st.State)
	counts := map[string]int64{}
	maps.Copy(counts, st.Counts)
	st.Counts = counts
	settled := f.settled[name]
	for i := range f.recs {
		if r := &f.recs[i]; slices.Contains(r.Lanes, name) && !settled[r.Seq] {
			if st.Pending == 0 {
				st.Oldest, st.Cursor = r.Received, r.Seq
			}
			st.Pending++
			st.Bytes += int64(len(r.Body))
		}
	}
	f.stats[name] = st
	return st
}

func (f *fakeLog) Lanes() (out []queue.LaneStat) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name := range f.lanes {
		out = append(out, f.stat(name))
	}
	return out
}

func (f *fakeLog) Lane(name string) (queue.LaneStat, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lanes[name] == nil {
		return queue.LaneStat{}, false
	}
	return f.stat(name), true
}

func (f *fakeLog) Read(lane string, from queue.Seq, maxRecords int, maxBytes int64) (b queue.Batch, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.lanes[lane]
	if l == nil {
		return b, nil
	}
	b.From, b.Next = from, max(from, queue.Seq(1<<32|len(f.recs)))
	for i := range f.recs {
		if f.recs[i].Seq < from || !f.waits(lane, &f.recs[i]) {
			continue
		}
		r := f.recs[i]
		if len(b.Records) == maxRecords || len(b.Records) > 0 && maxBytes < int64(len(r.Body)) {
			b.More, b.Next = true, r.Seq
			break
		}
		maxBytes -= int64(len(r.Body))
		r.Settled = r.Flags.Slots() | f.parts[lane][r.Seq]
		b.Records = append(b.Records, r)
	}
	return b, nil
}

func (f *fakeLog) Settle(lane string, s queue.Settlement) (queue.Revision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return 0, f.fail
	}
	if f.deadRoom >= 0 && len(f.dead)+len(s.Dead) > f.deadRoom {
		return 0, fmt.Errorf("settle: %w", queue.ErrDeadFull)
	}
	if l := f.lane(lane); s.Revision != 0 && s.Revision != l.Revision {
		return 0, fmt.Errorf("settle: %w", queue.ErrStale)
	}
	f.settles++
	clear(f.stats)
	f.deadMost = max(f.deadMost, len(s.Dead))
	l := f.lane(lane)
	for _, d := range s.Dead {
		d.ID = fmt.Sprintf("d%04d", len(f.dead)+1)
		f.dead = append(f.dead, d)
	}
	end := queue.Seq(1<<32 | len(f.recs))
	for _, r := range s.Settled {
		for seq := max(r.From, 1<<32); seq < min(r.To, end); seq++ {
			f.settled[lane][seq] = true
		}
	}
	for _, p := range s.Parts {
		f.parts[lane][p.Seq] |= p.Slots
	}
	if s.State != nil {
		l.State = slices.Clone(s.State)
	}
	for k, n := range s.Counts {
		l.Counts[k] += int64(n)
	}
	l.Revision++
	return l.Revision, nil
}

func (f *fakeLog) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *fakeLog) DeadLetters(after string, fn func(queue.DeadLetter) bool) error {
	for _, d := range f.letters() {
		if d.ID > after && !fn(d) {
			break
		}
	}
	return nil
}

func (f *fakeLog) letters() []queue.DeadLetter {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dead)
}

func (f *fakeLog) Redrive(ids []string, route func(queue.DeadLetter) []string) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dead = slices.DeleteFunc(f.dead, func(d queue.DeadLetter) bool {
		if !slices.Contains(ids, d.ID) {
			return false
		}
		f.appendLocked(queue.Record{ID: d.MessageID, Lanes: route(d), Received: d.ReceivedAt, Flags: d.Flags | queue.FlagRedriven, Body: d.Body})
		n++
		return true
	})
	return n, nil
}

func (f *fakeLog) Reroute(lane string, upTo queue.Seq, route func(queue.Record) []string) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.recs {
		r := &f.recs[i]
		if r.Seq >= upTo || !f.waits(lane, r) {
			continue
		}
		if to := route(*r); len(to) > 0 {
			c := *r
			c.Lanes = to
			r.Lanes = nil
			f.appendLocked(c)
			n++
		}
	}
	return n, nil
}

// fakeMapping sends every event of the sets it names; its digest is in what it
// makes, so that a test sees which mapping made it.
type fakeMapping struct {
	digest string
	sets   []string
	routes map[string][]string
	api    meta.API
	hold   string // the reason, for every event
	read   sync.Map
}

// readOnce decodes JSON that is met again and again.
func readOnce[T any](read *sync.Map, text []byte) (v T, ok bool) {
	if was, ok := read.Load(string(text)); ok {
		return was.(T), true
	}
	if json.Unmarshal(text, &v) != nil {
		return v, false
	}
	read.Store(string(text), v)
	return v, true
}

func (m *fakeMapping) Digest() string { return m.digest }

func (m *fakeMapping) Routes(event string) []string { return m.routes[event] }

func (m *fakeMapping) Sets() (out []rules.Set) {
	for _, id := range m.sets {
		out = append(out, rules.Set{ID: id})
	}
	return out
}

func (m *fakeMapping) MapLane(ev mapper.Event, set string, now time.Time, ages bool) (outs []mapper.Outcome) {
	e, ok := readOnce[fakeEvent](&m.read, ev.Body)
	if !ok {
		return []mapper.Outcome{{MessageID: ev.MessageID, Kind: mapper.Hold, Reason: mapper.ReasonInvalid, Message: "not an object"}}
	}
	if e.Panic {
		panic("a bug")
	}
	if len(e.Lists) == 0 {
		e.Lists = []string{rules.ListEvents}
	}
	at := e.Time
	if at.IsZero() {
		at = ev.Received
	}
	at = at.Truncate(time.Second)
	api := m.api
	if api == "" {
		api = meta.Conversions
	}
	for _, list := range e.Lists {
		o := mapper.Outcome{
			MessageID: ev.MessageID, Event: e.Event, List: list, EventSet: set, API: api, UploadTag: "Segment" + e.Tag,
			Name: list, EventTime: at, OrderID: "o-" + ev.MessageID,
			Keys:   []mapper.KeyResult{{Key: "email", State: mapper.KeySent, Values: 1, Source: ev.MessageID + "/" + list}},
			People: []string{ev.MessageID + "/" + list},
		}
		switch {
		case m.hold != "":
			o.Kind, o.Reason, o.Message = mapper.Hold, m.hold, "held by the mapping"
		case e.Skip != "":
			o.Kind, o.Reason = mapper.Skip, e.Skip
		case e.Hold != "":
			o.Kind, o.Reason, o.Message = mapper.Hold, e.Hold, "held"
		case ages && now.Sub(at) > 62*24*time.Hour:
			o.Kind, o.Reason, o.Message = mapper.Hold, mapper.ReasonExpired, "too old"
		case ages && at.Sub(now) > time.Minute:
			o.Kind, o.Reason, o.Message = mapper.Hold, mapper.ReasonFuture, "in the future"
		default:
			o.Kind = mapper.Send
			o.Conversion = fmt.Appendf(nil, `{"event_id":%q,"list":%q,"time":%d,"by":%q}`, ev.MessageID, list, at.Unix(), m.digest)
		}
		outs = append(outs, o)
	}
	return outs
}

// call is one request as the fake sender saw it.
type call struct {
	at  time.Time
	set string
	req graph.Request
	ids []string
}

func (c call) data() string {
	var b strings.Builder
	for _, d := range c.req.Data {
		b.Write(d)
	}
	return b.String()
}

// fakeSender answers by a function and remembers.
type fakeSender struct {
	mu     sync.Mutex
	answer func(n int, c call) graph.Result // n counts from 1
	block  func(ctx context.Context, n int)
	calls  []call
	got    map[string]int // accepted conversions: id/list
	read   sync.Map
}

// fakeSent is what fakeMapping makes of an event.
type fakeSent struct {
	ID   string `json:"event_id"`
	List string `json:"list"`
}

func (f *fakeSender) Send(ctx context.Context, r graph.Request) graph.Result {
	c := call{at: time.Now(), set: r.EventSet, req: r}
	for _, d := range r.Data {
		e, _ := readOnce[fakeSent](&f.read, d)
		c.ids = append(c.ids, e.ID+"/"+e.List)
	}
	f.mu.Lock()
	f.calls = append(f.calls, c)
	n := len(f.calls)
	answer, block := f.answer, f.block
	f.mu.Unlock()
	if block != nil {
		block(ctx, n)
	}
	res := graph.Result{Class: graph.Delivered, HTTPStatus: 200, FBTraceID: fmt.Sprint("trace", n), Received: len(r.Data)}
	if answer != nil {
		res = answer(n, c)
	}
	if ctx.Err() != nil {
		res = graph.Result{Class: graph.Doubt, Message: "stopped"}
	}
	if res.Class == graph.Delivered || res.Class == graph.Duplicate {
		f.accept(c)
	}
	return res
}

func (f *fakeSender) accept(c call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.got == nil {
		f.got = map[string]int{}
	}
	for _, id := range c.ids {
		f.got[id]++
	}
}

func (f *fakeSender) seen() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeSender) accepted() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	maps.Copy(out, f.got)
	return out
}

func (f *fakeSender) set(answer func(int, call) graph.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// counting is Metrics for tests.
type counting struct {
	nopMetrics
	mu       sync.Mutex
	resends  int
	mismatch int
	keys     map[string]int // conversions whose match keys were told: id/list
	skews    []time.Duration
}

func (c *counting) AmbiguousResend(string, int) { c.mu.Lock(); c.resends++; c.mu.Unlock() }
func (c *counting) RebuildMismatch(string)      { c.mu.Lock(); c.mismatch++; c.mu.Unlock() }
func (c *counting) ClockSkew(d time.Duration) {
	c.mu.Lock()
	c.skews = append(c.skews, d)
	c.mu.Unlock()
}

func (c *counting) MatchKeys(_ string, keys []mapper.KeyResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = map[string]int{}
	}
	for _, k := range keys {
		c.keys[k.Source]++
	}
}

func (c *counting) told() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.keys)
}

// world is everything a test plays with; run and stop are a process's life.
type world struct {
	t       *testing.T
	log     *fakeLog
	sender  *fakeSender
	metrics *counting
	logs    *logBook
	mu      sync.Mutex
	mapping *fakeMapping
	kept    map[string]batch.Mapping
	token   string
	opts    Options
	s       *Supervisor
	stop    func()
}

const setA, setB = "701000000000001", "701000000000002"

// Settings of most tests: quick, and one that counts requests can rely on.
func quick() Settings {
	return Settings{
		RequestsPerSecond: 1000, Burst: 1, MaxEvents: 1000, MaxWait: 0, MinInterval: time.Second, MaxInterval: 30 * time.Second,
		ProbeInterval: 10 * time.Minute, BreakerAfter: 20, KeepUnmapped: 24 * time.Hour,
	}
}

func newWorld(t *testing.T) *world {
	m := &fakeMapping{digest: "m1", sets: []string{setA, setB}, routes: map[string][]string{"Order Completed": {setA}}}
	w := &world{
		t: t, log: newFakeLog(), sender: &fakeSender{}, metrics: &counting{}, logs: &logBook{}, mapping: m, token: "t1",
		kept: map[string]batch.Mapping{"m1": m},
	}
	w.opts = Options{
		Log: w.log, Sender: w.sender, Metrics: w.metrics, Settings: quick(), Logger: slog.New(w.logs),
		ClockSynced: func() bool { return true },
		Rand:        func() float64 { return 0.5 },
		Mapping: func() batch.Mapping {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.mapping == nil {
				return nil
			}
			return w.mapping
		},
		Token: func(string) string {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.token
		},
		MappingByDigest: func(d string) batch.Mapping {
			if m, ok := w.kept[d]; ok {
				return m
			}
			return nil
		},
	}
	return w
}

// run starts a process; stop ends it as SIGTERM does.
func (w *world) run() {
	w.t.Helper()
	s, err := New(w.opts)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.s = s
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		w.stop = func() {}
	}
	synctest.Wait()
}

func (w *world) remap(m *fakeMapping) {
	w.mu.Lock()
	w.mapping = m
	w.mu.Unlock()
	w.s.Wake(NewMapping)
	synctest.Wait()
}

func (w *world) lane(name string) LaneStatus {
	w.t.Helper()
	for _, l := range w.s.Status() {
		if l.Lane == name {
			return l
		}
	}
	w.t.Fatalf("no lane %s in the status", name)
	return LaneStatus{}
}

func (w *world) wantState(name string, want State) {
	w.t.Helper()
	if got := w.lane(name); got.State != want {
		w.t.Fatalf("lane %s is %s, want %s (%+v)", name, got.State, want, got)
	}
}

func (w *world) wantPending(name string, want int64) {
	w.t.Helper()
	if l, _ := w.log.Lane(name); l.Pending != want {
		w.t.Errorf("%d wait in lane %s, want %d", l.Pending, name, want)
	}
}

func (w *world) wantCounts(name string, want map[string]int64) {
	w.t.Helper()
	st, _ := w.log.Lane(name)
	for k, n := range want {
		if st.Counts[k] != n {
			w.t.Errorf("lane %s: %s = %d, want %d (all: %v)", name, k, st.Counts[k], n, st.Counts)
		}
	}
	for k, n := range st.Counts {
		if _, ok := want[k]; !ok {
			w.t.Errorf("lane %s: unexpected %s = %d", name, k, n)
		}
	}
}

// exactlyOnce fails unless each id was accepted once.
func (w *world) exactlyOnce(ids ...string) {
	w.t.Helper()
	got := w.sender.accepted()
	for _, id := range ids {
		if got[id] != 1 {
			w.t.Errorf("%s was accepted %d times", id, got[id])
		}
		delete(got, id)
	}
	for id, n := range got {
		w.t.Errorf("%s was accepted %d times, it should not have been", id, n)
	}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// drained lets fake time go by until nothing waits, at most d.
func (w *world) drained(d time.Duration) {
	w.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		pass(10 * time.Minute)
		left := int64(0)
		for _, l := range w.log.Lanes() {
			left += l.Pending
		}
		if left == 0 {
			return
		}
	}
	w.t.Errorf("not all is sent after %v", d)
}

func ids(prefix string, from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("%s%04d", prefix, i))
	}
	return out
}

// receive stores an event without a time of its own, as intake does.
func (w *world) receive(id string) { w.receiveIn(setA, id) }

func (w *world) receiveIn(lane, id string) {
	e := []queue.Entry{{ID: id, Received: w.s.TimeOfReceipt()}}
	w.s.Stamp(e)
	w.log.append(queue.Record{ID: id, Lanes: []string{lane}, Received: e[0].Received, Flags: e[0].Flags, Body: []byte(`{"event":"Order Completed"}`)})
}

func (w *world) fill(lane, prefix string, n int) (want []string) {
	for _, id := range ids(prefix, 0, n) {
		w.log.add(lane, id, fakeEvent{})
		want = append(want, id+"/"+rules.ListEvents)
	}
	return want
}

// logBook keeps log lines.
type logBook struct {
	mu    sync.Mutex
	codes []string
	text  strings.Builder
}

func (b *logBook) Enabled(context.Context, slog.Level) bool { return true }
func (b *logBook) Handle(_ context.Context, r slog.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "code" {
			b.codes = append(b.codes, a.Value.String())
		}
		fmt.Fprintf(&b.text, " %s=%v", a.Key, a.Value)
		return true
	})
	b.text.WriteByte('\n')
	return nil
}
func (b *logBook) WithAttrs([]slog.Attr) slog.Handler { return b }
func (b *logBook) WithGroup(string) slog.Handler      { return b }

func (b *logBook) count(code string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.codes {
		if c == code {
			n++
		}
	}
	return n
}
