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
	beat = time.Minute // between two calls of an edge; about 500 bytes each way
	anew = time.Minute // between two attempts to carry out a forget
)

// Run says every minute how this edge stands, sooner when the hub was away, and
// carries out the forgets of the hub, until ctx ends.
func (c *Client) Run(ctx context.Context) error {
	var forgot []string // carried out, and the hub does not know yet
	soon := time.Second // the wait after a call that failed
	for ctx.Err() == nil {
		a, r := c.Call(ctx, Call{Forgot: forgot})
		next := soon/2 + rand.N(soon)
		soon = min(2*soon, beat)
		if r.Class == graph.Delivered {
			next, soon = beat/2+rand.N(beat), time.Second
			forgot = nil
			if a.Forget != nil {
				if err := c.o.Forget(ctx, a.Forget); err != nil {
					c.o.Logger.Error("cannot carry out a forget of the hub; tried again", "code", logs.ForgetNotDone, "err", err)
					next = anew
				} else {
					c.o.Logger.Warn("a person was forgotten as the hub has", "code", logs.PersonForgotten)
					forgot, next = append(forgot, a.Forget.ID), 0
				}
			}
		}
		wait(ctx, next, c.kick)
	}
	return nil
}

// Call says something to the hub beside chunks.
func (c *Client) Call(ctx context.Context, call Call) (Answer, graph.Result) {
	call.Version, call.State = Version, c.o.State()
	call.State.Version = c.o.Version
	b, err := json.Marshal(call)
	if err != nil {
		return Answer{}, graph.Result{Class: graph.Retry, Message: err.Error()}
	}
	return c.post(ctx, "application/json", b)
}
