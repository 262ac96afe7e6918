package drain_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/mapper"
	"relay/mapper/people"
	"relay/queue"
	"relay/queue/local"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/graph"
	"relay/relay/internal/sandbox"
)

// These tests run lanes over the real queue, mapper and graph client against
// the simulator, in real time.

const (
	setA   = "701000000000001"
	setB   = "701000000000002"
	secret = "of this installation"
)

const mappingA = `version: 1
api: %s
default_currency: USD
default_country: US
events:
  Order Completed: "701000000000001"
  Product Added: ["701000000000001", "701000000000002"]
lead:
  Quote Requested: "701000000000001"
`

// rig is a relay without its listeners.
type rig struct {
	t       *testing.T
	dir     string
	q       *local.Queue
	sb      *sandbox.Sandbox
	server  *httptest.Server
	front   func(http.ResponseWriter, *http.Request) bool // answered already
	client  *graph.Client
	token   string
	mu      sync.Mutex
	mapping *mapper.Mapping
	kept    map[string]*mapper.Mapping
	set     drain.Settings
	tweak   func(*drain.Options)
	drain   *drain.Supervisor
	stop    func()
	ids     []string
	n       int
}

func newRig(t *testing.T, api string) *rig {
	t.Helper()
	return newHastyRig(t, api, 30*time.Second) // a busy machine is no trouble
}

// newHastyRig waits no longer than timeout for an answer.
func newHastyRig(t *testing.T, api string, timeout time.Duration) *rig {
	t.Helper()
	r := &rig{t: t, dir: filepath.Join(t.TempDir(), "data"), token: "token-1", kept: map[string]*mapper.Mapping{}}
	var err error
	if r.sb, err = sandbox.New(sandbox.Options{KeepBodies: true}); err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		front := r.front
		r.mu.Unlock()
		if front == nil || !front(w, q) {
			r.sb.ServeHTTP(w, q)
		}
	}))
	t.Cleanup(r.server.Close)
	if r.client, err = graph.New(graph.Options{Endpoint: r.server.URL, Timeout: timeout, Token: func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.token
	}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.client.Close() })
	r.use(fmt.Sprintf(mappingA, api))
	r.set = drain.Settings{
		RequestsPerSecond: 10000, Burst: 10, MaxEvents: 1000, MaxWait: time.Millisecond, MinInterval: 5 * time.Millisecond,
		MaxInterval: 50 * time.Millisecond, ProbeInterval: time.Hour,
	}
	r.open()
	t.Cleanup(func() { r.close() })
	return r
}

func (r *rig) use(src string) {
	r.t.Helper()
	m, _, err := mapper.Parse("mapping.yaml", []byte(src), mapper.WithSecret([]byte(secret)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.mapping, r.kept[m.Digest()] = m, m
	r.mu.Unlock()
}

func (r *rig) open() {
	r.t.Helper()
	var err error
	if r.q, err = local.Open(r.dir, local.Options{NoSync: true}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) close() {
	if r.stop != nil {
		r.stop()
	}
	if r.q != nil {
		_ = r.q.Close()
		r.q = nil
	}
}

func (r *rig) run() {
	r.t.Helper()
	o := drain.Options{
		Log: r.q, Sender: r.client, Settings: r.set, Grace: 50 * time.Millisecond, ClockSynced: func() bool { return true },
		Logger: slog.New(slog.NewTextHandler(r.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		Mapping: func() batch.Mapping {
			r.mu.Lock()
			defer r.mu.Unlock()
			return batch.Live(r.mapping)
		},
		MappingByDigest: func(d string) batch.Mapping {
			r.mu.Lock()
			defer r.mu.Unlock()
			return batch.Live(r.kept[d])
		},
		Token: func(string) string {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.token
		},
	}
	if r.tweak != nil {
		r.tweak(&o)
	}
	s, err := drain.New(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r.drain = s
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
		r.stop = nil
	}
}

func (r *rig) restart() {
	r.close()
	r.open()
	r.run()
}

// event is one sale; each has its own customer and order.
func (r *rig) event(name, prefix string, at time.Time) queue.Entry {
	r.n++
	id := fmt.Sprintf("%s-%05d", prefix, r.n)
	r.mu.Lock()
	m := r.mapping
	r.mu.Unlock()
	body := fmt.Sprintf(`{"type":"track","messageId":%q,"event":%q,"userId":"user-%d","timestamp":%q,`+
		`"properties":{"order_id":"o-%s","revenue":12.5,"currency":"USD","value":3,"product_id":"p-%d"},`+
		`"context":{"traits":{"email":"c%d@example.com","phone":"+1 401 555 %04d","firstName":"Ann","address":{"city":"Providence","state":"RI"}}}}`,
		id, name, r.n, at.UTC().Format(time.RFC3339), id, r.n, r.n, r.n%10000)
	return queue.Entry{ID: id, Lanes: m.Routes(name), Received: time.Now(), Body: []byte(body)}
}

func (r *rig) append(name, prefix string, n int, at time.Time) (ids []string) {
	r.t.Helper()
	var es []queue.Entry
	for range n {
		e := r.event(name, prefix, at)
		ids = append(ids, e.ID)
		es = append(es, e)
	}
	if _, err := r.q.Append(r.t.Context(), es); err != nil {
		r.t.Fatal(err)
	}
	r.ids = append(r.ids, ids...)
	return ids
}

// until polls for a condition.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			r.t.Fatalf("gave up waiting: %s; status %+v", what, r.drain.Status())
		case <-tick.C:
		}
	}
}

func (r *rig) pending() (n int64) {
	if r.q.Stats().Opening { // numbers grow
		n = 1
	}
	for _, l := range r.q.Lanes() {
		n += l.Pending
	}
	return n
}

func (r *rig) empty() {
	r.t.Helper()
	r.until("queue empty", func() bool { return r.pending() == 0 })
}

func (r *rig) state(set string) drain.State {
	for _, l := range r.drain.Status() {
		if l.Lane == set {
			return l.State
		}
	}
	return ""
}

func (r *rig) letters() (out []queue.DeadLetter) {
	r.t.Helper()
	if err := r.q.DeadLetters("", func(d queue.DeadLetter) bool { out = append(out, d); return true }); err != nil {
		r.t.Fatal(err)
	}
	return out
}

// verify: every id but the dead ones arrived, unchanged, none was made up.
func (r *rig) verify(repeated bool) {
	r.t.Helper()
	dead := map[string]bool{}
	for _, d := range r.letters() {
		dead[d.MessageID] = true
	}
	want := slices.DeleteFunc(slices.Clone(r.ids), func(id string) bool { return dead[id] })
	v := r.sb.Verify(want, "")
	if v.Missing != 0 || v.Unexpected != 0 || v.Changed != 0 || !repeated && v.Repeated != 0 {
		r.t.Errorf("oracle: %+v", v)
	}
}

func (r *rig) uploads() (n int) {
	for _, c := range r.sb.Calls(0, 0) {
		if c.Edge == "events" {
			n++
		}
	}
	return n
}

func TestWholeClean(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"conversions"} {
		t.Run(api, func(t *testing.T) {
			r := newRig(t, api)
			r.append("Order Completed", "m", 2500, time.Now())
			r.append("Product Added", "p", 20, time.Now())
			r.append("Quote Requested", "q", 20, time.Now())
			r.run()
			r.empty()
			r.verify(true) // Product Added goes to two sets
			if n := len(r.sb.Events(sandbox.Filter{Set: setB})); n != 20 {
				t.Errorf("%d in the second set, want 20", n)
			}
			if n := len(r.sb.Events(sandbox.Filter{Set: setA})); n != 2540 {
				t.Errorf("%d in the first set", n)
			}
			for _, c := range r.sb.Calls(0, 0) {
				if c.Status != 200 {
					t.Errorf("call %+v", c)
				}
			}
			if n := r.uploads(); n > 4 {
				t.Errorf("%d uploads for 2,560 conversions", n)
			}
		})
	}
}

// A request that had no answer before a restart is delivered after it with the
// people of its events.
func TestWholePeople(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"conversions", "offline"} {
		t.Run(api, func(t *testing.T) {
			r := newHastyRig(t, api, 200*time.Millisecond)
			if err := r.sb.Update(func(s *sandbox.Settings) { s.Mode = sandbox.HangAfter }); err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			found := map[string][]string{}
			r.tweak = func(o *drain.Options) {
				o.Delivered = func(d drain.Delivery) {
					mu.Lock()
					defer mu.Unlock()
					for _, it := range d.Items {
						found[it.MessageID] = it.People
					}
				}
			}
			ids := r.append("Order Completed", "m", 20, time.Now())
			r.run()
			r.until("a request without an answer", func() bool { return r.uploads() > 0 })
			r.stop()
			if len(found) != 0 {
				t.Fatal("delivered without an answer")
			}
			if err := r.sb.SetMode(sandbox.OK); err != nil {
				t.Fatal(err)
			}
			r.restart()
			r.empty()
			mu.Lock()
			defer mu.Unlock()
			for i, id := range ids {
				for _, name := range []string{fmt.Sprintf("c%d@example.com", i+1), fmt.Sprintf("user-%d", i+1), fmt.Sprintf("+1 401 555 %04d", i+1)} {
					if !slices.ContainsFunc(people.KeysOf(name), func(k people.Key) bool { return slices.Contains(found[id], k.Fingerprint([]byte(secret))) }) {
						t.Errorf("%s is not found in %s: %q", name, id, found[id])
					}
				}
			}
		})
	}
}

// Offline has no event_id: its events are known by order id.
func TestWholeOffline(t *testing.T) {
	t.Parallel()
	r := newRig(t, "offline")
	var want []string
	for _, id := range r.append("Order Completed", "m", 2500, time.Now()) {
		want = append(want, "o-"+id)
	}
	r.run()
	r.empty()
	if v := r.sb.Verify(want, setA); v.Missing+v.Unexpected+v.Repeated != 0 {
		t.Errorf("oracle: %+v", v)
	}
	if n := len(r.letters()); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

// Every way in which the line or the server can fail for a while: all arrives,
// and what was sent more than once was the same each time.
func TestWholeTrouble(t *testing.T) {
	for _, mode := range []string{
		sandbox.Down, sandbox.Hang, sandbox.HangAfter, sandbox.Cut, sandbox.CutAfter, sandbox.CutAnswer, sandbox.Fail,
		sandbox.HTML, sandbox.HTMLOK, sandbox.Empty, sandbox.Garbage, sandbox.Redirect, sandbox.Miscount, sandbox.Quiet, sandbox.Malformed,
		sandbox.Gzipped, sandbox.TooLarge, sandbox.Suppressed, sandbox.Duplicate,
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := newHastyRig(t, "conversions", 500*time.Millisecond)
			r.set.SplitAfter = 10
			err := r.sb.Update(func(s *sandbox.Settings) { s.Mode, s.Requests = mode, 3 })
			if err != nil {
				t.Fatal(err)
			}
			r.append("Order Completed", "m", 300, time.Now())
			r.run()
			r.until("three requests in trouble", func() bool { return len(r.sb.Calls(0, 0)) >= 3 || r.pending() == 0 })
			if mode == sandbox.Duplicate { // Meta says it has them: they count as delivered
				r.empty()
				return
			}
			if mode == sandbox.Redirect || mode == sandbox.Down {
				_ = r.sb.SetMode(sandbox.OK)
			}
			r.empty()
			r.verify(true)
			if n := len(r.letters()); n != 0 {
				t.Errorf("%d dead letters: %+v", n, r.letters()[0])
			}
			hashes := map[string]bool{}
			for _, c := range r.sb.Calls(0, 0) {
				if c.DataHash != "" && mode != sandbox.TooLarge && mode != sandbox.Malformed && mode != sandbox.Miscount && mode != sandbox.Cut && mode != sandbox.Down { // of those halves are tried
					hashes[c.DataHash] = true
				}
			}
			if len(hashes) > 1 {
				t.Errorf("%d different bodies were sent for one batch", len(hashes))
			}
		})
	}
}

// What needs a person pauses the event set, or all of the token's, burns
// nothing, and goes on when woken.
func TestWholePauses(t *testing.T) {
	for _, tt := range []struct {
		mode string
		want drain.State
	}{
		{sandbox.TokenDead, drain.PausedToken},
		{sandbox.Permission, drain.PausedPermission},
		{sandbox.Missing, drain.PausedConfig},
		{sandbox.Proxy407, drain.PausedConfig},
		{sandbox.Throttled, drain.Throttled},
		{sandbox.TooMany, drain.Throttled},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "conversions")
			if err := r.sb.SetModeOf(setA, tt.mode); err != nil {
				t.Fatal(err)
			}
			r.append("Order Completed", "m", 300, time.Now())
			r.run()
			r.until("pause", func() bool { return r.state(setA) == tt.want })
			if n := r.uploads(); n != 1 {
				t.Errorf("%d uploads", n)
			}
			r.append("Product Added", "p", 10, time.Now())
			if tt.mode != sandbox.TokenDead {
				r.until("the other set goes on", func() bool { return len(r.sb.Events(sandbox.Filter{Set: setB})) == 10 })
			}
			if err := r.sb.SetModeOf(setA, sandbox.OK); err != nil {
				t.Fatal(err)
			}
			if tt.want == drain.Throttled {
				if n := r.uploads(); n != 2 { // one of each set
					t.Errorf("%d uploads while throttled", n)
				}
				return // told to wait a minute: the synctest tables wait
			}
			r.drain.Wake(drain.Reload)
			r.empty()
			r.verify(true)
			if n := len(r.letters()); n != 0 {
				t.Errorf("%d dead letters", n)
			}
		})
	}
}

// poisoned refuses a request for its first bad event, as Meta does.
func poisoned(w http.ResponseWriter, q *http.Request) bool {
	body, err := io.ReadAll(q.Body)
	q.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil || !bytes.Contains(body, []byte(`"event_id":"bad-`)) {
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"error":{"message":"Invalid parameter","type":"OAuthException","code":100,"error_subcode":2804036,"is_transient":false,"fbtrace_id":"AbCdEf"}}`)
	return true
}

func TestWholePoison(t *testing.T) {
	t.Parallel()
	r := newRig(t, "conversions")
	// Stopping waits for the answer, however busy the machine: one that is not
	// heard would be asked for again.
	r.tweak = func(o *drain.Options) { o.Grace = 30 * time.Second }
	r.front = poisoned
	for i := range 7 {
		r.append("Order Completed", "m", 713, time.Now())
		r.append("Order Completed", "bad", 1, time.Now())
		if i == 3 {
			r.append("Order Completed", "m", 2, time.Now())
		}
	}
	r.run()
	for range 3 { // restarts in the middle of the search cost nothing but requests
		r.until("some progress", func() bool { return len(r.letters()) > 0 })
		r.restart()
	}
	r.empty()
	r.verify(false)
	d := r.letters()
	if len(d) != 7 {
		t.Fatalf("%d dead letters, want 7", len(d))
	}
	for _, l := range d {
		if !strings.HasPrefix(l.MessageID, "bad-") || l.Reason != mapper.ReasonRejected || l.Code != 100 || l.Subcode != 2804036 || l.FBTraceID != "AbCdEf" || l.Message == "" {
			t.Errorf("dead letter %+v", l)
		}
	}
	// The cause is gone: redriven, they arrive.
	r.mu.Lock()
	r.front = nil
	r.mu.Unlock()
	ids := make([]string, len(d))
	for i, l := range d {
		ids[i] = l.ID
	}
	if n, err := r.q.Redrive(ids, batch.Foresight{Mapping: batch.Live(r.mapping)}.Lanes); n != 7 || err != nil {
		t.Fatalf("redrive: %d %v", n, err)
	}
	r.empty()
	r.verify(false)
	if n := len(r.letters()); n != 0 {
		t.Errorf("%d dead letters are left", n)
	}
}

// Meta takes a request, the answer is lost, relay stops, the mapping changes,
// relay starts: the request comes again as it was.
func TestWholeDoubtOverRestart(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"conversions", "offline"} {
		t.Run(api, func(t *testing.T) {
			r := newRig(t, api)
			if err := r.sb.SetMode(sandbox.CutAfter); err != nil {
				t.Fatal(err)
			}
			r.append("Order Completed", "m", 700, time.Now())
			r.run()
			r.until("an answer lost", func() bool { return r.sb.Stats().Accepted > 0 })
			r.stop()
			r.use(strings.Replace(fmt.Sprintf(mappingA, api), "default_country: US", "default_country: US\nupload_tag: Other\naction_source: physical_store", 1))
			r.append("Order Completed", "later", 50, time.Now())
			_ = r.sb.SetMode(sandbox.OK)
			r.restart()
			r.empty()
			var first []string
			for _, e := range r.sb.Events(sandbox.Filter{Set: setA}) {
				if len(e.Hashes) != 1 {
					t.Fatalf("%s came in %d forms", e.ID, len(e.Hashes))
				}
				first = append(first, e.UploadTag)
			}
			if len(first) != 750 {
				t.Errorf("%d events, want 750", len(first))
			}
			tags := map[string]int{}
			for _, e := range r.sb.Events(sandbox.Filter{Set: setA}) {
				tags[e.UploadTag]++
			}
			if tags["Segment"] != 700 || tags["Other"] != 50 {
				t.Errorf("by upload tag: %v", tags)
			}
		})
	}
}

// Eight days offline, with a Meta that takes 62 days and with one that takes 7.
func TestWholeEightDays(t *testing.T) {
	t.Parallel()
	for _, days := range []int{62, 7} {
		t.Run(fmt.Sprint(days), func(t *testing.T) {
			r := newRig(t, "conversions")
			if err := r.sb.Update(func(s *sandbox.Settings) { s.StoreDays = days }); err != nil {
				t.Fatal(err)
			}
			r.append("Order Completed", "old", 1200, time.Now().Add(-8*24*time.Hour))
			young := r.append("Order Completed", "young", 900, time.Now().Add(-6*24*time.Hour))
			r.run()
			r.empty()
			r.verify(false)
			old := map[int]bool{}
			for _, e := range r.sb.Events(sandbox.Filter{}) {
				if strings.HasPrefix(e.ID, "old") {
					old[e.Calls[0]] = true
				}
			}
			for _, e := range r.sb.Events(sandbox.Filter{}) {
				if !strings.HasPrefix(e.ID, "old") && old[e.Calls[0]] {
					t.Fatal("old and young events shared a request")
				}
			}
			if days == 62 {
				if n := len(r.letters()); n != 0 {
					t.Errorf("%d dead letters", n)
				}
				return
			}
			d := r.letters()
			if len(d) != 1200 || d[0].Reason != mapper.ReasonExpired || d[0].Subcode != 2804003 {
				t.Errorf("%d dead letters, first %+v", len(d), d[0])
			}
			if v := r.sb.Verify(young, ""); v.Missing != 0 {
				t.Errorf("young ones: %+v", v)
			}
		})
	}
}

// One set fails for ever; the other does not notice.
func TestWholeIsolation(t *testing.T) {
	t.Parallel()
	r := newRig(t, "conversions")
	if err := r.sb.SetModeOf(setA, sandbox.Fail); err != nil {
		t.Fatal(err)
	}
	r.run()
	for range 20 {
		r.append("Product Added", "p", 25, time.Now())
	}
	r.until("the other set's events", func() bool { return len(r.sb.Events(sandbox.Filter{Set: setB})) == 500 })
	for _, l := range r.drain.Status() {
		if l.Lane == setA && (l.Failures == 0 || l.LastError == nil) {
			t.Errorf("the failing set: %+v", l)
		}
	}
	if l, _ := r.q.Lane(setA); l.Pending != 500 {
		t.Errorf("%d of the failing set wait, want 500", l.Pending)
	}
	_ = r.sb.SetModeOf(setA, sandbox.OK)
	r.empty()
	r.verify(true)
}

func TestWholeToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, "conversions")
	if err := r.sb.SetTokens(map[string]sandbox.TokenState{"token-1": sandbox.TokenExpired, "token-2": sandbox.TokenOK}); err != nil {
		t.Fatal(err)
	}
	r.append("Order Completed", "m", 100, time.Now())
	r.run()
	r.until("pause", func() bool { return r.state(setA) == drain.PausedToken })
	r.mu.Lock()
	r.token = "token-2"
	r.mu.Unlock()
	r.drain.Wake(drain.NewToken)
	r.empty()
	r.verify(false)
	for _, l := range r.letters() {
		t.Errorf("dead letter %+v", l)
	}
}
