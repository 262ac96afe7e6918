// Package control is the socket over which commands talk to a running relay: where it is,
// its client, its listener.
package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"relay/config"
	"relay/internal/logs"
	"relay/internal/socket"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
)

// Name is that of the socket in the queue's directory.
const Name = "admin.sock"

// Paths are where the commands look for a running relay.
func Paths(cfg *config.Config) []string {
	if p := cfg.Admin.Socket.Path; p != "" {
		return []string{p}
	}
	return socket.Paths(cfg.Dir(), Name)
}

// Client talks to the relay that runs with this config.
func Client(cfg *config.Config) *api.Client {
	paths := Paths(cfg)
	return api.NewClient(paths[0], func(ctx context.Context) (net.Conn, error) {
		var first error
		for _, p := range paths {
			c, err := socket.DialControl(ctx, p, cfg.Dir())
			if err == nil || !absent(err) {
				return c, err
			}
			first = cmp.Or(first, err)
		}
		return nil, first
	})
}

// absent says whether nobody listens there.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// Listen makes the socket of the commands.
func Listen(cfg *config.Config, log *slog.Logger) (net.Listener, error) {
	paths := Paths(cfg)
	var l net.Listener
	var err error
	for i, p := range paths {
		if l, err = socket.ListenControl(p, cfg.Dir(), cfg.Admin.Socket.Group); err == nil {
			if i > 0 {
				log.Warn("the queue's file system supports no sockets: the commands use another path", "code", logs.NoSocket, "socket", p)
			}
			return l, nil
		}
		if !socket.Unsupported(err) {
			err = fmt.Errorf("admin.socket %s: %w", p, withoutOp(err))
			break
		}
	}
	switch {
	case errors.Is(err, socket.ErrNoGroup):
		return nil, cfg.Invalid("admin.socket.group", "there is no group %s on this machine", cfg.Admin.Socket.Group)
	case strings.Contains(err.Error(), "in use"):
		return nil, exit.TryLater(fmt.Errorf("%w: another relay answers there", err))
	case cfg.Admin.Socket.Path != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		return nil, cfg.Invalid("admin.socket.path", "no socket can be made in %s: %v", filepath.Dir(cfg.Admin.Socket.Path), withoutOp(err))
	}
	return nil, err
}

// withoutOp is an error without the call and the path in front, which are said.
func withoutOp(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
