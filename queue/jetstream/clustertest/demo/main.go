// Command demo shows on one machine, in about half a minute, a hub that survives the loss of any
// machine: three NATS servers, two relays that share a queue on them, three stores' relays that
// forward to the two, and relay's simulator of Meta. It kills the delivering relay and a server,
// and checks the counts at the end.
//
//	go run -C queue/jetstream/clustertest ./demo
//
// Each part is a separate process. Their files are in a temporary directory that is removed at the
// end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"relay/queue/jetstream/clustertest/rig"
)

func main() {
	if text := os.Getenv(rig.NodeEnv); text != "" {
		rig.Serve(text)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// How long sales are made, and when something fails.
const (
	killsRelay  = 4 * time.Second
	killsServer = 8 * time.Second
	startsAgain = 14 * time.Second
	salesEnd    = 22 * time.Second
	patience    = 60 * time.Second // for what is still pending then
)

// show is a running demo.
type show struct {
	ctx     context.Context
	out     io.Writer
	dir     string
	program string
	start   time.Time

	servers [3]*rig.Node
	graph   string // URL of the simulator of Meta
	hub     []*relay
	stores  []*relay

	simulator *relay
	balancer  *rig.Balancer
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "relay-demo-")
	if err != nil {
		return fmt.Errorf("create a directory: %w", err)
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w (the logs are in %s)", err, dir)
			return
		}
		os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	}()
	s := &show{ctx: ctx, out: out, dir: dir}
	fmt.Fprintln(out, "Building relay.")
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "relay").Output()
	if err != nil {
		return fmt.Errorf("find relay's source (run it with go run -C queue/jetstream/clustertest ./demo): %w", err)
	}
	if s.program, err = rig.Build(strings.TrimSpace(string(root)), dir); err != nil {
		return err
	}
	s.start = time.Now()
	defer s.end()
	return s.play()
}

// say prints what happens, with the time.
func (s *show) say(format string, a ...any) {
	fmt.Fprintf(s.out, "%5.1f s  %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, a...))
}

func (s *show) play() error {
	if err := s.open(); err != nil {
		return err
	}
	first, second := s.hub[0], s.hub[1]
	selling, stop := context.WithCancel(s.ctx)
	defer stop()
	began := time.Now()
	var tills []*till
	for i, r := range s.stores {
		tills = append(tills, sell(selling, i, r))
	}
	s.say("Three tills make sales. Each store's relay answers 200 once a sale is on its disk, and forwards it.")
	at := func(d time.Duration) error { return s.sleep(time.Until(began.Add(d))) }

	if err := at(killsRelay); err != nil {
		return err
	}
	first.kill()
	s.say("kill -9 of %s, which delivers. The stores forward to %s; it delivers once it has seen no sign of the other for 15 s.", first.name, second.name)
	if err := at(killsServer); err != nil {
		return err
	}
	s.servers[2].Kill()
	s.say("kill -9 of one of the three servers. The other two have everything.")
	if err := at(startsAgain); err != nil {
		return err
	}
	if err := s.servers[2].Start(); err != nil {
		return err
	}
	if err := first.start(s.ctx, s.program); err != nil {
		return err
	}
	s.say("The server and %s are started again.", first.name)
	if err := s.until(patience, second.name+" does not take over", second.delivers); err != nil {
		return err
	}
	s.say("%s delivers: first what was on its way, unchanged, then the rest.", second.name)
	if err := at(salesEnd); err != nil {
		return err
	}
	stop()
	s.say("The tills stop.")
	return s.count(tills)
}

// open starts all processes.
func (s *show) open() error {
	s.say("Three NATS servers start, each with a disk of its own.")
	nodes, err := rig.Nodes(s.dir)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		s.servers[i] = n
		if err := n.Start(); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := s.until(patience, "a NATS server does not start", n.Well); err != nil {
			return err
		}
	}
	if err := s.simulate(); err != nil {
		return err
	}
	for i := range 2 {
		r, err := s.hubRelay(i)
		if err != nil {
			return err
		}
		s.hub = append(s.hub, r)
		if err := r.start(s.ctx, s.program); err != nil {
			return err
		}
		if i == 0 {
			if err := s.until(patience, r.name+" does not deliver", r.delivers); err != nil {
				return err
			}
		}
	}
	s.say("%s and %s share a queue on them, behind a balancer. %s delivers to Meta (the simulator).", s.hub[0].name, s.hub[1].name, s.hub[0].name)
	if s.balancer, err = rig.NewBalancer(s.hub[0].addr, s.hub[1].addr); err != nil {
		return err
	}
	for i := range 3 {
		r, err := s.storeRelay(i, s.balancer.URL())
		if err != nil {
			return err
		}
		s.stores = append(s.stores, r)
		if err := r.start(s.ctx, s.program); err != nil {
			return err
		}
	}
	return nil
}

// end stops all running processes.
func (s *show) end() {
	for _, r := range append(append([]*relay{}, s.stores...), s.hub...) {
		r.kill()
	}
	for _, n := range s.servers {
		if n != nil {
			n.Kill()
		}
	}
	if s.simulator != nil {
		s.simulator.kill()
	}
	if s.balancer != nil {
		s.balancer.Close()
	}
}

var errStopped = errors.New("stopped")

func (s *show) sleep(d time.Duration) error {
	select {
	case <-s.ctx.Done():
		return errStopped
	case <-time.After(d):
		return nil
	}
}

// until waits until ok, at most for a time.
func (s *show) until(most time.Duration, otherwise string, ok func() bool) error {
	for start := time.Now(); !ok(); {
		if time.Since(start) > most {
			return errors.New(otherwise)
		}
		if err := s.sleep(100 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// path returns a path in the demo's directory.
func (s *show) path(elem ...string) string { return filepath.Join(append([]string{s.dir}, elem...)...) }
