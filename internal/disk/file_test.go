package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMain: with RELAY_DISK_CHILD set, this program is a child process that performs the action in
// the variable on the file in its argument.
func TestMain(m *testing.M) {
	what := os.Getenv("RELAY_DISK_CHILD")
	if what == "" {
		os.Exit(m.Run())
	}
	if err := child(what, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(what, path string) error {
	switch what {
	case "write":
		return WriteFile(path, 0o600, []byte("new"))
	case "create":
		return Create(path, 0o600, []byte("new"))
	case "write for ever":
		for n := 0; ; n++ {
			if err := WriteFile(path, 0o600, slices.Repeat([][]byte{{byte(n)}}, 64)...); err != nil {
				return err
			}
			if n == 0 {
				fmt.Println("written")
			}
		}
	case "die writing":
		return CreateWith(path, 0o600, func(f *os.File) error {
			if _, err := f.WriteString("hal"); err != nil {
				return err
			}
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			return errors.Join(self.Kill(), self.Release(), waitForever())
		})
	case "lock":
		l, err := TakeLock(path, false)
		if err != nil {
			return err
		}
		l.Sign()
		fmt.Println("locked")
		return waitForever()
	}
	return errors.New("unknown: " + what)
}

// waitForever returns when the parent closes standard input.
func waitForever() error {
	_, err := os.Stdin.Read(make([]byte, 1))
	return err
}

func childCommand(t *testing.T, what, path string, before ...string) *exec.Cmd {
	t.Helper()
	args := append(before, os.Args[0], path)
	c := exec.CommandContext(t.Context(), args[0], args[1:]...)
	c.Env = append(os.Environ(), "RELAY_DISK_CHILD="+what)
	c.Stderr = os.Stderr
	return c
}

// holds checks that path has the content want and that its directory contains nothing else.
func holds(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s holds %q, %v; want %q", path, b, err, want)
	}
	es, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(es) != 1 {
		t.Errorf("directory holds %v, %v", es, err)
	}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, c := range []struct {
		mode  fs.FileMode
		parts [][]byte
	}{
		{0o600, [][]byte{[]byte("first")}},
		{0o644, [][]byte{[]byte("sec"), nil, []byte("ond")}},
		{0o600, nil},
	} {
		if err := WriteFile(path, c.mode, c.parts...); err != nil {
			t.Fatal(err)
		}
		holds(t, path, string(bytes.Join(c.parts, nil)))
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != c.mode {
			t.Errorf("mode %v, %v; want %v", info.Mode(), err, c.mode)
		}
	}
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Create(path, 0o600, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, 0o600, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over an existing file: %v", err)
	}
	holds(t, path, "first")
}

// Of many concurrent calls that create a file, exactly one succeeds.
func TestCreateRace(t *testing.T) { createRace(t, renameNew) }

func createRace(t *testing.T, move func(from, to string) error) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "file")
		var winner atomic.Value
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				text := fmt.Sprint(i)
				err := place(path, 0o600, move, writeParts([][]byte{[]byte(text)}))
				switch {
				case err == nil && !winner.CompareAndSwap(nil, text):
					t.Error("two calls created the file")
				case err != nil && !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		holds(t, path, winner.Load().(string))
	}
}

// A symbolic link at the target is replaced or refused, one at the temporary name is refused, and
// the files they point to are never written.
func TestSymlinkIsNotFollowed(t *testing.T) {
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file")
	link := func() {
		os.Remove(path)
		if err := os.Symlink(victim, path); err != nil {
			t.Skip("symbolic links cannot be made here: ", err)
		}
	}
	link()
	if err := Create(path, 0o600, []byte("new")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a link: %v", err)
	}
	if err := writeNew(path, 0o600, writeParts([][]byte{[]byte("new")})); !errors.Is(err, fs.ErrExist) {
		t.Errorf("temporary file over a link: %v", err)
	}
	if err := WriteFile(path, 0o600, []byte("new")); err != nil {
		t.Error(err)
	}
	holds(t, path, "new")
	holds(t, victim, "precious")
}

// A failed write changes nothing and leaves nothing behind.
func TestFailedWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	broken := errors.New("broken")
	fail := func(f *os.File) error {
		f.WriteString("half")
		return broken
	}
	if err := CreateWith(path, 0o600, fail); !errors.Is(err, broken) {
		t.Error(err)
	}
	if es, _ := os.ReadDir(filepath.Dir(path)); len(es) > 0 {
		t.Errorf("left behind: %v", es)
	}
	if err := WriteFile(path, 0o600, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := place(path, 0o600, os.Rename, fail); !errors.Is(err, broken) {
		t.Error(err)
	}
	holds(t, path, "old")
	if err := WriteFile(filepath.Join(path, "below"), 0o600); err == nil {
		t.Error("wrote below a file")
	}
}

// A process that dies while writing leaves the target unchanged, and a temporary file that Clean
// recognises.
func TestCrashWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if c := childCommand(t, "die writing", path); c.Run() == nil {
		t.Fatal("the child did not die")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target: %v", err)
	}
	if es, _ := os.ReadDir(filepath.Dir(path)); len(es) != 1 {
		t.Errorf("left: %v, want the temporary file", es)
	}
	if err := Clean(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, 0o600, []byte("later")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "later")
}

// A process that writes continuously is killed: the file is complete, as one of the writes left it.
func TestCrashAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for range 10 {
		c := childCommand(t, "write for ever", path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil { // the child has started writing
			t.Fatal(err)
		}
		c.Process.Kill()
		c.Wait()
		b, err := os.ReadFile(path)
		if err != nil || len(b) != 64 || !bytes.Equal(b, bytes.Repeat(b[:1], 64)) {
			t.Fatalf("after the kill: %x, %v", b, err)
		}
		if err := Clean(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, string(b))
	}
}

func TestClean(t *testing.T) {
	dir := t.TempDir()
	mine := []string{filepath.Base(TempName("a")), filepath.Base(TempName("b.seg"))}
	others := []string{"a", "a.tmp", ".0123456789abcdef.tmp", "a.0123456789abcdeg.tmp", "a.0123456789abcdef", "a.0123.tmp"}
	for _, n := range append(mine, others...) {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Base(TempName("folder"))
	if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	var left []string
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		left = append(left, e.Name())
	}
	want := append(others, folder)
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
	if err := Clean(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func TestCopy(t *testing.T) {
	from := filepath.Join(t.TempDir(), "from")
	if err := os.WriteFile(from, []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]string{-1: "0123456789", 0: "", 4: "0123", 10: "0123456789"} {
		to := filepath.Join(t.TempDir(), "to")
		if err := Copy(to, from, size); err != nil {
			t.Fatal(err)
		}
		holds(t, to, want)
		if err := Copy(to, from, size); !errors.Is(err, fs.ErrExist) {
			t.Errorf("copy over an existing file: %v", err)
		}
	}
	to := filepath.Join(t.TempDir(), "to")
	if err := Copy(to, from, 11); err == nil {
		t.Error("copied more bytes than the file has")
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an incomplete copy was left behind: %v", err)
	}
}

func TestMakeDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := MakeDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || Rights(info)&0o077 != 0 {
		t.Errorf("%v, %v", info, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(filepath.Join(file, "below")); err == nil || strings.Contains(err.Error(), "sync") {
		t.Errorf("below a file: %v", err)
	}
}

// CleanBeside removes only old temporary files of one path.
func TestCleanBeside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "copy.tar")
	old, fresh, other, foreign := TempName(path), TempName(path), TempName(filepath.Join(dir, "copy.tar.age")), path+".0123.tmp"
	for _, f := range []string{path, old, fresh, other, foreign} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if f != fresh {
			if at := time.Now().Add(-2 * time.Hour); os.Chtimes(f, at, at) != nil {
				t.Fatal("no time")
			}
		}
	}
	if err := CleanBeside(path, time.Hour); err != nil {
		t.Fatal(err)
	}
	for f, want := range map[string]bool{path: true, old: false, fresh: true, other: true, foreign: true} {
		if got := pathExists(f); got != want {
			t.Errorf("%s: is there: %v", f, got)
		}
	}
	if err := CleanBeside(filepath.Join(dir, "none", "x"), time.Hour); err == nil {
		t.Error("no error for a directory that does not exist")
	}
}
