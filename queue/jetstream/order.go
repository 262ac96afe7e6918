package jetstream

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"relay/internal/seal"
	"relay/queue"
)

// Processes that share a log give each other orders. An order is not stored: it goes over
// the servers to who serves its name, who says every second that it is being done, and
// then what came of it. It is done once, however often it is asked for; who has begun it is the only one
// that is asked again.
//
//	NAME.order.TO    an order, with its id; sealed as chunks are
//	NAME.say.WHAT    what a process tells all others; it comes once, or not at all
const (
	orderID  = "Relay-Order"
	orderBy  = "Relay-By"    // the process that answers, or has begun
	orderEnd = "Relay-End"   // the answer is what came of it
	sayCount = "Relay-Count" // numbers what a process says

	orderHop  = time.Second      // without an answer; then another server carries it
	orderBeat = time.Second      // between two answers that say that it is being done
	orderKept = 2 * time.Minute  // for how long an order that was done is known
	orderGone = 15 * time.Second // without a word of who has begun it: nobody knows how far it came
	orderMost = 64               // under way at once
)

// OrderPatience is for how long Order waits for somebody who takes an order.
const OrderPatience = 5 * time.Second

var (
	// ErrNobody says that nobody has taken an order: nothing was done.
	ErrNobody = errors.New("nobody takes the order")
	// ErrUnanswered says that who has taken an order is gone: it may be done or not.
	ErrUnanswered = errors.New("who took the order does not answer any more: it may be done, or not")
)

// Order has who serves a name do something, and gives the answer.
func (l *Log) Order(ctx context.Context, to string, data []byte) ([]byte, error) {
	a := asking{Log: l, subject: l.o.Name + ".order." + to, id: rand.Text(), answers: make(chan *nats.Msg, 256), heard: time.Now()}
	var err error
	if a.data, err = l.ring.Seal(nil, "order", 0, []byte(a.subject), data); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	if len(a.data) > minPayload-4096 {
		return nil, fmt.Errorf("an order of %d bytes: %w", len(data), queue.ErrInvalid)
	}
	defer a.end()
	for try := 0; ; try++ {
		a.ask(try)
		done, err := a.listen(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("order: %w", err)
		case done != nil:
			out, err := l.unseal("order", 1, a.id, done.Data)
			if err != nil {
				return nil, fmt.Errorf("read what came of the order: %w", err)
			}
			return out, nil
		case a.by == "" && time.Since(a.heard) > OrderPatience:
			return nil, ErrNobody
		case a.by != "" && time.Since(a.heard) > orderGone:
			return nil, ErrUnanswered
		}
	}
}

// asking is an order as who gives it sees it.
type asking struct {
	*Log
	subject, id string
	data        []byte
	answers     chan *nats.Msg
	subs        []*nats.Subscription
	by          string    // who has begun it
	heard       time.Time // when it was last heard of, or given
}

func (a *asking) end() {
	for _, s := range a.subs {
		s.Unsubscribe() //nolint:errcheck // the connection may be gone by now
	}
}

// ask gives the order over one of the servers.
func (a *asking) ask(try int) {
	c, _ := a.servers.at(try)
	inbox := c.NewInbox()
	sub, err := c.ChanSubscribe(inbox, a.answers)
	if err != nil {
		return // the next one is tried
	}
	a.subs = append(a.subs, sub)
	m := &nats.Msg{Subject: a.subject, Reply: inbox, Header: nats.Header{orderID: {a.id}}, Data: a.data}
	if a.by != "" {
		m.Header.Set(orderBy, a.by)
	}
	c.PublishMsg(m) //nolint:errcheck // who does not answer is asked again
}

// listen waits for an answer over the server that was asked last. It gives the message
// of the end, or nil when another server shall carry the order.
func (a *asking) listen(ctx context.Context) (*nats.Msg, error) {
	hop := orderHop
	if a.by != "" {
		hop = 3 * orderBeat
	}
	t := time.NewTimer(hop)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-a.ctx.Done():
			return nil, queue.ErrClosed
		case <-t.C:
			return nil, nil
		case m := <-a.answers:
			by := m.Header.Get(orderBy)
			switch {
			case by == "": // the server knows nobody who serves the name
				t.Reset(200 * time.Millisecond)
				continue
			case a.by != "" && by != a.by:
				continue
			case m.Header.Get(orderEnd) != "":
				return m, nil
			}
			a.by, a.heard = by, time.Now()
			t.Reset(3 * orderBeat)
		}
	}
}

// Serve does the orders that come for a name, while ready says so, until stop is called or
// the log is closed. The context of one ends then; what came of it by then is still told.
func (l *Log) Serve(to string, ready func() bool, do func(ctx context.Context, data []byte) []byte) (stop func(), err error) {
	s := &serving{Log: l, subject: l.o.Name + ".order." + to, ready: ready, do: do, known: make(map[string]*order)}
	s.ctx, s.cancel = context.WithCancel(l.ctx)
	for _, c := range l.servers.conns {
		sub, err := c.Subscribe(s.subject, func(m *nats.Msg) { s.take(c, m) })
		if err != nil {
			s.stop()
			return nil, fmt.Errorf("serve orders: %w", err)
		}
		s.subs = append(s.subs, sub)
	}
	return s.stop, nil
}

// serving is a name that orders are done for.
type serving struct {
	*Log
	subject string
	ready   func() bool
	do      func(ctx context.Context, data []byte) []byte
	subs    []*nats.Subscription
	ctx     context.Context //nolint:containedctx // of the orders that are done: they come without one
	cancel  context.CancelFunc

	orders sync.Mutex
	known  map[string]*order
}

// order is one that is done here, or was.
type order struct {
	id   string
	done chan struct{}
	at   time.Time // when it was done; under serving.orders
	out  []byte
}

func (s *serving) stop() {
	for _, sub := range s.subs {
		sub.Unsubscribe() //nolint:errcheck // the connection may be gone by now
	}
	s.cancel()
}

// take answers one message that asks for an order: it may have been asked for before.
func (s *serving) take(c *nats.Conn, m *nats.Msg) {
	id, by := m.Header.Get(orderID), m.Header.Get(orderBy)
	if id == "" || m.Reply == "" || by != "" && by != s.me {
		return
	}
	data, err := s.unseal("order", 0, s.subject, m.Data)
	if err != nil {
		return // it is no order, or this process lacks the key: another one may have it
	}
	o := s.begin(id, by != "", data)
	if o == nil {
		return
	}
	s.goWhileOpen(func() { s.answer(c, m.Reply, o) })
}

// begin finds the order, or begins it; nil: it is not for this process.
func (s *serving) begin(id string, begun bool, data []byte) *order {
	s.orders.Lock()
	defer s.orders.Unlock()
	under := 0
	for id, o := range s.known {
		switch {
		case o.at.IsZero():
			under++
		case time.Since(o.at) > orderKept:
			delete(s.known, id)
		}
	}
	if o := s.known[id]; o != nil {
		return o
	}
	if begun || !s.ready() || s.ctx.Err() != nil || under >= orderMost {
		return nil
	}
	o := &order{id: id, done: make(chan struct{})}
	if !s.goWhileOpen(func() {
		out := s.do(s.ctx, data)
		s.orders.Lock()
		o.out, o.at = out, time.Now()
		s.orders.Unlock()
		close(o.done)
	}) {
		return nil
	}
	s.known[id] = o
	return o
}

// answer says that the order is being done, and then what came of it.
func (s *serving) answer(c *nats.Conn, to string, o *order) {
	say := func(end string, data []byte) {
		h := nats.Header{orderBy: {s.me}}
		if end != "" {
			h.Set(orderEnd, end)
		}
		c.PublishMsg(&nats.Msg{Subject: to, Header: h, Data: data}) //nolint:errcheck // who hears nothing asks again
	}
	every := time.NewTicker(orderBeat)
	defer every.Stop()
	for {
		select {
		case <-o.done:
			sealed, err := s.ring.Seal(nil, "order", 1, []byte(o.id), o.out)
			if err == nil {
				say("done", sealed)
			}
			return
		case <-s.Log.ctx.Done():
			return
		default:
		}
		say("", nil)
		select {
		case <-o.done:
		case <-every.C:
		case <-s.Log.ctx.Done():
			return
		}
	}
}

// goWhileOpen runs fn in a goroutine that Close waits for; false: the log is closed.
func (l *Log) goWhileOpen(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.wg.Go(fn)
	return true
}

// unseal opens what another process says, which is sealed where this one seals: whoever
// may write to the servers, and has no key, gives no orders.
func (l *Log) unseal(purpose string, n uint64, bound string, b []byte) ([]byte, error) {
	plain, err := l.ring.Open(purpose, n, []byte(bound), b)
	if err == nil && len(b) == len(plain)+4 && l.ring.Keys().Current() != 0 {
		err = fmt.Errorf("%w: it is not sealed", seal.ErrDamaged)
	}
	return plain, err
}
