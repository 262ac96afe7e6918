package clustertest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue/jetstream"
	"relay/queue/jetstream/clustertest/rig"
)

// TestMain also runs a server or a replica: each is this test binary in a separate process.
func TestMain(m *testing.M) {
	if text := os.Getenv(rig.NodeEnv); text != "" {
		rig.Serve(text)
	}
	if text := os.Getenv(replicaEnv); text != "" {
		replica(text)
	}
	code := m.Run()
	os.RemoveAll(programDir) //nolint:errcheck // it lies in a temporary folder
	os.Exit(code)
}

// nodes is three servers, each a separate process. Their connections to each other go through links
// that can be stalled.
type nodes struct {
	t     *testing.T
	all   [3]*rig.Node
	links map[[2]int]*link // from, to
	sync  bool
}

// startNodes starts servers with their files below dirs.
func startNodes(t *testing.T, sync bool, dirs [3]string) *nodes {
	t.Helper()
	return startNodesBy(t, sync, dirs, true)
}

// startNodesBy is like startNodes; without links the servers are connected directly.
func startNodesBy(t *testing.T, sync bool, dirs [3]string, links bool) *nodes {
	t.Helper()
	c := &nodes{t: t, links: make(map[[2]int]*link), sync: sync}
	logs := t.TempDir()
	for i := range c.all {
		c.all[i] = &rig.Node{NodeOptions: rig.NodeOptions{
			Name: fmt.Sprint("n", i), Store: filepath.Join(dirs[i], "store"), Sync: sync, LogFile: filepath.Join(logs, fmt.Sprint("n", i, ".log")),
			Port: freePort(t), HTTP: freePort(t), Cluster: freePort(t),
		}}
	}
	for i := range c.all {
		for j := range c.all {
			if i == j {
				continue
			}
			if !links {
				c.all[i].Routes = append(c.all[i].Routes, fmt.Sprint("nats://127.0.0.1:", c.all[j].Cluster))
				continue
			}
			l := newLink(t, fmt.Sprint("127.0.0.1:", c.all[j].Cluster))
			c.links[[2]int{i, j}] = l
			c.all[i].Routes = append(c.all[i].Routes, "nats://"+l.addr())
		}
	}
	t.Cleanup(func() {
		for i, n := range c.all {
			n.Kill()
			if t.Failed() {
				b, _ := os.ReadFile(n.LogFile)
				t.Logf("log of n%d ends:\n%s", i, b[max(0, len(b)-3000):])
			}
		}
	})
	for i := range c.all {
		c.start(i)
	}
	return c
}

func (c *nodes) start(i int) {
	c.t.Helper()
	if err := c.all[i].Start(); err != nil {
		c.t.Fatal(err)
	}
}

// kill is kill -9.
func (c *nodes) kill(i int) { c.all[i].Kill() }

func (c *nodes) signal(i int, s syscall.Signal) {
	if err := c.all[i].Process().Signal(s); err != nil {
		c.t.Errorf("%v of n%d: %v", s, i, err)
	}
}

// cut separates server i from the others, or reconnects it.
func (c *nodes) cut(i int, cut bool) {
	for at, l := range c.links {
		if at[0] == i || at[1] == i {
			l.stall(cut)
		}
	}
}

// settled waits until all servers are healthy.
func (c *nodes) settled() {
	c.t.Helper()
	start := time.Now()
	for i, n := range c.all {
		for !n.Well() {
			if time.Since(start) > 2*time.Minute {
				c.t.Fatalf("n%d did not come back", i)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// spread waits until each event stream has a different leader.
func (c *nodes) spread(name string) {
	c.t.Helper()
	for start := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		leaders := make(map[string]bool)
		if nc, err := nats.Connect(c.all[0].URL()); err == nil {
			if js, err := nc.JetStream(nats.MaxWait(time.Second)); err == nil {
				for i := range 3 {
					if info, err := js.StreamInfo(fmt.Sprint(name, "-", i)); err == nil && info.Cluster != nil {
						leaders[info.Cluster.Leader] = true
					}
				}
			}
			nc.Close()
		}
		if len(leaders) == 3 {
			return
		}
		if time.Since(start) > time.Minute {
			c.t.Fatalf("the streams are led only by %v", leaders)
		}
	}
}

func (c *nodes) options(name string) jetstream.Options {
	o := jetstream.Options{
		Name: name, MaxSize: 96 << 20, DeadMaxSize: 16 << 20, AssumeSync: !c.sync,
		Logger: slog.New(slog.NewTextHandler(c.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, n := range c.all {
		o.URLs = append(o.URLs, n.URL())
		o.Monitor = append(o.Monitor, n.Monitor())
	}
	return o
}

// open opens a log once the servers have elected their leaders.
func (c *nodes) open(name string) *jetstream.Log {
	c.t.Helper()
	for start := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		l, err := jetstream.Open(ctx, c.options(name))
		cancel()
		if err == nil {
			c.t.Cleanup(func() { l.Close() })
			return l
		}
		if time.Since(start) > 4*time.Minute {
			c.t.Fatalf("open: %v", err)
		}
	}
}
