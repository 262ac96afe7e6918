package forward

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/graph"
)

const (
	callInterval   = time.Minute // between two calls of an edge; about 500 bytes each way
	forgetInterval = time.Minute // between two attempts to carry out a forget
)

// Run calls the hub about once a minute, sooner after a failure, and carries out the forgets
// of the hub, until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	var forgot []string // carried out, but not reported to the hub yet
	soon := time.Second // the wait after a call that failed
	for ctx.Err() == nil {
		a, r := c.Call(ctx, Call{Forgot: forgot})
		next := soon/2 + rand.N(soon)
		soon = min(2*soon, callInterval)
		if r.Class == graph.Delivered {
			next, soon = callInterval/2+rand.N(callInterval), time.Second
			forgot = nil
			if a.Forget != nil {
				if err := c.o.Forget(ctx, a.Forget); err != nil {
					c.o.Logger.Error("cannot carry out a forget of the hub; relay tries again", "code", logs.ForgetNotDone, "err", err)
					next = forgetInterval
				} else {
					c.o.Logger.Warn("removed a person, as the hub did", "code", logs.PersonForgotten)
					forgot, next = append(forgot, a.Forget.ID), 0
				}
			}
		}
		wait(ctx, next, c.kick)
	}
	return nil
}

// Call makes a Call to the hub. It sets the call's version and state.
func (c *Client) Call(ctx context.Context, call Call) (Answer, graph.Result) {
	call.Version, call.State = Version, c.o.State()
	call.State.Version = c.o.Version
	b, err := json.Marshal(call)
	if err != nil {
		return Answer{}, graph.Result{Class: graph.Retry, Message: err.Error()}
	}
	return c.post(ctx, "application/json", b)
}
