package replicas

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/metrics"
)

var errNoRelay = errors.New("no relay")

// wire connects the buses of a test. As with NATS, no bus receives its own broadcasts.
type wire struct {
	mu          sync.Mutex
	subscribers map[string]map[string]func(string, []byte) // what, by
	handlers    map[string]func(context.Context, []byte) []byte
	ready       map[string]func() bool
}

type bus struct {
	*wire
	me string
}

func (b *bus) ProcessID() string { return b.me }

func (b *bus) Broadcast(what string, data []byte) error {
	b.mu.Lock()
	var fns []func(string, []byte)
	for by, fn := range b.subscribers[what] {
		if by != b.me {
			fns = append(fns, fn)
		}
	}
	b.mu.Unlock()
	for _, fn := range fns {
		fn(b.me, slices.Clone(data))
	}
	return nil
}

func (b *bus) Subscribe(what string, fn func(string, []byte)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subscribers[what] == nil {
		b.subscribers[what] = make(map[string]func(string, []byte))
	}
	b.subscribers[what][b.me] = fn
	return nil
}

func (b *bus) Order(ctx context.Context, to string, data []byte) ([]byte, error) {
	b.mu.Lock()
	do, ready := b.handlers[to], b.ready[to]
	b.mu.Unlock()
	if do == nil || !ready() {
		return nil, errNoRelay
	}
	return do(ctx, data), nil
}

func (b *bus) Serve(to string, ready func() bool, do func(context.Context, []byte) []byte) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handlers[to], b.ready[to] = do, ready
	return func() {}, nil
}

type relay struct {
	*Group
	tail     *metrics.Tail
	delivers bool
	stored   int64
}

func two(t *testing.T) (a, b *relay) {
	t.Helper()
	w := &wire{subscribers: make(map[string]map[string]func(string, []byte)), handlers: make(map[string]func(context.Context, []byte) []byte), ready: make(map[string]func() bool)}
	made := func(name string) *relay {
		r := &relay{tail: new(metrics.Tail)}
		var err error
		r.Group, err = New(Options{
			Bus: &bus{w, name}, Name: name + ":8585", Tail: r.tail, Delivers: func() bool { return r.delivers },
			Self: func() Beat {
				return Beat{Version: "1", Mapping: "m" + name, Stored: r.stored, Lanes: []drain.LaneStatus{{Lane: "701", State: drain.Throttled}}, Totals: api.Totals{Delivered: 7}}
			},
			Errors: func(err error) Failed {
				if errors.Is(err, errNoRelay) {
					return FailedNobody
				}
				return FailedElse
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return made("a"), made("b")
}

// A relay shows the lanes from the last beat of the relay that delivers.
func TestBeats(t *testing.T) {
	a, b := two(t)
	a.delivers, a.stored, b.stored = true, 5, 3
	if _, ok := b.Delivering(); ok {
		t.Error("a relay without a beat delivers")
	}
	a.Beat()
	b.Beat()
	a.stored = 9
	a.Beat()
	there, ok := b.Delivering()
	if !ok || len(there.Lanes) != 1 || there.Lanes[0].State != drain.Throttled || there.Totals.Delivered != 7 {
		t.Errorf("%+v %v", there, ok)
	}
	if _, ok := a.Delivering(); ok {
		t.Error("the relay that delivers returns the state of another one")
	}
	if n := b.Stored(); n != 4 {
		t.Errorf("the others have stored %d since the first beat, want 4", n)
	}
	all := b.Relays()
	if len(all) != 2 || !all[0].Here || all[0].Delivers || all[0].Name != "b:8585" || !all[1].Delivers || all[1].Name != "a:8585" || all[1].Mapping != "ma" || all[1].Stored != 9 {
		t.Errorf("%+v", all)
	}
	a.delivers = false // the lease is lost
	a.Beat()
	if _, ok := b.Delivering(); ok {
		t.Error("a relay that lost the lease delivers")
	}
}

// A relay that was killed and started again is shown once.
func TestRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two(t)
		b.Beat()
		b.o.Bus = &bus{b.o.Bus.(*bus).wire, "b started again"}
		time.Sleep(beatEvery)
		b.Beat()
		if all := a.Relays(); len(all) != 3 {
			t.Errorf("of two relays with one name, one is not shown while both can be running: %+v", all)
		}
		time.Sleep(beatEvery + time.Millisecond)
		b.Beat()
		if all := a.Relays(); len(all) != 2 || all[1].SeenSeconds != 0 {
			t.Errorf("%+v", all)
		}
	})
}

// A relay that stops is no longer shown, at once.
func TestStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		synctest.Wait()
		if all := b.Relays(); len(all) != 2 {
			t.Errorf("%+v", all)
		}
		cancel()
		if err := <-done; err != nil || len(b.Relays()) != 1 {
			t.Errorf("%v %+v", err, b.Relays())
		}
		a.Beat() // too late: it has said that it stops
		if all := b.Relays(); len(all) != 1 {
			t.Errorf("%+v", all)
		}
	})
}

// An order is carried out by the relay that delivers. It names the relay and the person that gave it, and the answer
// the relay that carried it out.
func TestOrders(t *testing.T) {
	a, b := two(t)
	var got access.Order
	do := func(_ context.Context, o *access.Order) access.Answer {
		got = *o
		return access.Answer{Status: 200, Body: []byte("{}"), Count: 3}
	}
	o := access.Order{Method: "POST", Target: "/api/v1/lanes/701/pause", Who: "uid 1000"}
	var not *NotDoneError
	if _, err := b.Order(t.Context(), &o); !errors.As(err, &not) || not.InDoubt {
		t.Errorf("no relay delivers: %v", err)
	}
	if _, err := a.ServeDelivery(do); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Order(t.Context(), &o); !errors.As(err, &not) {
		t.Errorf("the lease is not held: %v", err)
	}
	a.delivers = true
	ans, err := b.Order(t.Context(), &o)
	if err != nil || ans.By != "a:8585" || ans.Count != 3 || got.At != "b:8585" || got.Who != "uid 1000" {
		t.Errorf("%+v %+v %v", ans, got, err)
	}
	if err := a.Serve(do); err != nil {
		t.Fatal(err)
	}
	a.Beat()
	all := b.Others(t.Context(), o)
	if len(all) != 1 || all[0].Name != "a:8585" || all[0].Err != nil || all[0].Answer.Count != 3 {
		t.Errorf("%+v", all)
	}
}

// A watcher at one relay sees the outcomes of another, each once. If there are too many, it
// gets the number of the rest.
func TestTailElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two(t)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		w := b.tail.Watch()
		b.Beat()
		running.Go(func() { _ = a.Run(ctx) })
		running.Go(func() { _ = b.Run(ctx) })
		synctest.Wait()
		const n = tailMost + 50
		d := drain.Delivery{EventSet: "701"}
		for i := range n {
			d.Items = append(d.Items, drain.Delivered{MessageID: fmt.Sprint("m", i)})
		}
		a.tail.Delivery(d)
		time.Sleep(2 * tailEvery) // the bubble's clock
		synctest.Wait()
		got := 0
		for len(w.C) > 0 {
			if o := <-w.C; o.Outcome != "delivered" {
				t.Fatalf("%+v", o)
			}
			got++
		}
		if missed := w.Missed(); got != tailMost || missed != n-tailMost {
			t.Errorf("%d outcomes and %d missed, want %d and %d", got, missed, tailMost, n-tailMost)
		}
	})
}
