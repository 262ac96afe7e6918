package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/relay/internal/sandbox"
)

// TestNotify plays systemd: what it is told while relay starts, reloads (once
// with a broken mapping), is watched, and stops.
func TestNotify(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("systemd is Linux's")
	}
	_, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, ""), testMapping)
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	told := make(chan string, 1000)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				close(told)
				return
			}
			told <- string(buf[:n])
		}
	}()
	await := func(what string) string {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case m := <-told:
				if strings.HasPrefix(m, what) {
					return m
				}
			case <-deadline:
				t.Fatalf("systemd was not told %s", what)
			}
		}
	}
	h.env = []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=300000"}
	p := h.start(t)
	await("READY=1")
	await("WATCHDOG=1")
	await("WATCHDOG=1")
	h.write(t, "mapping.yaml", "version: 1\nevents: [\n")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if m := await("RELOADING=1"); !strings.Contains(m, "MONOTONIC_USEC=") {
		t.Errorf("RELOADING without its time: %q", m)
	}
	if m := await("READY=1"); !strings.Contains(m, "refused") || !strings.Contains(m, "mapping.yaml") {
		t.Errorf("the status does not say that the mapping was refused: %q", m)
	}
	await("WATCHDOG=1")
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	await("STOPPING=1")
	if err := <-p.done; err != nil {
		t.Errorf("relay stopped with %v", err)
	}
}
