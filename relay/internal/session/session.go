// Package session connects a command to the running relay over its control socket. If no
// relay is running, it opens the queue directory while the command runs and serves the
// same API from it. Only Session.Offline shows the difference.
//
// Hazard: the queue belongs to relay's user, and a file created there by root stops the
// next start. So for root a child process that runs as the owner opens the queue, and
// MakeQueueDir and GiveAll hand over what root has to create itself.
package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"relay/config"
	"relay/internal/socket"
	"relay/relay/internal/api"
	"relay/relay/internal/control"
	"relay/relay/internal/exit"
	"relay/relay/internal/sidecar"
)

// Session is a command's connection to the running relay or to its queue directory.
type Session struct {
	*api.Client
	Offline bool // no relay is running: this is the queue directory
	close   func()
}

// NotReached gives an error of Ping its exit code.
func NotReached(err error) error {
	if errors.Is(err, socket.ErrNotAllowed) {
		return err
	}
	return exit.TryLater(err)
}

// OpenLocal serves the admin API from the queue directory: in this process or, for root,
// in a child process that runs as the queue's owner.
func OpenLocal(ctx context.Context, cfg *config.Config, write bool) (*Session, error) {
	if cfg.Queue.NATS.On() {
		return nil, exit.TryLater(fmt.Errorf("no relay is running at %s, and with queue.nats a command needs a running relay: run it on a machine where one runs", control.Paths(cfg)[0]))
	}
	switch _, err := os.Stat(cfg.Dir()); {
	case errors.Is(err, fs.ErrPermission):
		return nil, exit.NotAllowed(fmt.Errorf("no relay is running at %s, and this user is not allowed to open the queue in %s: run the command %s", control.Paths(cfg)[0], cfg.Dir(), socket.As(cfg.Dir())))
	case err != nil:
		if target, err := os.Readlink(cfg.Dir()); err == nil {
			return nil, exit.TryLater(fmt.Errorf("no relay is running at %s, and queue.path %s is a link to %s, which does not exist: create or mount that directory", control.Paths(cfg)[0], cfg.Dir(), target))
		}
		return nil, exit.TryLater(fmt.Errorf("no relay is running at %s, and there is no queue in %s: %s", control.Paths(cfg)[0], cfg.Dir(), control.StartRelay))
	}
	if uid, _, ok := foreignOwner(cfg.Dir()); ok {
		return openAsOwner(cfg, write, uid)
	}
	l, dial := socket.Pipe()
	end, err := sidecar.ServeQueue(ctx, cfg, write, l)
	if err != nil {
		return nil, err
	}
	client := api.NewClient(cfg.Dir(), dial)
	return &Session{Client: client, Offline: true, close: func() { client.Close(); end() }}, nil
}

// Coded gives an error of the API its exit code.
func Coded(err error) error {
	if errors.Is(err, api.ErrUnreachable) {
		return exit.TryLater(err)
	}
	return err
}

// Close ends the session.
func (d *Session) Close() { d.close() }

// Connected returns a session with the running relay behind client.
func Connected(client *api.Client) *Session { return &Session{Client: client, close: client.Close} }
