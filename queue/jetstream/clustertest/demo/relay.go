package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"relay/queue/jetstream/clustertest/rig"
)

// relay is a process of relay's program.
type relay struct {
	name, addr, dir string
	program         string
	cmd             *exec.Cmd
}

const mapping = `version: 1
events:
  Order Completed: "701000000000001"
default_country: US
default_currency: USD
store: { code: store.name }
`

func storeKey(i int) string { return fmt.Sprintf("key-of-store-%d-of-the-demo", i+1) }

// hubRelay writes the files of a relay that shares the queue.
func (s *show) hubRelay(i int) (*relay, error) {
	var urls, monitor, keys []string
	for _, n := range s.servers {
		urls = append(urls, n.URL())
		monitor = append(monitor, n.Monitor())
	}
	for k := range 3 {
		keys = append(keys, fmt.Sprintf("{ key: %s, store: store-%d }", storeKey(k), k+1))
	}
	return s.home("relay-"+string(rune('a'+i)), fmt.Sprintf(`mapping: mapping.yaml
auth: { keys: [%s] }
queue: { max_size: 64MiB, dead_max_size: 8MiB, nats: { urls: [%s], monitor: [%s], lease: 15s } }
graph: { endpoint: "http://%s", access_token: token-of-the-demo }
rate: { requests_per_second: 50, burst: 5 }
batch: { max_wait: 100ms }
`, strings.Join(keys, ", "), strings.Join(urls, ", "), strings.Join(monitor, ", "), s.graph))
}

// storeRelay writes the files of a store's relay, which forwards.
func (s *show) storeRelay(i int, hub string) (*relay, error) {
	return s.home(fmt.Sprint("store-", i+1), fmt.Sprintf(`queue: { path: data }
forward: { url: "%s", key: %s }
graph: { timeout: 3s }
rate: { requests_per_second: 20, burst: 5 }
batch: { max_wait: 100ms }
retry: { min_interval: 100ms, max_interval: 1s }
`, hub, storeKey(i)))
}

func (s *show) home(name, config string) (*relay, error) {
	port, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	adminPort, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	r := &relay{name: name, addr: fmt.Sprint("127.0.0.1:", port), dir: s.path(name), program: s.program}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, fmt.Errorf("create a directory: %w", err)
	}
	head := fmt.Sprintf("listen: %s\nadmin: { listen: 127.0.0.1:%d, socket: { path: admin.sock } }\n", r.addr, adminPort)
	for file, text := range map[string]string{"relay.yaml": head + config, "mapping.yaml": mapping} {
		if err := os.WriteFile(s.path(name, file), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("write the configuration: %w", err)
		}
	}
	return r, nil
}

// start starts the process and returns once it accepts events.
func (r *relay) start(ctx context.Context, program string) error {
	log, err := os.OpenFile(r.dir+"/log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	r.cmd = exec.CommandContext(ctx, program, "run", "--config", r.dir+"/relay.yaml")
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", r.name, err)
	}
	for start := time.Now(); time.Since(start) < patience; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get("http://" + r.addr + "/nothing"); err == nil { //nolint:noctx // it answers at once or not
			resp.Body.Close()
			return nil
		}
		if ctx.Err() != nil {
			return errStopped
		}
	}
	return fmt.Errorf("%s did not start", r.name)
}

// kill is kill -9. It may be called twice.
func (r *relay) kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill() //nolint:errcheck // it may have ended
		r.cmd.Wait()         //nolint:errcheck // it was killed
		r.cmd = nil
	}
}

// command runs a relay command next to the process.
func (r *relay) command(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, r.program, append(args, "--config", r.dir+"/relay.yaml")...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("relay %s at %s: %w: %s", strings.Join(args, " "), r.name, err, out)
	}
	return string(out), err
}

type status struct {
	Delivers struct{ Here bool }
	Lanes    []struct{ Pending int }
}

func (r *relay) status() (st status, ok bool) {
	out, err := r.command("status", "--json")
	return st, err == nil && json.Unmarshal([]byte(out), &st) == nil
}

func (r *relay) delivers() bool {
	st, ok := r.status()
	return ok && st.Delivers.Here
}

// empty reports whether nothing is pending at it.
func (r *relay) empty() bool {
	st, ok := r.status()
	for _, l := range st.Lanes {
		ok = ok && l.Pending == 0
	}
	return ok
}
