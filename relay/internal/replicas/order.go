package replicas

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"relay/relay/internal/admin/access"
)

// delivers is the address of the relay that delivers.
const delivers = "delivers"

// Failed is the meaning of an error of Bus.Order.
type Failed int

// The meanings.
const (
	FailedElse    Failed = iota // another error
	FailedNobody                // no relay received the order: nothing was done
	FailedInDoubt               // the relay that received the order is gone
)

// NotDoneError says why another relay has not carried out an order.
type NotDoneError struct {
	InDoubt bool
	Err     error
}

func (e *NotDoneError) Error() string {
	if e.InDoubt {
		return "the relay that delivers received this and no longer answers, so it might have been done. Check `relay status`, then run it again"
	}
	return "no relay delivers at this moment, so nothing was changed. Another one takes over when the lease of the last one ends (queue.nats.lease, 30s): run it again then. If the error stays, `relay doctor` shows whether servers cannot be reached"
}

func (e *NotDoneError) Unwrap() error { return e.Err }

// Order has the relay that delivers carry out a command given to this one.
func (g *Group) Order(ctx context.Context, o *access.Order) (access.Answer, error) {
	a, err := g.order(ctx, delivers, o)
	switch g.o.Errors(err) {
	case FailedNobody:
		return a, &NotDoneError{Err: err}
	case FailedInDoubt:
		return a, &NotDoneError{InDoubt: true, Err: err}
	case FailedElse:
	}
	return a, err
}

func (g *Group) order(ctx context.Context, to string, o *access.Order) (a access.Answer, err error) {
	o.At = g.o.Name
	data, err := json.Marshal(o)
	if err != nil {
		return a, fmt.Errorf("write order: %w", err)
	}
	out, err := g.o.Bus.Order(ctx, to, data)
	if err != nil {
		return a, err //nolint:wrapcheck // says what it was about
	}
	if err := json.Unmarshal(out, &a); err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}

// Everywhere is the result of an order at another relay.
type Everywhere struct {
	Name   string
	Answer access.Answer
	Err    error
}

// Others has every other known relay carry out an order.
func (g *Group) Others(ctx context.Context, o access.Order) []Everywhere {
	g.mu.Lock()
	known := g.known()
	g.mu.Unlock()
	out := make([]Everywhere, len(known))
	var wg sync.WaitGroup
	for i, k := range known {
		wg.Go(func() {
			one := o
			out[i].Name = k.beat.Name
			out[i].Answer, out[i].Err = g.order(ctx, k.id, &one)
		})
	}
	wg.Wait()
	return out
}

// Serve carries out orders to this relay.
func (g *Group) Serve(do func(context.Context, *access.Order) access.Answer) error {
	_, err := g.o.Bus.Serve(g.o.Bus.ProcessID(), func() bool { return true }, g.orderHandler(do))
	return err //nolint:wrapcheck // says what it was about
}

// ServeDelivery carries out orders to the relay that delivers, until stop is called.
func (g *Group) ServeDelivery(do func(context.Context, *access.Order) access.Answer) (stop func(), err error) {
	return g.o.Bus.Serve(delivers, g.o.Delivers, g.orderHandler(do)) //nolint:wrapcheck // says what it was about
}

// orderHandler returns a function that reads an order, carries it out and encodes the answer.
func (g *Group) orderHandler(do func(context.Context, *access.Order) access.Answer) func(context.Context, []byte) []byte {
	return func(ctx context.Context, data []byte) []byte {
		var o access.Order
		var a access.Answer
		if err := json.Unmarshal(data, &o); err == nil {
			a = do(ctx, &o)
		}
		a.By = g.o.Name
		out, _ := json.Marshal(a) // numbers and bytes always encode
		return out
	}
}
