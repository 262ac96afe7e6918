package session

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"relay/config"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
)

// Ready is the line that `relay offline` prints when it listens.
const Ready = "ready"

// openAsOwner is OpenLocal in a child process that runs as the queue's owner.
func openAsOwner(cfg *config.Config, write bool, uid int) (*Session, error) {
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
	cmd := exec.Command(ownBinary(), args...) //nolint:noctx // it exits when its standard input is closed
	if err := runAs(cmd, uid, cfg.Dir()); err != nil {
		cleanup()
		return nil, err
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
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
	if strings.TrimSpace(line) != Ready {
		end()
		text := strings.TrimPrefix(strings.TrimSpace(stderr.String()), "relay: ")
		if text == "" {
			text = "the queue could not be opened as its owner"
		}
		return nil, exit.Coded(max(cmd.ProcessState.ExitCode(), exit.Failure), errors.New(text))
	}
	client := api.SocketClient(path, cfg.Dir())
	return &Session{Client: client, Offline: true, close: func() { client.Close(); end() }}, nil
}

// ownBinary returns the path of this program, which works even if the file was replaced
// or removed where /proc is mounted.
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
