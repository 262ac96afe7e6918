// Package session is what a command talks to: the running relay over its control
// socket or, when none runs, the queue directory, opened for as long as the command
// takes. Either way it is the same API, and a Session does not say more of the
// difference than Offline.
//
// Hazard: the queue belongs to the user relay runs as. A file that root makes there
// stops the next start, so for root a process of the queue's owner opens it, and
// what root must make itself (MakeQueueDir, GiveAll) is handed to that owner.
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

// Session is a command's session: with the running relay or, when none runs, with
// the queue directory, opened by this process for as long as the
// command takes. Either way it is the same API.
type Session struct {
	*api.Client
	Offline bool
	close   func()
}

// NotReached gives its exit code to an answer that is no relay's, or to none.
func NotReached(err error) error {
	if errors.Is(err, socket.ErrNotAllowed) {
		return err
	}
	return exit.TryLater(err)
}

// OpenLocal serves the admin API from the queue directory, within this
// process or, for root, within one of the queue's owner.
func OpenLocal(ctx context.Context, cfg *config.Config, write bool) (*Session, error) {
	if cfg.Queue.NATS.On() {
		return nil, exit.TryLater(fmt.Errorf("no relay answers at %s, and with queue.nats a command needs one that runs: run it where a relay of this queue does", control.Paths(cfg)[0]))
	}
	switch _, err := os.Stat(cfg.Dir()); {
	case errors.Is(err, fs.ErrPermission):
		return nil, exit.NotAllowed(fmt.Errorf("no relay answers at %s, and this user may not open the queue in %s; run the command as its owner or as root (sudo)", control.Paths(cfg)[0], cfg.Dir()))
	case err != nil:
		return nil, exit.TryLater(fmt.Errorf("no relay answers at %s, and there is no queue in %s", control.Paths(cfg)[0], cfg.Dir()))
	}
	if uid, _, ok := foreignOwner(cfg.Dir()); ok {
		return openOwners(cfg, write, uid)
	}
	l, dial := socket.Pipe()
	end, err := sidecar.ServeQueue(ctx, cfg, write, l)
	if err != nil {
		return nil, err
	}
	client := api.NewClient(cfg.Dir(), dial)
	return &Session{Client: client, Offline: true, close: func() { client.Close(); end() }}, nil
}

// Coded gives an answer its exit code.
func Coded(err error) error {
	if errors.Is(err, api.ErrUnreachable) {
		return exit.TryLater(err)
	}
	return err
}

// Close ends the session.
func (d *Session) Close() { d.close() }

// Connected is a session with the relay that answers client.
func Connected(client *api.Client) *Session { return &Session{Client: client, close: client.Close} }
