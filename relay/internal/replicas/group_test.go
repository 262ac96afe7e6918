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

var errNobody = errors.New("nobody")

// wire joins the buses of a test. Its own words reach nobody, as with NATS.
type wire struct {
	mu     sync.Mutex
	hears  map[string]map[string]func(string, []byte) // what, by
	serves map[string]func(context.Context, []byte) []byte
	ready  map[string]func() bool
}

type bus struct {
	*wire
	me string
}

func (b *bus) ProcessID() string { return b.me }

func (b *bus) Broadcast(what string, data []byte) error {
	b.mu.Lock()
	var fns []func(string, []byte)
	for by, fn := range b.hears[what] {
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
	if b.hears[what] == nil {
		b.hears[what] = make(map[string]func(string, []byte))
	}
	b.hears[what][b.me] = fn
	return nil
}

func (b *bus) Order(ctx context.Context, to string, data []byte) ([]byte, error) {
	b.mu.Lock()
	do, ready := b.serves[to], b.ready[to]
	b.mu.Unlock()
	if do == nil || !ready() {
		return nil, errNobody
	}
	return do(ctx, data), nil
}

func (b *bus) Serve(to string, ready func() bool, do func(context.Context, []byte) []byte) (func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serves[to], b.ready[to] = do, ready
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
	w := &wire{hears: make(map[string]map[string]func(string, []byte)), serves: make(map[string]func(context.Context, []byte) []byte), ready: make(map[string]func() bool)}
	made := func(name string) *relay {
		r := &relay{tail: new(metrics.Tail)}
		var err error
		r.Group, err = New(Options{
			Bus: &bus{w, name}, Name: name + ":8585", Tail: r.tail, Delivers: func() bool { return r.delivers },
			Self: func() Beat {
				return Beat{Version: "1", Mapping: "m" + name, Stored: r.stored, Lanes: []drain.LaneStatus{{Lane: "701", State: drain.Throttled}}, Totals: api.Totals{Delivered: 7}}
			},
			Errors: func(err error) Failed {
				if errors.Is(err, errNobody) {
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

// What the relay that delivers tells of itself is what another one shows of the lanes.
func TestBeats(t *testing.T) {
	a, b := two(t)
	a.delivers, a.stored, b.stored = true, 5, 3
	if _, ok := b.Delivering(); ok {
		t.Error("who was not heard of delivers")
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
		t.Error("the one that delivers asks another")
	}
	if n := b.Stored(); n != 4 {
		t.Errorf("%d stored elsewhere since the first beat", n)
	}
	all := b.Relays()
	if len(all) != 2 || !all[0].Here || all[0].Delivers || all[0].Name != "b:8585" || !all[1].Delivers || all[1].Name != "a:8585" || all[1].Mapping != "ma" || all[1].Stored != 9 {
		t.Errorf("%+v", all)
	}
	a.delivers = false // the lease is lost
	a.Beat()
	if _, ok := b.Delivering(); ok {
		t.Error("who has lost the lease delivers")
	}
}

// A relay that was killed and is started again is one of them, not two.
func TestRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := two(t)
		b.Beat()
		b.o.Bus = &bus{b.o.Bus.(*bus).wire, "b started again"}
		time.Sleep(beatEvery)
		b.Beat()
		if all := a.Relays(); len(all) != 3 {
			t.Errorf("one of two that may have the same name is not shown: %+v", all)
		}
		time.Sleep(beatEvery + time.Millisecond)
		b.Beat()
		if all := a.Relays(); len(all) != 2 || all[1].SeenSeconds != 0 {
			t.Errorf("%+v", all)
		}
	})
}

// A relay that stops is none of them any more, at once.
func TestStops(t *testing.T) {
	a, b := two(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	for len(b.Relays()) < 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil || len(b.Relays()) != 1 {
		t.Errorf("%v %+v", err, b.Relays())
	}
}

// An order is done by the relay that delivers, and says who was asked and who did it.
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
		t.Errorf("nobody delivers: %v", err)
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

// Who watches at one relay sees what happens at another, once; of too much, how much.
func TestTailElsewhere(t *testing.T) {
	a, b := two(t)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	w := b.tail.Watch()
	b.Beat()
	running.Go(func() { _ = a.Run(ctx) })
	running.Go(func() { _ = b.Run(ctx) })
	for !a.tail.Watched() {
		time.Sleep(time.Millisecond)
	}
	const n = tailMost + 50
	d := drain.Delivery{EventSet: "701"}
	for i := range n {
		d.Items = append(d.Items, drain.Delivered{MessageID: fmt.Sprint("m", i)})
	}
	a.tail.Delivery(d)
	got, missed := 0, 0
	for got+missed < n {
		select {
		case o := <-w.C:
			if got++; o.Outcome != "delivered" {
				t.Fatalf("%+v", o)
			}
		case <-time.After(10 * time.Millisecond):
			missed += w.Missed()
		}
	}
	if got < tailMost || got+missed != n {
		t.Errorf("%d and %d missed of %d", got, missed, n)
	}
}
