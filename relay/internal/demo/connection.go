package demo

import (
	"context"
	"net"

	"relay/relay/internal/sandbox"
)

// connection is the way to the sandbox. While it is down, its port is closed, so that every
// new connection is refused before anything is sent.
type connection struct {
	sandbox *sandbox.Sandbox
	addr    string       // where it listens; port 0 only before the first up
	failed  chan<- error // receives what each Serve returns
	stop    context.CancelFunc
	stopped chan struct{}
}

// up listens. The caller calls down afterwards.
func (c *connection) up(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr)
	if err != nil {
		return err //nolint:wrapcheck // the caller adds what it is for
	}
	c.addr, c.stopped = ln.Addr().String(), make(chan struct{})
	ctx, c.stop = context.WithCancel(ctx)
	go func() {
		defer close(c.stopped)
		if err := c.sandbox.Serve(ctx, ln); err != nil {
			c.failed <- err
		}
	}()
	return nil
}

// down closes the port and every connection, and waits until that is done.
func (c *connection) down() {
	c.stop()
	<-c.stopped
}
