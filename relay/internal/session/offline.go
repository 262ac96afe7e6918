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

// Ready is what that process prints when it answers.
const Ready = "ready"

// openOwners is OpenLocal by a process of the queue's owner.
func openOwners(cfg *config.Config, write bool, uid int) (*Session, error) {
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
	if err := runAs(cmd, uid, cfg.Dir()); err != nil {
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
	if strings.TrimSpace(line) != Ready {
		end()
		text := strings.TrimPrefix(strings.TrimSpace(said.String()), "relay: ")
		if text == "" {
			text = "the queue could not be opened as its owner"
		}
		return nil, exit.Coded(max(cmd.ProcessState.ExitCode(), exit.Failure), errors.New(text))
	}
	client := api.SocketClient(path, cfg.Dir())
	return &Session{Client: client, Offline: true, close: func() { client.Close(); end() }}, nil
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
