package admin

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/backup"
	"relay/relay/internal/drain"
	"relay/relay/internal/drain/batch"
)

func isUnreachable(err error) bool { return errors.Is(err, api.ErrUnreachable) }

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A dead letter in a list is exactly the shape of docs/contract.md 4.
func TestDeadShape(t *testing.T) {
	f := newFixture(t, nil)
	_, body, _ := f.ask("GET", "/api/v1/dead?limit=1&reason=rejected", "")
	want := `{"id":"d2","message_id":"m-2","event":"Order Completed","event_set":"701000000000001","reason":"rejected",` +
		`"message":"Invalid parameter","code":100,"subcode":2804003,"fbtrace_id":"AbCdEf","received_at":"2026-06-01T11:00:00Z","attempts":2}` + "\n"
	if body != want {
		t.Errorf("got  %swant %s", body, want)
	}
}

func TestDeadFilters(t *testing.T) {
	f := newFixture(t, nil)
	c := f.client()
	for _, tc := range []struct {
		name string
		f    api.DeadFilter
		want string
	}{
		{"all", api.DeadFilter{}, "d1 d2 d3 d4"},
		{"reason", api.DeadFilter{Reason: "rejected"}, "d2"},
		{"event", api.DeadFilter{Event: "Order Completed"}, "d1 d2"},
		{"event set", api.DeadFilter{EventSet: setC}, "d3"},
		{"since", api.DeadFilter{Since: noon.Add(-2 * time.Hour)}, "d2 d3 d4"},
		{"both", api.DeadFilter{Event: "Order Completed", Since: noon.Add(-2 * time.Hour)}, "d2"},
		{"limit", api.DeadFilter{Limit: 2}, "d1 d2"},
		{"after", api.DeadFilter{After: "d2"}, "d3 d4"},
		{"ids", api.DeadFilter{IDs: []string{"d3", "gone", "d1"}}, "d3 d1"},
		{"search", api.DeadFilter{Search: "ABCD"}, "d2"},
		{"search by code", api.DeadFilter{Search: "100"}, "d2"},
		{"none", api.DeadFilter{Reason: "expired"}, ""},
	} {
		var got []string
		if err := c.Dead(t.Context(), tc.f, func(d api.Dead) bool { got = append(got, d.ID); return true }); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %s", tc.name, got, tc.want)
		}
	}
	for since, want := range map[string]int{"24h": 3, "2d": 4, "90m": 3, "30m": 2, "2026-06-01": 3, "2026-06-01T11:30:00Z": 2} {
		_, body, _ := f.ask("GET", "/api/v1/dead?since="+since, "")
		if n := strings.Count(body, "\n"); n != want {
			t.Errorf("since %s: %d, want %d", since, n, want)
		}
	}
	sum, err := c.DeadSummary(t.Context(), api.DeadFilter{})
	if err != nil || sum.Total != 4 || sum.Events["Order Completed"] != 2 || sum.Reasons["invalid"] != 1 || sum.EventSets[setA] != 2 {
		t.Errorf("summary: %+v %v", sum, err)
	}
}

// More than one page, and a fault in the middle: the list must not look whole.
func TestDeadPages(t *testing.T) {
	const deadPage = 500 // of records.EachLetter
	f := newFixture(t, nil)
	f.queue.mu.Lock()
	f.queue.dead = nil
	for i := range 3*deadPage + 7 {
		f.queue.dead = append(f.queue.dead, queue.DeadLetter{ID: string(rune('a'+i/1000)) + itoa3(i%1000), Reason: "expired", Body: []byte("{}")})
	}
	f.queue.mu.Unlock()
	c := f.client()
	n := 0
	if err := c.Dead(t.Context(), api.DeadFilter{}, func(api.Dead) bool { n++; return true }); err != nil || n != 3*deadPage+7 {
		t.Errorf("%d letters, %v", n, err)
	}
	n = 0
	err := c.Dead(t.Context(), api.DeadFilter{}, func(api.Dead) bool {
		if n++; n == 1 {
			f.queue.mu.Lock()
			f.queue.broken = errors.New("disk gone")
			f.queue.mu.Unlock()
		}
		return true
	})
	// The first pages may have been on their way already: either the whole list
	// came, or the client was told that it did not.
	if err == nil && n != 3*deadPage+7 {
		t.Errorf("a list cut after %d letters looked whole", n)
	}
	if status, body, _ := f.ask("GET", "/api/v1/dead", ""); status != 500 || !strings.Contains(body, "disk gone") {
		t.Errorf("broken from the start: %d %s", status, body)
	}
}

func itoa3(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func TestMasking(t *testing.T) {
	f := newFixture(t, nil)
	c := f.client()
	d, err := c.DeadLetter(t.Context(), "d1", false)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Masked || d.Plain != "purchase without a currency" {
		t.Errorf("%+v", d)
	}
	for _, secret := range []string{"pat@", "example.com", "555", "0042", "192.0.2.7", "Pat"} {
		if bytes.Contains(d.Body, []byte(secret)) {
			t.Errorf("masked body shows %q: %s", secret, d.Body)
		}
	}
	for _, kept := range []string{
		`"phone":"+9 (999) 999-9999"`, `"order_id":"o-77"`, `"revenue":59.95`, `"currency":"USD"`, `"name":"Aaaa aaa"`,
		`"event":"Order Completed"`, `"userId":"aaaa-9999"`, `"name":"analytics-go"`, `"email":"aaa@aaaaaaa.aaa"`,
	} {
		if !bytes.Contains(d.Body, []byte(kept)) {
			t.Errorf("masked body lacks %s: %s", kept, d.Body)
		}
	}
	d, err = c.DeadLetter(t.Context(), "d1", true)
	if err != nil || d.Masked || string(d.Body) != saleBody {
		t.Errorf("whole: %v %s", err, d.Body)
	}
	if d, err = c.DeadLetter(t.Context(), "d4", true); err != nil || d.Text != "{{" || d.Body != nil {
		t.Errorf("not JSON: %+v %v", d, err)
	}
	if d, err = c.DeadLetter(t.Context(), "d4", false); err != nil || strings.Contains(string(d.Body), "{{") {
		t.Errorf("not JSON, masked: %+v %v", d, err)
	}
}

func TestRetryAndDrop(t *testing.T) {
	m := memMapping{hold: true}
	f := newFixture(t, func(o *Options) {
		o.Access.Token = testToken
		o.Mapping = func() Mapping { return m }
		o.Foresight = func() batch.Foresight { return batch.Foresight{Mapping: m} }
	})
	c := f.client()
	ctx := t.Context()

	res, err := c.RetryDead(ctx, api.DeadAction{All: true, DryRun: true})
	if err != nil || res.Matched != 4 || res.Redriven != 2 || res.Hold["missing_currency"] != 2 || res.Pass != 0 || res.Unrouted != 2 {
		t.Errorf("dry run under a bad mapping: %+v %v", res, err)
	}
	m.hold = false
	res, err = c.RetryDead(ctx, api.DeadAction{DeadFilter: api.DeadFilter{Event: "Order Completed"}, DryRun: true})
	if err != nil || res.Matched != 2 || res.Pass != 2 || !res.DryRun {
		t.Errorf("dry run under a good mapping: %+v %v", res, err)
	}
	if len(f.queue.dead) != 4 || len(f.drain.woken) != 0 {
		t.Error("a dry run changed something")
	}
	res, err = c.RetryDead(ctx, api.DeadAction{DeadFilter: api.DeadFilter{IDs: []string{"d1", "d3"}}})
	if err != nil || !res.Success || res.Matched != 2 || res.Redriven != 1 || res.Unrouted != 1 || res.WhyStay != advice.Unrouted("") {
		t.Errorf("retry: %+v %v", res, err)
	}
	if len(f.drain.woken) != 1 {
		t.Errorf("lanes woken: %v", f.drain.woken)
	}
	res, err = c.RetryDead(ctx, api.DeadAction{DeadFilter: api.DeadFilter{IDs: []string{"d1", "d3"}}})
	if err != nil || res.Matched != 1 || res.Redriven != 0 {
		t.Errorf("repeated: %+v %v", res, err)
	}
	drop, err := c.DropDead(ctx, api.DeadAction{DeadFilter: api.DeadFilter{Reason: "invalid"}, DryRun: true})
	if err != nil || drop.Matched != 1 || drop.Dropped != 0 || len(f.queue.dead) != 3 {
		t.Errorf("dry drop: %+v %v", drop, err)
	}
	drop, err = c.DropDead(ctx, api.DeadAction{DeadFilter: api.DeadFilter{Reason: "invalid"}})
	if err != nil || drop.Dropped != 1 || len(f.queue.dead) != 2 {
		t.Errorf("drop: %+v %v", drop, err)
	}
}

func TestStatusOfLanes(t *testing.T) {
	f := newFixture(t, nil)
	st, err := f.client().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Lanes) != 3 || st.Queue.Pending != 4 || st.Queue.Unmapped != 1 || st.Queue.Dead != 4 || !st.Ready {
		t.Fatalf("%+v", st)
	}
	byID := map[string]api.LaneInfo{}
	for _, l := range st.Lanes {
		byID[l.Lane] = l
	}
	a, b, c := byID[setA], byID[setB], byID[setC]
	if a.Name != "stores" || a.State != "paused_token" || a.Headline != "Access token refused" || a.Pending != 2 || a.LagSeconds != 3600 ||
		a.Usage != 0.42 || a.LastError == nil || a.LastError.Subcode != 463 || a.DrainSeconds != nil || a.Dead != 3 ||
		!strings.Contains(a.Next, "relay tries one request in 7 minutes") {
		t.Errorf("A: %+v", a)
	}
	if b.State != "sending" || b.Pending != 1 || b.LastSuccessAt == nil || b.InFlight != 1 {
		t.Errorf("B: %+v", b)
	}
	if c.State != "retired" || c.Headline != "No longer in the mapping" || c.Pending != 1 {
		t.Errorf("C: %+v", c)
	}
	if st.Queue.DrainSeconds != nil {
		t.Error("an estimate though one set stands still")
	}
	if st.Queue.OldestAt == nil || !st.Queue.OldestAt.Equal(noon.Add(-time.Hour)) {
		t.Errorf("oldest %v", st.Queue.OldestAt)
	}
	if st.Mapping.Digest != "3f2a9c10" {
		t.Errorf("mapping %+v", st.Mapping)
	}
}

// A lane that waits because Meta's allowance is nearly used up does not blame
// rate.requests_per_second.
func TestWordsOfAllowance(t *testing.T) {
	at := noon.Add(5 * time.Minute)
	h, next := laneWords(&api.LaneInfo{State: string(drain.RateLimited), Usage: 0.97, NextAttemptAt: &at}, noon, "", false)
	if !strings.Contains(h, "97 %") || !strings.Contains(next, "in 5 minutes") {
		t.Errorf("%q, %q", h, next)
	}
	if h, _ = laneWords(&api.LaneInfo{State: string(drain.RateLimited), Usage: 0.5, NextAttemptAt: &at}, noon, "", false); h != "Waiting for its turn" {
		t.Errorf("%q", h)
	}
}

func TestLaneActions(t *testing.T) {
	f := newFixture(t, nil)
	c := f.client()
	ctx := t.Context()
	if _, err := c.PauseLane(ctx, "stores"); err != nil || !slices.Equal(f.drain.paused, []string{setA}) {
		t.Errorf("pause by name: %v %v", err, f.drain.paused)
	}
	lanes, err := c.Lanes(ctx)
	if err != nil || !slices.ContainsFunc(lanes, func(l api.LaneInfo) bool { return l.Lane == setA && l.Paused && l.Headline == "Paused by an operator" }) {
		t.Errorf("lanes: %+v %v", lanes, err)
	}
	if _, err := c.ResumeLane(ctx, setA); err != nil {
		t.Error(err)
	}
	if _, err := c.MoveLane(ctx, setC, "stores"); err == nil || !strings.Contains(err.Error(), "Gone") || len(f.queue.moved) != 0 {
		t.Errorf("move where the mapping does not send them: %v", err)
	}
	for i := range f.queue.records {
		if slices.Contains(f.queue.records[i].Lanes, setC) {
			f.queue.records[i].Body = []byte(`{"event":"Order Completed"}`)
		}
	}
	if d, err := c.MoveLane(ctx, setC, "stores"); err != nil || d.Count != 1 || len(f.queue.moved) != 1 || f.queue.moved[0] != [2]string{setC, setA} {
		t.Errorf("move: %+v %v %v", d, err, f.queue.moved)
	}
	if _, err := c.DropLane(ctx, setC, setA); err == nil || len(f.queue.dropped) != 0 {
		t.Errorf("drop with another id: %v", err)
	}
	if d, err := c.DropLane(ctx, setC, setC); err != nil || d.Count != 1 || !slices.Equal(f.drain.held, []string{setC, setC}) || !slices.Equal(f.queue.dropped, []string{setC}) {
		t.Errorf("drop: %+v %v", d, err)
	}
}

func TestQueued(t *testing.T) {
	f := newFixture(t, nil)
	c := f.client()
	list := func(q api.QueueFilter) string {
		var got []string
		if err := c.Queued(t.Context(), q, func(q api.Queued) bool { got = append(got, q.MessageID); return true }); err != nil {
			t.Fatal(err)
		}
		return strings.Join(got, " ")
	}
	// m-q2 waits in two lanes and is listed once.
	if got := list(api.QueueFilter{}); got != "m-q1 m-q2 m-q3 m-q4" {
		t.Errorf("all: %s", got)
	}
	for want, q := range map[string]api.QueueFilter{
		"m-q2":      {EventSet: setB},
		"m-q1 m-q2": {EventSet: "stores"},
		"m-q4":      {EventSet: queue.LaneUnmapped},
		"m-q1":      {Event: "Order Completed"},
		"m-q3 m-q4": {Since: noon},
	} {
		if got := list(q); got != want {
			t.Errorf("%+v: %s, want %s", q, got, want)
		}
	}
	q, err := c.QueuedEvent(t.Context(), "1-1", false)
	if err != nil || !q.Masked || strings.Contains(string(q.Body), "pat@") || q.Event != "Order Completed" {
		t.Errorf("show: %+v %v", q, err)
	}
	q, err = c.QueuedEvent(t.Context(), "1-1", true)
	if err != nil || string(q.Body) != saleBody {
		t.Errorf("show whole: %+v %v", q, err)
	}
	n := 0
	if err := c.ExportQueue(t.Context(), api.QueueFilter{}, func(q api.Queued) bool {
		if len(q.Body) == 0 || q.Masked {
			t.Errorf("export: %+v", q)
		}
		n++
		return true
	}); err != nil || n != 4 {
		t.Errorf("export: %d %v", n, err)
	}
	if _, body, _ := f.ask("GET", "/api/v1/queue/events", ""); strings.Contains(body, "pat@") || strings.Contains(body, "body") {
		t.Errorf("the list shows bodies: %s", body)
	}
}

func TestReload(t *testing.T) {
	refused := true
	f := newFixture(t, func(o *Options) {
		o.Access.Token = testToken
		o.Reload = func(context.Context) api.ReloadResult {
			if refused {
				return api.ReloadResult{
					Code: "mapping_refused", Message: "the mapping was refused; the old one stays in force", Digest: "3f2a9c10",
					Problems: []api.Problem{{File: "mapping.yaml", Line: 3, Column: 5, Message: "unknown key evnts"}},
				}
			}
			return api.ReloadResult{Success: true, Changed: []string{"mapping"}}
		}
		o.Files = func() api.Files {
			return api.Files{Mapping: api.FileState{
				File: "mapping.yaml", Text: "version: 1\n", Digest: "3f2a9c10",
				Refused: &api.Refused{Message: "unknown key", Problems: []api.Problem{{Line: 2, Column: 1, Message: "unknown key evnts"}}},
			}}
		}
	})
	c := f.client()
	res, err := c.Reload(t.Context())
	if err != nil || res.Success || len(res.Problems) != 1 || res.Problems[0].Line != 3 {
		t.Errorf("refused: %+v %v", res, err)
	}
	if status, body, _ := f.ask("POST", "/api/v1/reload", "", "Authorization", "Bearer "+testToken); status != 422 ||
		!strings.Contains(body, `"success":false`) || !strings.Contains(body, `"error":"the mapping was refused`) {
		t.Errorf("refused: %d %s", status, body)
	}
	refused = false
	if res, err = c.Reload(t.Context()); err != nil || !res.Success || !slices.Equal(res.Changed, []string{"mapping"}) {
		t.Errorf("accepted: %+v %v", res, err)
	}
	m, err := c.Mapping(t.Context())
	if err != nil || m.Text != "version: 1\n" || m.OK || m.Refused.Problems[0].Line != 2 {
		t.Errorf("mapping: %+v %v", m, err)
	}
}

func TestTail(t *testing.T) {
	f := newFixture(t, nil)
	tail := f.o.Metrics.Tail()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var got []api.Outcome
	seen := make(chan struct{}, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- f.client().Tail(ctx, func(o api.Outcome) bool {
			mu.Lock()
			defer mu.Unlock()
			if got = append(got, o); len(got) == 3 {
				seen <- struct{}{}
			}
			return true
		})
	}()
	for !tail.Watched() {
		time.Sleep(time.Millisecond)
	}
	tail.Delivery(drain.Delivery{EventSet: setA, FBTraceID: "trace", At: noon, Items: []drain.Delivered{{MessageID: "m-1", Event: "Order Completed", OrderID: "o-77"}}})
	f.o.Metrics.Drain().Settled(setA, "skip:no_consent", 2)
	f.o.Metrics.Drain().Settled(setA, "dead:expired", 1)
	<-seen
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if got[0].Outcome != "delivered" || got[0].MessageID != "m-1" || got[1].Outcome != "skip" || got[1].Reason != "no_consent" || got[1].Count != 2 || got[2].Reason != "expired" {
		t.Errorf("%+v", got)
	}
}

func TestBackup(t *testing.T) {
	tmp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP"} { // Unix, Windows
		t.Setenv(name, tmp)
	}
	f := newFixture(t, func(o *Options) { o.Access.Token = testToken })
	var buf bytes.Buffer
	if err := f.client().Backup(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	whole := buf.Bytes()
	if n, err := backup.Verify(bytes.NewReader(whole)); n != 2 || err != nil {
		t.Errorf("verify: %d %v", n, err)
	}
	for cut := 0; cut < len(whole)-2048; cut += 512 {
		if _, err := backup.Verify(bytes.NewReader(whole[:cut])); !errors.Is(err, backup.ErrIncomplete) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	spoiled := bytes.Replace(whole, []byte("cursors"), []byte("cursor5"), 1)
	if _, err := backup.Verify(bytes.NewReader(spoiled)); !errors.Is(err, backup.ErrIncomplete) {
		t.Errorf("spoiled: %v", err)
	}
	if left, _ := os.ReadDir(tmp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if status, body, _ := f.ask(http.MethodPost, "/api/v1/backup", "", "Authorization", ""); status != http.StatusUnauthorized {
		t.Errorf("backup without the token: %d %s", status, body)
	}
}

func TestSupport(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.Access.Token = testToken
		o.Support.Config = func() []byte { return []byte("graph: { access_token: <secret> }\n") }
		o.Support.Logs = func() []byte { return []byte("a log line\n") }
	})
	var buf bytes.Buffer
	if err := f.client().Support(t.Context(), 0, &buf); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range z.File {
		names = append(names, strings.TrimPrefix(file.Name, "relay-support/"))
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r)
		r.Close()
		for _, secret := range []string{testToken, "pat@example.com", "(555)", "cust-0042"} {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds %q", file.Name, secret)
			}
		}
	}
	for _, want := range []string{"status.json", "metrics-1.txt", "metrics-2.txt", "goroutines.txt", "config.yaml", "log.txt", "dead-letters.json", "mapping.yaml"} {
		if !slices.Contains(names, want) {
			t.Errorf("no %s in %v", want, names)
		}
	}
}

func TestHistory(t *testing.T) {
	h := newHistory()
	at := noon
	for i := range 2000 {
		h.add(sample{at: at, pending: int64(i), received: float64(10 * i), delivered: float64(5 * i)})
		at = at.Add(2 * time.Second)
	}
	fine, coarse := h.points(false), h.points(true)
	if len(fine) != 667 && len(fine) != ringCapacity {
		t.Errorf("%d fine points", len(fine))
	}
	if len(coarse) != 34 {
		t.Errorf("%d coarse points", len(coarse))
	}
	last := fine[len(fine)-1]
	if last.In != 5 || last.Delivered != 2.5 {
		t.Errorf("rates %+v", last)
	}
	if !slices.IsSortedFunc(fine, func(a, b api.Point) int { return a.At.Compare(b.At) }) {
		t.Error("points out of order")
	}
	a, b, ok := h.window()
	if d := b.at.Sub(a.at); !ok || d < rateWindow || d > rateWindow+4*time.Second {
		t.Errorf("window %v", d)
	}
	h.add(sample{at: noon.Add(-time.Hour)})
	if len(h.points(false)) != 1 {
		t.Error("a clock put back leaves points in the future")
	}
}

func TestHistoryOverRing(t *testing.T) {
	h := newHistory()
	for i := range 3 * ringCapacity {
		h.add(sample{at: noon.Add(time.Duration(i) * fineStep), pending: int64(i)})
	}
	p := h.points(false)
	if len(p) != ringCapacity || p[0].Pending != 2*ringCapacity || p[ringCapacity-1].Pending != 3*ringCapacity-1 {
		t.Errorf("%d points from %d", len(p), p[0].Pending)
	}
}

func TestDrainEstimate(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Interval = time.Hour; o.Limits = func() float64 { return 100 } })
	f.drain.mu.Lock()
	f.drain.lanes = []drain.LaneStatus{{Lane: setA, State: drain.Sending}, {Lane: setB, State: drain.WaitingRetry}}
	f.drain.mu.Unlock()
	f.queue.mu.Lock()
	f.queue.records = f.queue.records[:2]
	f.queue.mu.Unlock()
	for len(f.history.points(false)) == 0 { // the sample Run begins with
		time.Sleep(time.Millisecond)
	}
	// B waits after an error: no rate, no estimate, and none for the whole.
	if l, _ := f.lanes(noon, true); l[0].Lane != setB || l[0].DrainSeconds != nil || f.drainSeconds(l) != nil {
		t.Errorf("%+v", l)
	}
	f.history.add(sample{at: noon.Add(30 * time.Second), lanes: map[string]float64{setA: 45 + 60, setB: 15}})
	f.history.mu.Lock()
	f.history.recent[0].lanes[setB] = 0
	f.history.mu.Unlock()
	l, _ := f.lanes(noon, true)
	// A: 2 waiting, 60 settled in 30 s; B: 1 waiting, 15 in 30 s.
	if *l[0].DrainSeconds != 2 || *l[1].DrainSeconds != 1 || *f.drainSeconds(l) != 2 {
		t.Errorf("%v %v", *l[0].DrainSeconds, *l[1].DrainSeconds)
	}
	// Page, commands and metrics read the same.
	if st := f.Status(); st.Lanes[0].Rate != l[0].Rate || st.Lanes[1].Rate != l[1].Rate || l[0].Rate+l[1].Rate != 2.5 || *st.Queue.DrainSeconds != 2 {
		t.Errorf("status %+v", st.Lanes)
	}
	if _, body, _ := f.ask("GET", "/metrics", ""); !strings.Contains(body, "relay_queue_drain_estimate_seconds 2\n") {
		t.Errorf("metrics: %s", body)
	}
}
