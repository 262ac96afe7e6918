package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Node is one of the servers: this program again, with NodeEnv set.
type Node struct {
	NodeOptions

	cmd   *exec.Cmd
	stdin io.Closer
}

// Nodes returns three servers that know each other, with their files in dir. They sync every write.
func Nodes(dir string) (all [3]*Node, err error) {
	for i := range all {
		n := &Node{NodeOptions: NodeOptions{Name: fmt.Sprint("n", i), Store: filepath.Join(dir, fmt.Sprint("n", i)), LogFile: filepath.Join(dir, fmt.Sprint("n", i, ".log")), Sync: true}}
		for _, port := range []*int{&n.Port, &n.HTTP, &n.Cluster} {
			if *port, err = FreePort(); err != nil {
				return all, err
			}
		}
		all[i] = n
	}
	for i, n := range all {
		for j, o := range all {
			if i != j {
				n.Routes = append(n.Routes, fmt.Sprint("nats://127.0.0.1:", o.Cluster))
			}
		}
	}
	return all, nil
}

// URL is its address for clients.
func (n *Node) URL() string { return fmt.Sprint("nats://127.0.0.1:", n.Port) }

// Monitor is the address where it answers /varz.
func (n *Node) Monitor() string { return fmt.Sprint("http://127.0.0.1:", n.HTTP) }

// Start starts its process.
func (n *Node) Start() error {
	text, err := json.Marshal(n.NodeOptions)
	if err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	n.cmd = exec.CommandContext(context.Background(), os.Args[0])
	n.cmd.Env = append(os.Environ(), NodeEnv+"="+string(text))
	n.cmd.Stderr = os.Stderr
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start a server: %w", err)
	}
	return nil
}

// Process is the process of a running server.
func (n *Node) Process() *os.Process { return n.cmd.Process }

// Kill is kill -9. It may be called twice.
func (n *Node) Kill() {
	if n.cmd == nil {
		return
	}
	n.cmd.Process.Kill() //nolint:errcheck // it may have ended
	n.cmd.Wait()         //nolint:errcheck // it was killed
	n.stdin.Close()
	n.cmd = nil
}

// Well reports whether the server's part of JetStream is healthy.
func (n *Node) Well() bool {
	client := http.Client{Timeout: time.Second}
	r, err := client.Get(n.Monitor() + "/healthz") //nolint:noctx // it has a timeout
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK
}
