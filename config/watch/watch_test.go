package watch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for a change that must come. No test measures it.
const patience = 20 * time.Second

// watching is a Watcher under test and the changes it reported.
type watching struct {
	t       *testing.T
	w       *Watcher
	changes chan Change
}

// watch runs a Watcher until the test ends.
func watch(t *testing.T, o Options, paths ...string) *watching {
	t.Helper()
	h := &watching{t: t, changes: make(chan Change, 1000)}
	for _, path := range paths {
		o.Files = append(o.Files, File{Path: path})
	}
	if o.Debounce == 0 && os.Getenv("RELAY_EXAM") == "" {
		// On a busy machine the writer can be stopped between two writes, for less than this.
		o.Debounce = 250 * time.Millisecond
	}
	o.OnChange = func(cs []Change) {
		for _, c := range cs {
			h.changes <- c
		}
	}
	h.w = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	h.check() // after the first scan the directories are watched
	return h
}

func (h *watching) check() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	if err := h.w.Check(ctx); err != nil {
		h.t.Fatalf("Check: %v", err)
	}
}

func (h *watching) next() Change {
	h.t.Helper()
	select {
	case c := <-h.changes:
		return c
	case <-time.After(patience):
		h.t.Fatal("no change was reported")
		return Change{}
	}
}

// wantContent waits for the next change and compares its content.
func (h *watching) wantContent(want string) {
	h.t.Helper()
	c := h.next()
	if c.Deleted || c.Err != nil {
		h.t.Fatalf("got deleted=%v err=%v, want content", c.Deleted, c.Err)
	}
	if string(c.Data) != want {
		h.t.Fatalf("got %d bytes %.40q, want %d bytes %.40q", len(c.Data), c.Data, len(want), want)
	}
}

// wantNothing scans the files again and fails if a change is reported.
func (h *watching) wantNothing() {
	h.t.Helper()
	h.check()
	select {
	case c := <-h.changes:
		h.t.Fatalf("reported once too often: %q deleted=%v err=%v", c.Data[:min(len(c.Data), 40)], c.Deleted, c.Err)
	default:
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// version returns the i-th content, large enough for a partial read to be noticed.
func version(i int) string {
	return fmt.Sprintf("version: %d\n", i) + strings.Repeat("# filling\n", 5_000+i%7) + fmt.Sprintf("# end %d\n", i)
}

// rounds is how often each way of saving is tried.
func rounds() int {
	if os.Getenv("RELAY_EXAM") == "" {
		return 10
	}
	return 50
}

// Each save is reported exactly once, with the whole content, in every way in which programs save.
func TestWatcherReportsEverySaveOnce(t *testing.T) {
	saves := map[string]func(t *testing.T, path string, i int){
		"in place": func(t *testing.T, path string, i int) { write(t, path, version(i)) },
		"in place in two writes": func(t *testing.T, path string, i int) {
			f, err := os.Create(path)
			must(t, err)
			text := version(i)
			_, err = f.WriteString(text[:len(text)/2])
			must(t, err)
			_, err = f.WriteString(text[len(text)/2:])
			must(t, err)
			must(t, f.Close())
		},
		"temp and rename": func(t *testing.T, path string, i int) {
			write(t, path+".tmp", version(i))
			must(t, os.Rename(path+".tmp", path))
		},
		"vim": func(t *testing.T, path string, i int) {
			write(t, filepath.Join(filepath.Dir(path), "4913"), "")
			must(t, os.Remove(filepath.Join(filepath.Dir(path), "4913")))
			must(t, os.Rename(path, path+"~"))
			write(t, path, version(i))
			must(t, os.Remove(path+"~"))
		},
		"emacs": func(t *testing.T, path string, i int) {
			old, err := os.ReadFile(path)
			must(t, err)
			write(t, path+"~", string(old))
			write(t, path, version(i))
		},
	}
	for _, mode := range []string{Auto, Poll} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			paths := map[string]string{} // by way of saving: each has a directory of its own
			var all []string
			for name := range saves {
				paths[name] = filepath.Join(t.TempDir(), "mapping.yaml")
				write(t, paths[name], version(0))
				all = append(all, paths[name])
			}
			o := Options{Mode: mode, Poll: time.Hour} // the system alone must tell
			if mode == Poll {
				o.Poll = 10 * time.Millisecond
			}
			h := watch(t, o, all...)
			for i := 1; i <= rounds(); i++ {
				for name, save := range saves {
					save(t, paths[name], i)
				}
				reported := map[string]string{}
				for range saves {
					c := h.next()
					if _, twice := reported[c.Path]; twice || c.Deleted || c.Err != nil {
						t.Fatalf("round %d, %s: reported twice (%v) or not as content: deleted=%v err=%v", i, c.Path, twice, c.Deleted, c.Err)
					}
					reported[c.Path] = string(c.Data)
				}
				for name, path := range paths {
					if reported[path] != version(i) {
						t.Fatalf("round %d, %s: got %d bytes %.40q", i, name, len(reported[path]), reported[path])
					}
				}
			}
			h.wantNothing()
		})
	}
}

// In a ConfigMap volume the file is a link into ..data, a link to a directory that is replaced. No
// event ever names the file.
func TestWatcherReportsConfigMapSwap(t *testing.T) {
	for _, mode := range []string{Auto, Poll} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "mapping.yaml")
			other := filepath.Join(dir, "relay.yaml")
			previous := ""
			publish := func(i int) {
				name := fmt.Sprintf("..2026_%d", i)
				must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
				write(t, filepath.Join(dir, name, "mapping.yaml"), version(i))
				write(t, filepath.Join(dir, name, "relay.yaml"), "listen: 127.0.0.1:8585\n")
				must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
				must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
				if previous != "" {
					must(t, os.RemoveAll(filepath.Join(dir, previous)))
				}
				previous = name
			}
			publish(0)
			must(t, os.Symlink("..data/mapping.yaml", path))
			must(t, os.Symlink("..data/relay.yaml", other))
			o := Options{Mode: mode, Poll: time.Hour}
			if mode == Poll {
				o.Poll = 10 * time.Millisecond
			}
			h := watch(t, o, path, other)
			for i := 1; i <= rounds(); i++ {
				publish(i)
				h.wantContent(version(i))
			}
			h.wantNothing()
		})
	}
}

func TestWatcherReportsDeletionAndReturn(t *testing.T) {
	for _, mode := range []string{Auto, Poll} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "mapping.yaml")
			write(t, path, version(0))
			o := Options{Mode: mode, Poll: time.Hour}
			if mode == Poll {
				o.Poll = 10 * time.Millisecond
			}
			h := watch(t, o, path)
			for i := 1; i <= rounds(); i++ {
				must(t, os.Remove(path))
				if c := h.next(); !c.Deleted || c.Path != path {
					t.Fatalf("got %+v, want deleted", c)
				}
				write(t, path, version(i/2)) // every other time what it held before
				h.wantContent(version(i / 2))
			}
			h.wantNothing()
		})
	}
}

// The directory is replaced by another one: the old watch is on the wrong directory.
func TestWatcherFollowsReplacedDirectory(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir := filepath.Join(base, "etc")
	path := filepath.Join(dir, "mapping.yaml")
	must(t, os.Mkdir(dir, 0o700))
	write(t, path, version(0))
	h := watch(t, Options{Poll: time.Hour}, path)
	for i := 1; i <= rounds()/3; i++ {
		aside := filepath.Join(base, fmt.Sprintf("old%d", i))
		must(t, os.Rename(dir, aside))
		if c := h.next(); !c.Deleted {
			t.Fatalf("got %+v, want deleted", c)
		}
		must(t, os.Mkdir(dir, 0o700))
		write(t, path, version(2*i))
		h.wantContent(version(2 * i))
		write(t, path, version(2*i+1)) // the new directory is watched too
		h.wantContent(version(2*i + 1))
	}
	h.wantNothing()
}

// The directory does not exist when relay starts.
func TestWatcherWaitsForDirectory(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir := filepath.Join(base, "a", "b")
	path := filepath.Join(dir, "token")
	h := watch(t, Options{Poll: time.Hour}, path)
	must(t, os.Mkdir(filepath.Join(base, "a"), 0o700))
	must(t, os.Mkdir(dir, 0o700))
	write(t, path, "one")
	h.wantContent("one")
	write(t, path, "two")
	h.wantContent("two")
	h.wantNothing()
}

// The directory of a link's target is watched too, also after the link changes.
func TestWatcherFollowsLinks(t *testing.T) {
	t.Parallel()
	dir, a, b := t.TempDir(), t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "mapping.yaml")
	write(t, filepath.Join(a, "m"), "a1")
	write(t, filepath.Join(b, "m"), "b1")
	must(t, os.Symlink(filepath.Join(a, "m"), path))
	h := watch(t, Options{Poll: time.Hour}, path)
	write(t, filepath.Join(a, "m"), "a2")
	h.wantContent("a2")
	must(t, os.Symlink(filepath.Join(b, "m"), path+".new"))
	must(t, os.Rename(path+".new", path))
	h.wantContent("b1")
	write(t, filepath.Join(b, "m"), "b2")
	h.wantContent("b2")
	write(t, filepath.Join(a, "m"), "a3")
	h.wantNothing()
}

// A file that is touched or rewritten with the same text has not changed, nor if other files in its
// directory change.
func TestWatcherIgnoresEventsWithoutChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mapping.yaml")
	write(t, path, "same")
	h := watch(t, Options{Poll: time.Hour}, path)
	write(t, path, "same")
	must(t, os.Chtimes(path, time.Now(), time.Now().Add(time.Hour)))
	for i := range 20 {
		write(t, filepath.Join(dir, fmt.Sprint("noise", i)), "x")
	}
	h.wantNothing()
	write(t, path, "other")
	h.wantContent("other")
	h.wantNothing()
}

// Constant events in the directory do not delay a change for ever.
func TestWatcherReportsDespiteNoise(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "mapping.yaml")
	write(t, path, "one")
	h := watch(t, Options{Poll: time.Hour}, path)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.WriteFile(filepath.Join(dir, "noise"), []byte("x"), 0o600)
			}
		}
	}()
	write(t, path, "two")
	h.wantContent("two")
	close(stop)
	<-stopped
}

func TestWatcherReportsChangeBeforeRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapping.yaml")
	write(t, path, "new")
	h := watch(t, Options{Mode: Off, Files: []File{{Path: path, Data: []byte("in use")}}})
	h.wantContent("new")
	h.wantNothing()
}

func TestWatcherOffNeedsTrigger(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapping.yaml")
	write(t, path, "one")
	h := watch(t, Options{Mode: Off}, path)
	write(t, path, "two")
	h.w.Trigger()
	h.wantContent("two")
	h.wantNothing()
}

// In mode off, Watch does not scan the files. Check reports a change, also of a new file.
func TestWatcherOffWatchesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "a1")
	write(t, b, "b1")
	w := New(Options{Mode: Off, Files: []File{{Path: a}}})
	w.Watch(File{Path: a}, File{Path: b})
	if len(w.trigger) > 0 {
		t.Error("a scan is due without Trigger or Check")
	}
	h := watch(t, Options{Mode: Off}, a)
	h.w.Watch(File{Path: a}, File{Path: b})
	write(t, a, "a2")
	write(t, b, "b2")
	h.w.Trigger()
	h.wantContent("a2")
	h.wantContent("b2")
	h.wantNothing()
}

func TestWatcherReportsUnusableFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mapping.yaml")
	write(t, path, "fine")
	h := watch(t, Options{Poll: time.Hour, MaxBytes: 1 << 10}, path)
	write(t, path, strings.Repeat("x", 2000))
	if c := h.next(); c.Err == nil || c.Err.Error() != "read "+path+": is larger than the limit of 1 KiB for such a file; check what it is" {
		t.Errorf("got %v", c.Err)
	}
	must(t, os.Remove(path))
	if c := h.next(); !c.Deleted {
		t.Errorf("got %+v, want deleted", c)
	}
	must(t, os.Mkdir(path, 0o700))
	if c := h.next(); c.Err == nil || c.Err.Error() != "read "+path+": not a regular file" {
		t.Errorf("got %v", c.Err)
	}
	must(t, os.Remove(path))
	if c := h.next(); !c.Deleted {
		t.Errorf("got %+v, want deleted", c)
	}
	write(t, path, "fine")
	h.wantContent("fine")
	h.wantNothing()
}

// Watch can replace the files while Run runs, also from OnChange.
func TestWatcherChangesFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "a1")
	write(t, b, "b1")
	h := watch(t, Options{Poll: time.Hour}, a)
	h.w.Watch(File{Path: a}, File{Path: b, Data: []byte("b0")})
	h.wantContent("b1")
	h.w.Watch(File{Path: b})
	write(t, a, "a2")
	write(t, b, "b2")
	h.wantContent("b2")
	h.wantNothing()
}

func TestCheckAfterStop(t *testing.T) {
	w := New(Options{Mode: Off})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, w.Run(ctx))
	if err := w.Check(t.Context()); err == nil {
		t.Error("Check on a stopped watcher succeeded")
	}
}
