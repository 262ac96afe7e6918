// Package control finds, dials and listens on the socket over which commands talk to a
// running relay.
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

// Name is the file name of the socket in the queue directory.
const Name = "admin.sock"

// Paths returns the paths at which a relay with this config can listen, the first choice
// first.
func Paths(cfg *config.Config) []string {
	if p := cfg.Admin.Socket.Path; p != "" {
		return []string{p}
	}
	return socket.Paths(cfg.Dir(), Name)
}

// Client returns a client of the relay that runs with this config. It connects on the
// first call.
func Client(cfg *config.Config) *api.Client {
	paths := Paths(cfg)
	return api.NewClient(paths[0], func(ctx context.Context) (net.Conn, error) {
		var first error
		for _, p := range paths {
			c, err := socket.DialControl(ctx, p, cfg.Dir())
			if err == nil || !Absent(err) {
				return c, err
			}
			first = cmp.Or(first, err)
		}
		return nil, first
	})
}

// Absent reports whether err means that no process listens on the socket.
func Absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// StartRelay is the fix for a command that finds no running relay.
const StartRelay = "start relay (`relay run`), or name the relay.yaml that it runs with (--config)"

// NotRunning returns the error of a command that needs the running relay of cfg.
func NotRunning(cfg *config.Config) error {
	return exit.TryLater(fmt.Errorf("no relay is running at %s: %s", Paths(cfg)[0], StartRelay))
}

// Listen opens the control socket. Its errors name the config key and have exit codes.
func Listen(cfg *config.Config, log *slog.Logger) (net.Listener, error) {
	paths := Paths(cfg)
	var l net.Listener
	var err error
	for i, p := range paths {
		if l, err = socket.ListenControl(p, cfg.Dir(), cfg.Admin.Socket.Group); err == nil {
			if i > 0 {
				log.Warn("the queue's file system does not support sockets: commands use another path", "code", logs.NoSocket, "socket", p)
			}
			return l, nil
		}
		if !socket.Unsupported(err) {
			err = fmt.Errorf("admin.socket %s: %w", p, cause(err))
			break
		}
	}
	switch {
	case errors.Is(err, socket.ErrNoGroup):
		return nil, cfg.Invalid("admin.socket.group", "this machine has no group %s", cfg.Admin.Socket.Group)
	case strings.Contains(err.Error(), "in use"):
		return nil, exit.TryLater(fmt.Errorf("%w: another relay is listening there", err))
	case cfg.Admin.Socket.Path != "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)):
		return nil, cfg.Invalid("admin.socket.path", "cannot create a socket in %s: %v", filepath.Dir(cfg.Admin.Socket.Path), cause(err))
	}
	return nil, err
}

// cause returns the system error in err, without the operation and the path, which the
// caller's message contains.
func cause(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
