package rig

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Balancer forwards connections to relays in turn, skipping those that do not answer.
type Balancer struct {
	listener net.Listener
	targets  []string
	done     chan struct{}
	wg       sync.WaitGroup

	mu    sync.Mutex
	next  int
	well  map[string]bool
	conns map[net.Conn]bool
}

// NewBalancer starts a balancer in front of the relays at targets, host:port.
func NewBalancer(targets ...string) (*Balancer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	b := &Balancer{listener: l, targets: targets, done: make(chan struct{}), well: make(map[string]bool), conns: make(map[net.Conn]bool)}
	for _, t := range targets {
		b.wg.Go(func() { b.watch(t) })
	}
	b.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.wg.Go(func() { b.pass(c) })
		}
	})
	return b, nil
}

// URL is its address.
func (b *Balancer) URL() string { return "http://" + b.listener.Addr().String() }

// watch checks periodically whether a relay answers.
func (b *Balancer) watch(target string) {
	client := http.Client{Timeout: 500 * time.Millisecond, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get("http://" + target + "/nothing") //nolint:noctx // the client has a timeout
		if err == nil {
			resp.Body.Close()
		}
		b.mu.Lock()
		b.well[target] = err == nil
		b.mu.Unlock()
		select {
		case <-b.done:
			return
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// pick returns the next relay that answers.
func (b *Balancer) pick() (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.targets {
		t := b.targets[b.next%len(b.targets)]
		b.next++
		if b.well[t] {
			return t, true
		}
	}
	return "", false
}

func (b *Balancer) pass(c net.Conn) {
	defer c.Close()
	t, ok := b.pick()
	if !ok {
		return
	}
	up, err := net.DialTimeout("tcp", t, time.Second)
	if err != nil {
		return
	}
	defer up.Close()
	for _, c := range []net.Conn{c, up} {
		b.mu.Lock()
		b.conns[c] = true
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			delete(b.conns, c)
			b.mu.Unlock()
		}()
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{c, up}, {up, c}} {
		b.wg.Go(func() {
			io.Copy(way[0], way[1]) //nolint:errcheck // whoever ends it
			ended <- struct{}{}
		})
	}
	<-ended
}

// Close ends the balancer and its connections.
func (b *Balancer) Close() {
	close(b.done)
	b.listener.Close()
	b.mu.Lock()
	for c := range b.conns {
		c.Close()
	}
	b.mu.Unlock()
	b.wg.Wait()
}
