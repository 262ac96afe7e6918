package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/socket"
	"relay/relay/internal/admin"
)

// A queue belongs to the user relay runs as, and what lies in it must stay that
// user's: a file that root has made there stops the next start. So a command that
// root runs while no relay does has the queue opened by a process of the queue's
// owner, and talks to that over a socket.

// ready is what that process prints when it answers.
const ready = "ready"

// foreignOwner is the user and group that a queue belongs to when root asks and it
// is another one's.
func foreignOwner(dir string) (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	uid, gid, ok = ownerOf(dir)
	return uid, gid, ok && uid != 0
}

func newOfflineCommand() *cobra.Command {
	var path string
	var write bool
	c := &cobra.Command{
		Use: "offline", Hidden: true, Args: usageArgs(cobra.NoArgs),
		Short: "Open the queue for a command that root runs",
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := config.Load(configPath(c), config.Options{})
			if err != nil {
				return err
			}
			l, err := socket.ListenControl(path, cfg.Queue.Path, "")
			if err != nil {
				return fmt.Errorf("listen for the command: %w", err)
			}
			end, err := serveQueue(c.Context(), cfg, write, l)
			if err != nil {
				return err
			}
			defer end()
			fmt.Fprintln(c.OutOrStdout(), ready)
			_, err = io.Copy(io.Discard, c.InOrStdin()) // until the command ends, however it does
			return err
		},
	}
	addConfigFlag(c)
	c.Flags().StringVar(&path, "socket", "", "where to answer")
	c.Flags().BoolVar(&write, "write", false, "open the queue for changes")
	return c
}

// openOwnersDesk is openLocalDesk by a process of the queue's owner.
func openOwnersDesk(cfg *config.Config, write bool, uid int) (*desk, error) {
	dir, err := os.MkdirTemp("/tmp", "relay-offline-")
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	cleanup := func() { _ = os.RemoveAll(dir) }
	if err := os.Chown(dir, uid, -1); err != nil {
		cleanup()
		return nil, fmt.Errorf("open queue: %w", err)
	}
	path := filepath.Join(dir, "s")
	args := []string{"offline", "--config", cfg.File, "--socket", path}
	if write {
		args = append(args, "--write")
	}
	cmd := exec.Command(ownBinary(), args...) //nolint:noctx // it ends with its standard input, in order
	if err := runAs(cmd, uid, cfg.Queue.Path); err != nil {
		cleanup()
		return nil, err
	}
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		cleanup()
		return nil, fmt.Errorf("open queue: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cleanup()
		return nil, fmt.Errorf("open queue as its owner: %w", err)
	}
	var once sync.Once
	end := func() {
		once.Do(func() {
			_ = in.Close()
			_ = cmd.Wait()
			cleanup()
		})
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != ready {
		end()
		text := strings.TrimPrefix(strings.TrimSpace(said.String()), "relay: ")
		if text == "" {
			text = "the queue could not be opened as its owner"
		}
		return nil, codeError{max(cmd.ProcessState.ExitCode(), exitFailure), errors.New(text)}
	}
	client := admin.SocketClient(path, cfg.Queue.Path)
	return &desk{Client: client, offline: true, close: func() { client.Close(); end() }}, nil
}

// ownBinary is this program, also where its path says nothing any more.
func ownBinary() string {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self
	}
	if path, err := os.Executable(); err == nil {
		return path
	}
	return os.Args[0]
}

// makeQueueDir makes the directory of a queue and those above it, which belong to
// whom the directory around them belongs to.
func makeQueueDir(dir string) error {
	var missing []string // the outermost last
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	if err := disk.MakeDir(dir); err != nil {
		return fmt.Errorf("make queue directory: %w", err)
	}
	for _, d := range slices.Backward(missing) {
		if err := giveTo(d, filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// giveTo makes path belong to whom like belongs to, when root has made it.
func giveTo(path, like string) error {
	uid, gid, ok := foreignOwner(like)
	if !ok {
		return nil
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("hand %s to its owner: %w", path, err)
	}
	return nil
}

// giveAll makes what lies in dir belong to whom dir belongs to, when root has put
// it there. It leaves dir by no link.
func giveAll(dir string) error {
	uid, gid, ok := foreignOwner(dir)
	if !ok {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("hand %s to its owner: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("hand what is in %s to its owner: %w", dir, err)
	}
	return nil
}
