//go:build !windows

package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain also acts as the other user: depending on the environment it dials a socket and prints
// what it reads, or listens on one.
func TestMain(m *testing.M) {
	if path := os.Getenv("SOCKET_TEST_DIAL"); path != "" {
		c, err := DialControl(context.Background(), path, os.Getenv("SOCKET_TEST_DIR"))
		if err != nil {
			fmt.Print(errors.Is(err, ErrNotAllowed), " ", err)
			os.Exit(0)
		}
		b, _ := io.ReadAll(c)
		fmt.Print(string(b))
		os.Exit(0)
	}
	if path := os.Getenv("SOCKET_TEST_SQUAT"); path != "" {
		l, err := net.Listen("unix", path)
		if err != nil {
			fmt.Print(err)
			os.Exit(1)
		}
		_ = os.Chmod(path, 0o666)
		c, err := l.Accept()
		if err == nil {
			b, _ := io.ReadAll(c)
			fmt.Print("got:", string(b))
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// openDir returns a directory that every user can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil { //nolint:gosec // others are to get there
			t.Fatal(err)
		}
	}
	return dir
}

// as runs a copy of this test binary as another user, who cannot run one in a test's own directory.
func as(t *testing.T, dir string, uid, gid int, env ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	bin := filepath.Join(dir, "bin")
	if _, err := os.Stat(bin); err != nil {
		b, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(bin, b, 0o755); err != nil { //nolint:gosec // others are to run it
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), bin)
	cmd.Dir = "/"
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return cmd
}

func serve(t *testing.T, l net.Listener) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p := PeerOf(c)
			fmt.Fprintf(c, "hello %d %v", p.UID, p.Known)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
}

func TestControlAcceptsUserAndRoot(t *testing.T) {
	dir := openDir(t)
	path := Paths(dir, "admin.sock")[0]
	l, err := ListenControl(path, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l)
	if fi, err := os.Lstat(path); err != nil || fi.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v %v", fi, err)
	}
	c, err := DialControl(t.Context(), path, dir)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(c)
	if want := fmt.Sprintf("hello %d true", os.Geteuid()); string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
	out, err := as(t, dir, 65534, 65534, "SOCKET_TEST_DIAL="+path, "SOCKET_TEST_DIR="+dir).Output()
	if err != nil || !strings.HasPrefix(string(out), "true the user ") || !strings.Contains(string(out), "is not allowed to use "+path+": it is for root. Run") || !strings.Contains(string(out), "as root (sudo)") {
		t.Errorf("another user: %q %v", out, err)
	}
	// Root does not obey files of relay's user, so it is not named.
	if err := os.Lchown(path, 65533, 65533); err != nil {
		t.Fatal(err)
	}
	out, _ = as(t, dir, 65534, 65534, "SOCKET_TEST_DIAL="+path, "SOCKET_TEST_DIR="+dir).Output()
	if !strings.Contains(string(out), "Run the command as the user 65533 (sudo -u '#65533' relay …)") || strings.Contains(string(out), "(sudo)") {
		t.Errorf("another user, of relay's: %q", out)
	}
	if err := os.Lchown(path, 0, 0); err != nil {
		t.Fatal(err)
	}
	// If the file system ignores modes, the peer decides.
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := as(t, dir, 65534, 65534, "SOCKET_TEST_DIAL="+path, "SOCKET_TEST_DIR="+dir).Output(); err != nil || strings.Contains(string(out), "hello") {
		t.Errorf("another user, mode 0666: %q %v", out, err)
	}
}

func TestControlAcceptsGroup(t *testing.T) {
	dir := openDir(t)
	path := Paths(dir, "admin.sock")[0]
	if _, err := ListenControl(path, dir, "no-such-group-here"); !errors.Is(err, ErrNoGroup) {
		t.Errorf("unknown group: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	l, err := ListenControl(path, dir, "4242")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l)
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Perm() != 0o660 || fi.Sys().(*syscall.Stat_t).Gid != 4242 {
		t.Errorf("%v %v", fi, err)
	}
	for gid, want := range map[int]string{4242: "hello 65534 true", 4243: "members of the group 4242"} {
		out, err := as(t, dir, 65534, gid, "SOCKET_TEST_DIAL="+path, "SOCKET_TEST_DIR="+dir).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("group %d: %q %v", gid, out, err)
		}
	}
}

// A process that has replaced the socket receives nothing.
func TestSquatterLearnsNothing(t *testing.T) {
	dir := openDir(t)
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "admin.sock")
	squatter := as(t, dir, 65534, 65534, "SOCKET_TEST_SQUAT="+path)
	var heard bytes.Buffer
	squatter.Stdout = &heard
	if err := squatter.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if fi, err := os.Lstat(path); err == nil && fi.Mode().Perm() == 0o666 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the squatter did not start")
		}
	}
	c, err := DialControl(t.Context(), path, dir)
	if !errors.Is(err, ErrNotAllowed) || !strings.Contains(err.Error(), "nothing was sent") {
		t.Errorf("%v", err)
	}
	if c != nil {
		c.Close()
	}
	if err := squatter.Wait(); err != nil || heard.String() != "got:" {
		t.Errorf("the squatter received %q, %v", &heard, err)
	}
}

func TestPathTooLong(t *testing.T) {
	dir := filepath.Join(openDir(t), strings.Repeat("deep/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := Paths(dir, "admin.sock")[0]
	if len(path) > longest || strings.HasPrefix(path, dir) || path != Paths(dir+"/", "admin.sock")[0] {
		t.Fatal(path)
	}
	parent := filepath.Dir(path)
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	l, err := ListenControl(path, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l)
	if fi, err := os.Stat(parent); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", fi, err)
	}
	if c, err := DialControl(t.Context(), path, dir); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	_ = l.Close()
	if err := os.Chmod(parent, 0o777); err != nil {
		t.Fatal(err)
	}
	if l, err := ListenControl(path, dir, ""); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("a directory that others may write to: %v %v", l, err)
	}
}

func TestListenReplacesDeadSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sock")
	first, err := Listen(path, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Lstat(path); err != nil || fi.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", fi, err)
	}
	if _, err := Listen(path, 0o600); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("one that answers: %v", err)
	}
	if err := first.(*listener).UnixListener.Close(); err != nil { // as left by a killed process
		t.Fatal(err)
	}
	second, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err == nil {
		t.Error("closed twice without an error")
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the socket of another was removed: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0o600); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("a file in the way: %v", err)
	}
}

// The socket never has another mode than its own: neither at its place nor, for other users, where
// it is created.
func TestModeFromTheStart(t *testing.T) {
	dir := t.TempDir()
	stop := make(chan struct{})
	seen := make(chan string, 1)
	go func() {
		defer close(seen)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, pattern := range []string{"a.sock", ".s??"} {
				paths, _ := filepath.Glob(filepath.Join(dir, pattern))
				for _, p := range paths {
					if fi, err := os.Lstat(p); err == nil && fi.Mode().Perm() != 0o600 && fi.Mode().Perm() != 0o700 {
						seen <- fmt.Sprint(p, fi.Mode())
						return
					}
				}
			}
		}
	}()
	for range 200 {
		l, err := Listen(filepath.Join(dir, "a.sock"), 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
	close(stop)
	if s := <-seen; s != "" {
		t.Error(s)
	}
}

func TestPipe(t *testing.T) {
	if a, b := pipeName(`C:\ProgramData\relay\admin.sock`), pipeName(`c:\programdata\relay\admin.sock`); a != b || !strings.HasPrefix(a, `\\.\pipe\relay-`) {
		t.Errorf("%s, %s", a, b)
	}
	if got, want := descriptor("S-1-5-21-1", ""), "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;S-1-5-21-1)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := descriptor("S-1-5-21-1", "S-1-5-32-545"); !strings.HasSuffix(got, "(A;;GRGW;;;S-1-5-32-545)") {
		t.Errorf("%s", got)
	}
}
