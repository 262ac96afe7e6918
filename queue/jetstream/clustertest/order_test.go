package clustertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"relay/queue/jetstream"
)

// An order is executed once by the process that serves its name, whichever servers carry it. The
// sender learns if no process takes it, and if the process that started it is gone.
func TestOrders(t *testing.T) {
	t.Parallel()
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	a, b := c.open("orders"), c.open("orders")
	var serves atomic.Bool
	var did atomic.Int32
	started := make(chan struct{}, 10)
	stop, err := b.Serve("delivers", serves.Load, func(ctx context.Context, data []byte) []byte {
		did.Add(1)
		started <- struct{}{}
		select {
		case <-time.After(4 * time.Second):
		case <-ctx.Done():
			return []byte("ended")
		}
		return append([]byte("did "), data...)
	})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := a.Order(t.Context(), "delivers", []byte("x")); !errors.Is(err, jetstream.ErrNotTaken) || time.Since(start) > 2*jetstream.OrderPatience {
		t.Errorf("without a process that serves: %v after %v", err, time.Since(start))
	}
	serves.Store(true)
	var wg sync.WaitGroup
	for i := range 3 { // one after another the servers are killed while orders run
		wg.Go(func() {
			out, err := a.Order(t.Context(), "delivers", fmt.Append(nil, i))
			if want := fmt.Sprint("did ", i); err != nil || string(out) != want {
				t.Errorf("result %q, want %q: %v", out, want, err)
			}
		})
		<-started
		c.kill(i)
		wg.Wait()
		c.start(i)
		c.settled()
	}
	if n := did.Load(); n != 3 {
		t.Errorf("3 orders were executed %d times", n)
	}
	wg.Go(func() {
		if out, err := a.Order(t.Context(), "delivers", nil); err != nil || string(out) != "ended" {
			t.Errorf("%q: %v", out, err)
		}
	})
	<-started
	stop()
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := a.Order(ctx, "delivers", nil); err == nil {
		t.Error("an order was executed after stop")
	}
	if _, err := b.Serve("delivers", serves.Load, func(ctx context.Context, _ []byte) []byte { started <- struct{}{}; <-ctx.Done(); return nil }); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		if _, err := a.Order(t.Context(), "delivers", nil); !errors.Is(err, jetstream.ErrUnanswered) {
			t.Errorf("the process that took the order is gone: %v", err)
		}
	})
	<-started
	time.Sleep(1500 * time.Millisecond) // the first progress report comes at once, the next after a second
	for i := range c.all {              // nothing arrives from b any more, as if it were killed
		c.kill(i)
	}
	wg.Wait()
}

// A broadcast reaches every other process once, over whichever server.
func TestBroadcast(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	a, b := c.opened(t, "say"), c.opened(t, "say")
	var mu sync.Mutex
	var heard []string
	if err := b.Subscribe("x", func(by string, data []byte) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, string(data))
		if by != a.ProcessID() {
			t.Errorf("broadcast by %q", by)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Subscribe("x", func(string, []byte) { t.Error("a process received its own broadcast") }); err != nil {
		t.Fatal(err)
	}
	soon(t, "nothing is heard", func() bool {
		if err := a.Broadcast("x", []byte("hello")); err != nil {
			t.Error(err)
		}
		time.Sleep(200 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		return len(heard) > 0
	})
	mu.Lock()
	before := len(heard)
	mu.Unlock()
	for i := range 100 {
		if err := a.Broadcast("x", fmt.Append(nil, i)); err != nil {
			t.Error(err)
		}
	}
	time.Sleep(time.Second)
	mu.Lock()
	defer mu.Unlock()
	if len(heard) != before+100 {
		t.Errorf("received %d of 100 broadcasts", len(heard)-before)
	}
}

// If the log is sealed, a process without the key cannot give orders.
func TestOrdersAreSealed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, true)
	o := jetstream.Options{URLs: c.urls, Monitor: c.monitor, Name: "sealed", MaxSize: 48 << 20, DeadMaxSize: 8 << 20, Key: make([]byte, 32)}
	o.Key[0] = 1
	l, err := openLog(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Serve("delivers", func() bool { return true }, func(context.Context, []byte) []byte { t.Error("the order was executed"); return nil }); err != nil {
		t.Fatal(err)
	}
	if plainOrder(t, c, "sealed.order.delivers") {
		t.Error("an order that is not sealed was answered")
	}
}

// plainOrder sends an order as a process without a key would, and reports whether it is answered.
func plainOrder(t *testing.T, c *cluster, subject string) bool {
	t.Helper()
	nc := natsClient(t, c.urls[0])
	_, err := nc.RequestMsg(&nats.Msg{Subject: subject, Header: nats.Header{"Relay-Order": {"x"}}, Data: append([]byte{0, 0, 0, 0}, `{"method":"POST"}`...)}, 2*time.Second)
	return err == nil
}
