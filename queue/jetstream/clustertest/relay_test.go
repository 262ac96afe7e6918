package clustertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relay/queue/jetstream/clustertest/rig"
)

// programDir contains relay's binary once it was built; TestMain removes it.
var programDir string

// program is the path of relay's real binary.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "relay-clustertest-")
	if err != nil {
		return "", err
	}
	programDir = dir
	return rig.Build("../../..", dir)
})

// built returns the path of relay's binary.
func built(t *testing.T) string {
	t.Helper()
	at, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// running is a process of relay's binary.
type running struct {
	name string
	dir  string
	cmd  *exec.Cmd
	log  *os.File
	url  string
}

const maxEvents = 100 // per request

// home writes the files of a relay of the cluster.
func (c *nodes) home(name, graph, more string) *running {
	c.t.Helper()
	r := &running{name: name, dir: c.t.TempDir()}
	port := freePort(c.t)
	r.url = fmt.Sprint("http://127.0.0.1:", port)
	var urls, monitor []string
	for _, n := range c.all {
		urls = append(urls, n.URL())
		monitor = append(monitor, n.Monitor())
	}
	files := map[string]string{
		"mapping.yaml": "version: 1\nevents:\n  Order Completed: \"701000000000001\"\n  Product Added: \"701000000000002\"\ndefault_country: US\ndefault_currency: USD\n",
		"relay.yaml": fmt.Sprintf(`listen: 127.0.0.1:%d
admin: { listen: 127.0.0.1:%d, socket: { path: admin.sock } }
mapping: mapping.yaml
queue: { max_size: 96MiB, dead_max_size: 16MiB, nats: { urls: [%s], monitor: [%s], lease: 15s } }
graph: { endpoint: "http://%s", access_token: test-token }
rate: { requests_per_second: 50, burst: 5 }
batch: { max_wait: 50ms, max_events: %d }
retry: { min_interval: 50ms, max_interval: 500ms }
%s`, port, freePort(c.t), strings.Join(urls, ", "), strings.Join(monitor, ", "), graph, maxEvents, more),
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, file), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	c.manage(r)
	return r
}

// manage sets up a relay's log and ends the relay with the test.
func (c *nodes) manage(r *running) {
	c.t.Helper()
	var err error
	if r.log, err = os.Create(filepath.Join(r.dir, "log")); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if r.cmd != nil {
			r.kill()
		}
		if c.t.Failed() {
			b, _ := os.ReadFile(r.log.Name())
			c.t.Logf("log of %s ends:\n%s", r.name, b[max(0, len(b)-6000):])
		}
		r.log.Close()
	})
}

func (r *running) start(t *testing.T) {
	t.Helper()
	r.cmd = exec.CommandContext(context.Background(), built(t), "run", "--config", filepath.Join(r.dir, "relay.yaml"))
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, r.name+" does not start", func() bool {
		resp, err := http.Get(r.url + "/nothing") //nolint:noctx // it answers at once or not
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// write replaces a file of a relay atomically.
func (r *running) write(t *testing.T, file, text string) {
	t.Helper()
	fresh := filepath.Join(r.dir, "fresh-"+file)
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(r.dir, file)); err != nil {
		t.Fatal(err)
	}
}

func (r *running) kill() {
	r.cmd.Process.Kill() //nolint:errcheck // it may have ended
	r.cmd.Wait()         //nolint:errcheck // it was killed
	r.cmd = nil
}

// stop is an orderly stop.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // Wait says it
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%s stopped with %v", r.name, err)
	}
	r.cmd = nil
}

// command runs relay with this relay's configuration.
func (r *running) command(args ...string) (string, error) { return r.pipe("", args...) }

// pipe is like command, with text on standard input.
func (r *running) pipe(in string, args ...string) (string, error) {
	at, err := program()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, at, append(args, "--config", filepath.Join(r.dir, "relay.yaml"))...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r *running) delivers() bool {
	out, err := r.command("status", "--json")
	var st struct{ Delivers struct{ Here bool } }
	return err == nil && json.Unmarshal([]byte(out), &st) == nil && st.Delivers.Here
}

// taken returns how often a relay has taken the lease.
func (r *running) taken() int {
	b, _ := os.ReadFile(r.log.Name())
	return bytes.Count(b, []byte("lease_taken"))
}

func order(id string) string {
	event := "Order Completed"
	if strings.HasSuffix(id, "7") {
		event = "Product Added"
	}
	return fmt.Sprintf(`{"type":"track","messageId":%q,"event":%q,"userId":"loyal-%s","properties":{"order_id":%q,"product_id":"p","revenue":39.95,"value":1,"currency":"USD"},"context":{"traits":{"email":"person.%s@example.com"}}}`,
		id, event, id, id, id)
}

// tills send sales to relays until ctx ends. Each sale is repeated until a relay confirms it, as by
// a client behind a load balancer.
func tills(ctx context.Context, n int, relays ...*running) func() []string {
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	client := http.Client{Timeout: 15 * time.Second}
	for till := range n {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("k%d-%d", till, i)
				for try := 0; ; try++ {
					resp, err := client.Post(relays[(till+try)%len(relays)].url+"/v1/track", "application/json", strings.NewReader(order(id))) //nolint:noctx // the client has a timeout
					if err == nil {
						io.Copy(io.Discard, resp.Body) //nolint:errcheck // the status counts
						resp.Body.Close()
						if resp.StatusCode == http.StatusOK {
							mu.Lock()
							acked = append(acked, id)
							mu.Unlock()
							break
						}
					}
					if ctx.Err() != nil {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				time.Sleep(15 * time.Millisecond)
			}
		})
	}
	return func() []string { wg.Wait(); return acked }
}

// verified is what the simulator reports about ids.
type verified struct{ Missing, Unexpected, Repeated, Changed int }

func verify(t *testing.T, graph string, ids []string) (v verified) {
	t.Helper()
	b, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+graph+"/sandbox/verify", "application/json", bytes.NewReader(b)) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("verify: %d %v", resp.StatusCode, err)
	}
	return v
}

// simulator starts `relay sandbox`.
func simulator(t *testing.T) (graph string) {
	t.Helper()
	graph = fmt.Sprint("127.0.0.1:", freePort(t))
	cmd := exec.CommandContext(context.Background(), built(t), "sandbox", "--listen", graph)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() }) //nolint:errcheck // it was killed
	eventually(t, "the simulator does not start", func() bool {
		resp, err := http.Post("http://"+graph+"/sandbox/mode", "application/json", strings.NewReader(`{"latency_ms":100}`)) //nolint:noctx // a test
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return graph
}

// Two relays share a queue on three servers, with relay's own binary. Whichever is killed, every
// event answered with 200 is delivered. At most one request per takeover is sent twice, unchanged.
func TestRelays(t *testing.T) {
	t.Parallel()
	graph := simulator(t)
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	a, b := c.home("a", graph, ""), c.home("b", graph, "")
	a.start(t)
	eventually(t, "the first relay does not deliver", a.delivers)
	b.start(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	acked := tills(ctx, 8, a, b)
	time.Sleep(time.Second)

	if out, err := b.command("status"); err != nil || !strings.Contains(out, "carries out the commands given to this relay") {
		t.Errorf("status of the waiting relay: %v\n%s", err, out)
	}

	a.kill() // during a request and many appends
	at := time.Now()
	time.Sleep(time.Second)
	c.kill(2) // and a server
	time.Sleep(time.Second)
	a.start(t)
	eventually(t, "no relay takes over", b.delivers)
	t.Logf("the other relay delivers %v after the kill", time.Since(at).Round(100*time.Millisecond))
	c.start(2)
	time.Sleep(time.Second)
	b.stop(t) // an orderly stop: the other relay need not wait
	at = time.Now()
	eventually(t, "the killed relay does not take over again", a.delivers)
	t.Logf("after an orderly stop the other relay delivers after %v", time.Since(at).Round(100*time.Millisecond))
	stop()
	ids := acked()

	v := verify(t, graph, ids)
	for start := time.Now(); v.Missing > 0 && time.Since(start) < 90*time.Second; v = verify(t, graph, ids) {
		time.Sleep(200 * time.Millisecond)
	}
	takeovers := a.taken() + b.taken() - 1
	t.Logf("%d events answered 200; %d missing, %d sent twice over %d takeovers, %d of them otherwise", len(ids), v.Missing, v.Repeated, takeovers, v.Changed)
	if v.Missing != 0 || v.Changed != 0 || v.Repeated > 2*maxEvents*takeovers {
		t.Errorf("%+v over %d takeovers", v, takeovers)
	}
	if len(ids) < 500 {
		t.Errorf("only %d events: too few to prove anything", len(ids))
	}
	out, err := a.command("doctor")
	if plain := strings.Join(strings.Fields(out), " "); strings.Count(plain, "and syncs before it confirms") != 3 || !strings.Contains(plain, "have three replicas or more each") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	if out, err := a.command("backup", filepath.Join(t.TempDir(), "b.tar")); err == nil || !strings.Contains(out, "nats account backup") {
		t.Errorf("backup: %v\n%s", err, out)
	}
	if out, err := a.command("receipt", ids[0]); err == nil || !strings.Contains(out, "keeps no receipts") {
		t.Errorf("receipt: %v\n%s", err, out)
	}
	a.stop(t)
	if out, err := a.command("status"); err == nil || !strings.Contains(out, "with queue.nats a command needs a running relay") {
		t.Errorf("status without a running relay: %v\n%s", err, out)
	}
}
