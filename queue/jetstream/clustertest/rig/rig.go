// Package rig contains what the tests and the demo run: NATS servers, each a separate process,
// relay's program, and a load balancer for several relays.
package rig

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"

	"github.com/nats-io/nats-server/v2/server"
)

// NodeEnv is the environment variable with the options of the server to run, as JSON.
const NodeEnv = "RELAY_CLUSTERTEST_NODE"

// NodeOptions are the options of a server process.
type NodeOptions struct {
	Name, Store, LogFile string
	Port, HTTP, Cluster  int
	Routes               []string
	Sync                 bool
}

// Serve runs a server until standard input ends, at the latest with the process that started it.
func Serve(text string) {
	var n NodeOptions
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		fail(err)
	}
	o := &server.Options{
		ServerName: n.Name, Host: "127.0.0.1", Port: n.Port, HTTPHost: "127.0.0.1", HTTPPort: n.HTTP, LogFile: n.LogFile,
		JetStream: true, StoreDir: n.Store, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 64 << 20, MaxPayload: 8 << 20, SyncAlways: n.Sync,
	}
	o.Cluster.Name, o.Cluster.Host, o.Cluster.Port, o.Cluster.NoAdvertise = "c", "127.0.0.1", n.Cluster, true
	o.Cluster.PoolSize = -1 // one connection per pair of servers
	for _, r := range n.Routes {
		o.Routes = append(o.Routes, server.RoutesFromStr(r)...)
	}
	s, err := server.NewServer(o)
	if err != nil {
		fail(err)
	}
	s.ConfigureLogger()
	s.Start()
	io.Copy(io.Discard, bufio.NewReader(os.Stdin)) //nolint:errcheck // its end is what counts
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// Build builds relay's program in dir. root is the directory of relay's module.
func Build(root, dir string) (string, error) {
	at := filepath.Join(dir, "relay")
	build := exec.Command("go", "build", "-o", at, "./relay") //nolint:noctx // it ends
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build relay: %w: %s", err, out)
	}
	return at, nil
}

var nextPort atomic.Int64

// FreePort returns a port below those that the system assigns for port 0, so that no other program
// gets it.
func FreePort() (int, error) {
	for range 1000 {
		port := 10_000 + (int64(os.Getpid())*31+nextPort.Add(1))%20_000
		if l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port)); err == nil { //nolint:noctx // it is closed at once
			l.Close()
			return int(port), nil
		}
	}
	return 0, fmt.Errorf("no port is free")
}
