package clustertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/queue/jetstream/clustertest/rig"
)

const edgeKey = "key-of-edge-%d-version-%d"

// edgeHome writes the files of a store's relay that forwards to a hub.
func (c *nodes) edgeHome(i int, hub string) *running {
	c.t.Helper()
	r := &running{name: fmt.Sprint("edge", i), dir: c.t.TempDir()}
	port := freePort(c.t)
	r.url = fmt.Sprint("http://127.0.0.1:", port)
	r.write(c.t, "key", fmt.Sprintf(edgeKey, i, 1))
	r.write(c.t, "relay.yaml", fmt.Sprintf(`listen: 127.0.0.1:%d
admin: { listen: 127.0.0.1:%d, socket: { path: admin.sock } }
queue: { path: data }
forward: { url: "%s", key: "${file:key}" }
graph: { timeout: 3s }
rate: { requests_per_second: 50, burst: 5 }
batch: { max_wait: 50ms, max_events: 50 }
retry: { min_interval: 50ms, max_interval: 1s }
`, port, freePort(c.t), hub))
	c.manage(r)
	return r
}

// keysOf returns auth.keys of a hub: the keys of stores, and for each edge those of the given
// versions.
func keysOf(stores []*store, edges [][]int) string {
	var all []string
	for _, s := range stores {
		all = append(all, fmt.Sprintf("{ key: %s, store: %q }", s.key, s.name))
	}
	for i, versions := range edges {
		for _, v := range versions {
			all = append(all, fmt.Sprintf("{ key: %s, store: \"edge%d\" }", fmt.Sprintf(edgeKey, i, v), i))
		}
	}
	return "auth: { keys: [" + strings.Join(all, ", ") + "] }\n"
}

// seen is a line of `relay status --stores`.
type seen struct {
	Store, Version string
	Waiting        int64
	LastSeen       time.Time `json:"last_seen"`
	Forgets        int       `json:"forgets_waiting"`
}

func (r *running) stores(t *testing.T) map[string]seen {
	t.Helper()
	out, err := r.command("status", "--stores", "--json")
	all := make(map[string]seen)
	for line := range strings.Lines(out) {
		var s seen
		if e := json.Unmarshal([]byte(line), &s); err != nil || e != nil {
			t.Fatalf("stores of %s: %v %v\n%s", r.name, err, e, out)
		}
		all[s.Store] = s
	}
	return all
}

// waits returns the number of pending events at a relay.
func (r *running) waits() int64 {
	out, err := r.command("status", "--json")
	var st struct {
		Lanes []struct{ Pending int64 }
	}
	if err != nil || json.Unmarshal([]byte(out), &st) != nil {
		return -1
	}
	var n int64
	for _, l := range st.Lanes {
		n += l.Pending
	}
	return n
}

// Stores return together to a hub of two relays on one queue, with relay's own binary. Simulated
// stores resend unconfirmed chunks to the other relay or to both, and at the end send everything
// again in other chunks; real relays forward as well. Relays are killed and frozen, a server is
// killed, and a key is changed on one relay first. Nothing is lost and nothing is sent twice,
// except the requests in flight at a takeover. With RELAY_EXAM_TIME (30m) there are 1,000 stores,
// random faults for that long, and ids that expire before everything is sent again.
func TestStores(t *testing.T) {
	t.Parallel()
	long, _ := time.ParseDuration(os.Getenv("RELAY_EXAM_TIME"))
	count, events, batch, more := 60, 100, maxEvents, ""
	if long > 0 {
		count, events, batch, more = 1000, 200, 1000, "intake: { max_connections: 4000 }\n"
	}
	var stores []*store
	for i := range count {
		stores = append(stores, newStore(fmt.Sprintf("s%04d", i)))
	}
	graph := simulator(t)
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	hub := func(name string) *running {
		r := c.home(name, graph, keysOf(stores, [][]int{{1}, {1}, {1}})+more)
		if long > 0 {
			r.edit(t, "max_size: 96MiB", "max_size: 512MiB, dedup_window: 1m")
			r.edit(t, fmt.Sprint("max_events: ", maxEvents), fmt.Sprint("max_events: ", batch))
		}
		return r
	}
	a, b := hub("a"), hub("b")
	relays := []*running{a, b}
	a.start(t)
	eventually(t, "the first relay does not deliver", a.delivers)
	b.start(t)
	balancer, err := rig.NewBalancer(strings.TrimPrefix(a.url, "http://"), strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer balancer.Close()
	var edges []*running
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var ids []func() []string
	for i := range 3 {
		e := c.edgeHome(i, balancer.URL())
		e.start(t)
		edges = append(edges, e)
		ids = append(ids, tills(ctx, 1, e))
	}

	began := time.Now()
	step := func(what string) { t.Logf("%s by %v", what, time.Since(began).Round(100*time.Millisecond)) }

	// A version that this relay does not write yet, or no longer, is refused by each relay, with
	// the versions it reads.
	for _, version := range []byte{0, 2} {
		for _, r := range relays {
			if said, status, _ := stores[0].post(ctx, r.url, stores[0].chunk(version, 0, 10, 10)); status != http.StatusUnsupportedMediaType || !slices.Equal(said.Versions, []int{1}) {
				t.Errorf("version %d: %d %+v", version, status, said)
			}
		}
	}

	// All stores at once, while the relay that does not deliver and a server fail.
	handOver := func(from, to, n int) *sync.WaitGroup {
		var all sync.WaitGroup
		for _, s := range stores {
			all.Go(func() { s.handOver(ctx, from, to, n, relays) })
		}
		return &all
	}
	start := time.Now()
	first := handOver(0, events/2, 20)
	time.Sleep(300 * time.Millisecond)
	b.kill()
	time.Sleep(300 * time.Millisecond)
	b.start(t)
	c.kill(2)
	b.cmd.Process.Signal(syscall.SIGSTOP) //nolint:errcheck // it runs
	time.Sleep(3 * time.Second)
	b.cmd.Process.Signal(syscall.SIGCONT) //nolint:errcheck // it runs
	c.start(2)
	first.Wait()
	t.Logf("%d stores have forwarded %d events each after %v", count, events/2, time.Since(start).Round(100*time.Millisecond))
	want := make([]string, 0, count*events)
	for _, s := range stores {
		for i := range events / 2 {
			want = append(want, s.eventID(i))
		}
	}
	v := delivered(t, graph, want)
	if takeovers := a.taken() + b.taken() - 1; takeovers == 0 && (v.Missing != 0 || v.Repeated != 0) {
		t.Errorf("no other relay took over: %+v", v)
	}

	step("delivered")
	changeKeys(t, stores, relays, edges[0])
	step("other keys in force")

	// Then the delivering relay fails.
	for _, s := range stores {
		s.nap = long / time.Duration(events/2/25+1)
	}
	second := handOver(events/2, events, 25)
	time.Sleep(300 * time.Millisecond)
	a.kill()
	time.Sleep(time.Second)
	a.start(t)
	c.storesNemesis(relays, long)
	second.Wait()
	step("all handed over, the one that delivers killed")
	for _, s := range stores {
		if s.done != events {
			t.Fatalf("store %s has forwarded %d of %d: %v", s.name, s.done, events, s.refused)
		}
		for i := events / 2; i < events; i++ {
			want = append(want, s.eventID(i))
		}
	}
	stop()
	for i, e := range edges {
		eventually(t, "a store's relay keeps events", func() bool { return e.waits() == 0 })
		for _, id := range ids[i]() {
			want = append(want, fmt.Sprintf("edge%d:%s", i, id))
		}
	}
	v = delivered(t, graph, want)
	if long > 0 { // the ids of delivered events expire, and only what each store has forwarded is known
		time.Sleep(100 * time.Second)
	}

	step("delivered")

	// Days later each store sends everything again, in other chunks, to any relay.
	ctx = t.Context()
	for _, s := range stores {
		s.stored, s.nap = 0, 0
	}
	handOver(0, events, 33).Wait()
	step("all handed over again")
	for _, s := range stores {
		if s.stored != 0 {
			t.Errorf("store %s: %d events were stored again", s.name, s.stored)
		}
	}
	time.Sleep(2 * time.Second)
	v = delivered(t, graph, want)
	takeovers := a.taken() + b.taken() - 1
	t.Logf("%d events of %d stores answered 200; %d missing, %d that nobody sent, %d sent twice over %d takeovers, %d of them otherwise", len(want), count+3, v.Missing, v.Unexpected, v.Repeated, takeovers, v.Changed)
	if v.Missing != 0 || v.Unexpected != 0 || v.Changed != 0 || v.Repeated > 2*batch*takeovers {
		t.Errorf("%+v over %d takeovers", v, takeovers)
	}
	checkStores(t, stores, relays)
	checkForget(t, relays, edges, stores)
}

// edit replaces a text in a relay's relay.yaml.
func (r *running) edit(t *testing.T, was, now string) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(r.dir, "relay.yaml"))
	if err != nil || !bytes.Contains(src, []byte(was)) {
		t.Fatalf("%s has no %q: %v", r.name, was, err)
	}
	r.write(t, "relay.yaml", strings.ReplaceAll(string(src), was, now))
}

// delivered waits until the simulator has all ids, and returns its report.
func delivered(t *testing.T, graph string, ids []string) verified {
	t.Helper()
	v := verify(t, graph, ids)
	for moved := time.Now(); v.Missing > 0 && time.Since(moved) < time.Minute; {
		time.Sleep(500 * time.Millisecond)
		was := v.Missing
		if v = verify(t, graph, ids); v.Missing < was {
			moved = time.Now()
		}
	}
	return v
}

// changeKeys gives an edge another key, which one relay gets first. Forwarding never stops.
func changeKeys(t *testing.T, stores []*store, relays []*running, edge *running) {
	t.Helper()
	goesOn := func(when string) { // a few events are pending as long as sales are made
		t.Helper()
		time.Sleep(3 * time.Second)
		start := time.Now()
		eventually(t, "a store's relay is stuck "+when, func() bool { n := edge.waits(); return n >= 0 && n < 50 })
		t.Logf("%s a store's relay continues (seen after %v)", when, time.Since(start).Round(100*time.Millisecond))
	}
	was := keysOf(stores, [][]int{{1}, {1}, {1}})
	now := keysOf(stores, [][]int{{2}, {1}, {1}})
	reload := func(r *running) {
		t.Helper()
		if out, err := r.command("reload"); err != nil {
			t.Errorf("reload: %v\n%s", err, out)
		}
	}
	relays[0].edit(t, was, now)
	reload(relays[0])
	goesOn("while one relay of two knows its key no more")
	edge.write(t, "key", fmt.Sprintf(edgeKey, 0, 2))
	reload(edge)
	goesOn("while the other one does not know its new key")
	relays[1].edit(t, was, now)
	reload(relays[1])
	goesOn("with the new key everywhere")
}

// checkStores compares what each relay reports about stores with the stores' own records.
func checkStores(t *testing.T, stores []*store, relays []*running) {
	t.Helper()
	wrong := ""
	eventually(t, "relays report wrong figures for stores", func() bool {
		wrong = ""
		all := []map[string]seen{relays[0].stores(t), relays[1].stores(t)}
		for _, s := range stores {
			for i, shown := range all {
				got := shown[s.name]
				if got.Waiting != 0 || got.Version != s.version || s.last.Sub(got.LastSeen).Abs() > 10*time.Second || !got.LastSeen.Equal(all[0][s.name].LastSeen) {
					wrong = fmt.Sprintf("%s shows %+v, last seen %v", relays[i].name, got, s.last)
				}
			}
		}
		return wrong == ""
	})
	if wrong != "" {
		t.Error(wrong)
	}
}

// checkForget removes a person at the delivering relay: from then on no relay accepts events about
// them from a store, and stores learn about it from any relay they call.
func checkForget(t *testing.T, relays, edges []*running, stores []*store) {
	t.Helper()
	var at *running
	eventually(t, "no relay delivers", func() bool {
		at = relays[0]
		if !at.delivers() {
			at = relays[1]
		}
		return at.delivers()
	})
	program, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	forget := exec.CommandContext(ctx, program, "forget", "--yes", "--config", filepath.Join(at.dir, "relay.yaml"))
	s, next := stores[0], 1_000_000 // unused numbers
	forget.Stdin = strings.NewReader(fmt.Sprintf("person.%s.%d@example.com\nperson.%s.%d@example.com\n", s.name, next, s.name, next+10))
	if out, err := forget.CombinedOutput(); err != nil {
		t.Errorf("forget: %v\n%s", err, out)
	}
	for i, r := range relays { // at once: the relay that was not asked knows it, too
		from := next + 10*i
		if said, status, _ := s.post(t.Context(), r.url, s.chunk(1, from, from+2, 0)); status != http.StatusOK || said.Stored != 1 {
			t.Errorf("%s, given events of a forgotten person and another one, answered: %d %+v", r.name, status, said)
		}
	}
	for _, e := range edges { // the edge's next chunk fetches the order
		resp, err := http.Post(e.url+"/v1/track", "application/json", strings.NewReader(order("after-"+e.name))) //nolint:noctx // it answers at once
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, r := range relays {
		eventually(t, "stores' relays do not learn about a forget", func() bool {
			all := r.stores(t)
			return all["edge0"].Forgets+all["edge1"].Forgets+all["edge2"].Forgets == 0 && all[s.name].Forgets == 1
		})
	}
}
