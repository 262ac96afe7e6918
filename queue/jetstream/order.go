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

// Processes that share a log send each other orders. An order is not stored. It goes over the
// servers to the process that serves its name, which reports every second that it is working on it,
// and then the result. It is executed once however often it is sent; once a process has started it,
// only that process is asked again.
//
//	NAME.order.TO    an order, with its id; sealed like chunks
//	NAME.say.WHAT    a broadcast; it arrives once or not at all
const (
	headerOrder   = "Relay-Order"
	headerProcess = "Relay-By"    // the process that sends, or that started the order
	headerDone    = "Relay-End"   // the answer is the result
	headerCount   = "Relay-Count" // numbers the broadcasts of a process

	orderRetry      = time.Second      // time without an answer before another server is tried
	orderProgress   = time.Second      // interval between progress reports
	orderRemembered = 2 * time.Minute  // how long a finished order is remembered
	orderSilence    = 15 * time.Second // silence of the executing process after which the outcome is unknown
	maxOrders       = 64               // being executed at once
)

// OrderPatience is how long Order waits for a process that takes the order.
const OrderPatience = 5 * time.Second

var (
	// ErrNotTaken means that no process took the order: nothing was done.
	ErrNotTaken = errors.New("no relay takes the order")
	// ErrUnanswered means that the process that took the order stopped answering: the order may or
	// may not have been executed.
	ErrUnanswered = errors.New("the relay that took the order stopped answering: it may or may not have been done")
)

// Order makes the process that serves the name to execute an order, and returns the result.
func (l *Log) Order(ctx context.Context, to string, data []byte) ([]byte, error) {
	a := outgoingOrder{Log: l, subject: l.options.Name + ".order." + to, id: rand.Text(), answers: make(chan *nats.Msg, 256), heardAt: time.Now()}
	var err error
	if a.data, err = l.ring.Seal(nil, "order", 0, []byte(a.subject), data); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	if len(a.data) > minPayload-4096 {
		return nil, fmt.Errorf("an order of %d bytes: %w", len(data), queue.ErrInvalid)
	}
	defer a.close()
	for try := 0; ; try++ {
		a.send(try)
		done, err := a.awaitAnswer(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("order: %w", err)
		case done != nil:
			out, err := l.openSealed("order", 1, a.id, done.Data)
			if err != nil {
				return nil, fmt.Errorf("read the result of the order: %w", err)
			}
			return out, nil
		case a.takenBy == "" && time.Since(a.heardAt) > OrderPatience:
			return nil, ErrNotTaken
		case a.takenBy != "" && time.Since(a.heardAt) > orderSilence:
			return nil, ErrUnanswered
		}
	}
}

// outgoingOrder is an order on the sending side.
type outgoingOrder struct {
	*Log
	subject, id string
	data        []byte
	answers     chan *nats.Msg
	subs        []*nats.Subscription
	takenBy     string    // the process that started it
	heardAt     time.Time // when its progress was last reported, or when it was sent
}

func (a *outgoingOrder) close() {
	for _, s := range a.subs {
		s.Unsubscribe() //nolint:errcheck // the connection may be gone by now
	}
}

// send sends the order through one of the servers.
func (a *outgoingOrder) send(try int) {
	c, _ := a.servers.nth(try)
	inbox := c.NewInbox()
	sub, err := c.ChanSubscribe(inbox, a.answers)
	if err != nil {
		return // the next server is tried
	}
	a.subs = append(a.subs, sub)
	m := &nats.Msg{Subject: a.subject, Reply: inbox, Header: nats.Header{headerOrder: {a.id}}, Data: a.data}
	if a.takenBy != "" {
		m.Header.Set(headerProcess, a.takenBy)
	}
	c.PublishMsg(m) //nolint:errcheck // without an answer it is sent again
}

// awaitAnswer waits for an answer through the server used last. It returns the final message, or
// nil if the order should be sent through another server.
func (a *outgoingOrder) awaitAnswer(ctx context.Context) (*nats.Msg, error) {
	hop := orderRetry
	if a.takenBy != "" {
		hop = 3 * orderProgress
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
			by := m.Header.Get(headerProcess)
			switch {
			case by == "": // the server knows no process that serves the name
				t.Reset(200 * time.Millisecond)
				continue
			case a.takenBy != "" && by != a.takenBy:
				continue
			case m.Header.Get(headerDone) != "":
				return m, nil
			}
			a.takenBy, a.heardAt = by, time.Now()
			t.Reset(3 * orderProgress)
		}
	}
}

// Serve executes the orders for a name, while ready returns true, until stop is called or the log
// is closed. The context of a running order then ends; its result is still sent.
func (l *Log) Serve(to string, ready func() bool, do func(ctx context.Context, data []byte) []byte) (stop func(), err error) {
	s := &orderServer{Log: l, subject: l.options.Name + ".order." + to, ready: ready, do: do, orders: make(map[string]*order)}
	s.ctx, s.cancel = context.WithCancel(l.ctx)
	for _, c := range l.servers.conns {
		sub, err := c.Subscribe(s.subject, func(m *nats.Msg) { s.receive(c, m) })
		if err != nil {
			s.stop()
			return nil, fmt.Errorf("serve orders: %w", err)
		}
		s.subs = append(s.subs, sub)
	}
	return s.stop, nil
}

// orderServer executes the orders for a name.
type orderServer struct {
	*Log
	subject string
	ready   func() bool
	do      func(ctx context.Context, data []byte) []byte
	subs    []*nats.Subscription
	ctx     context.Context //nolint:containedctx // for the orders executed: they arrive without one
	cancel  context.CancelFunc

	mu     sync.Mutex
	orders map[string]*order
}

// order is an order that is executed here, or was.
type order struct {
	id     string
	done   chan struct{}
	doneAt time.Time // when it finished; guarded by orderServer.mu
	result []byte
}

func (s *orderServer) stop() {
	for _, sub := range s.subs {
		sub.Unsubscribe() //nolint:errcheck // the connection may be gone by now
	}
	s.cancel()
}

// receive handles one message with an order, which may be a repetition.
func (s *orderServer) receive(c *nats.Conn, m *nats.Msg) {
	id, by := m.Header.Get(headerOrder), m.Header.Get(headerProcess)
	if id == "" || m.Reply == "" || by != "" && by != s.processID {
		return
	}
	data, err := s.openSealed("order", 0, s.subject, m.Data)
	if err != nil {
		return // not an order, or this process lacks the key: another process may have it
	}
	o := s.start(id, by != "", data)
	if o == nil {
		return
	}
	s.goUntilClosed(func() { s.report(c, m.Reply, o) })
}

// start finds or starts the order; nil if it is not for this process.
func (s *orderServer) start(id string, begun bool, data []byte) *order {
	s.mu.Lock()
	defer s.mu.Unlock()
	running := 0
	for id, o := range s.orders {
		switch {
		case o.doneAt.IsZero():
			running++
		case time.Since(o.doneAt) > orderRemembered:
			delete(s.orders, id)
		}
	}
	if o := s.orders[id]; o != nil {
		return o
	}
	if begun || !s.ready() || s.ctx.Err() != nil || running >= maxOrders {
		return nil
	}
	o := &order{id: id, done: make(chan struct{})}
	if !s.goUntilClosed(func() {
		out := s.do(s.ctx, data)
		s.mu.Lock()
		o.result, o.doneAt = out, time.Now()
		s.mu.Unlock()
		close(o.done)
	}) {
		return nil
	}
	s.orders[id] = o
	return o
}

// report sends progress and then the result.
func (s *orderServer) report(c *nats.Conn, to string, o *order) {
	send := func(end string, data []byte) {
		h := nats.Header{headerProcess: {s.processID}}
		if end != "" {
			h.Set(headerDone, end)
		}
		c.PublishMsg(&nats.Msg{Subject: to, Header: h, Data: data}) //nolint:errcheck // without an answer the sender asks again
	}
	every := time.NewTicker(orderProgress)
	defer every.Stop()
	for {
		select {
		case <-o.done:
			sealed, err := s.ring.Seal(nil, "order", 1, []byte(o.id), o.result)
			if err == nil {
				send("done", sealed)
			}
			return
		case <-s.Log.ctx.Done():
			return
		default:
		}
		send("", nil)
		select {
		case <-o.done:
		case <-every.C:
		case <-s.Log.ctx.Done():
			return
		}
	}
}

// goUntilClosed runs fn in a goroutine that Close waits for. It returns false if the log is closed.
func (l *Log) goUntilClosed(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.wg.Go(fn)
	return true
}

// openSealed opens data from another process. If this process seals, the data must be sealed:
// otherwise anyone who can write to the servers could give orders without the key.
func (l *Log) openSealed(purpose string, n uint64, bound string, b []byte) ([]byte, error) {
	plain, err := l.ring.Open(purpose, n, []byte(bound), b)
	if err == nil && len(b) == len(plain)+4 && l.ring.Keys().Current() != 0 {
		err = fmt.Errorf("%w: the message is not sealed", seal.ErrDamaged)
	}
	return plain, err
}
