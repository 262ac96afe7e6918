package watch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// reported is a change that a Watcher reported.
type reported struct {
	text string
	at   time.Time
}

// polled runs a Watcher in mode poll, with a fake clock and real files.
func polled(t *testing.T, o Options) (*Watcher, *[]reported) {
	t.Helper()
	var all []reported
	o.Mode, o.Poll = Poll, 10*time.Millisecond
	o.OnChange = func(cs []Change) {
		for _, c := range cs {
			all = append(all, reported{string(c.Data), time.Now()})
		}
	}
	w := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() { cancel(); must(t, <-ended) })
	time.Sleep(time.Millisecond) // faked: the first scan
	synctest.Wait()
	return w, &all
}

// whole is an Options.Quiet: a file whose last line is missing must be unchanged for 2 s.
func whole(c Change) time.Duration {
	if strings.HasSuffix(string(c.Data), "quick\n") {
		return 0
	}
	return 2 * time.Second
}

// A file whose writer pauses is not reported before it is complete, in whatever way it is written.
// Then it is reported within one poll.
func TestQuietWaitsForSlowWriters(t *testing.T) {
	ways := map[string]func(t *testing.T, dir, text string, i int){
		"in place": func(t *testing.T, dir, text string, _ int) { write(t, filepath.Join(dir, "m"), text) },
		"rename": func(t *testing.T, dir, text string, _ int) {
			write(t, filepath.Join(dir, "tmp"), text)
			must(t, os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, "m")))
		},
		"config map": func(t *testing.T, dir, text string, i int) {
			name := fmt.Sprintf("..%d", i)
			must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
			write(t, filepath.Join(dir, name, "m"), text)
			must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
			must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
			if i == 0 {
				must(t, os.Symlink("..data/m", filepath.Join(dir, "m")))
			}
		},
	}
	for name, save := range ways {
		for _, pause := range []time.Duration{120 * time.Millisecond, 500 * time.Millisecond, 1500 * time.Millisecond} {
			t.Run(fmt.Sprint(name, " ", pause), func(t *testing.T) {
				dir := t.TempDir()
				save(t, dir, "old\n", 0)
				synctest.Test(t, func(t *testing.T) {
					_, changes := polled(t, Options{Files: []File{{Path: filepath.Join(dir, "m")}}, Quiet: whole})
					text := ""
					for i := 1; i <= 5; i++ {
						text += fmt.Sprintf("line %d\n", i)
						save(t, dir, text, i)
						time.Sleep(pause)
					}
					done := time.Now().Add(-pause)
					time.Sleep(5 * time.Second)
					synctest.Wait()
					if len(*changes) != 1 || (*changes)[0].text != text {
						t.Fatalf("reported %v", *changes)
					}
					if d := (*changes)[0].at.Sub(done); d < 2*time.Second || d > 2*time.Second+20*time.Millisecond {
						t.Errorf("reported %s after the last piece", d)
					}
				})
			})
		}
	}
}

func TestQuietCanBeShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		_, changes := polled(t, Options{Files: []File{{Path: path}}, Quiet: whole})
		saved := time.Now()
		write(t, path, "quick\n")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(*changes) != 1 || (*changes)[0].at.Sub(saved) > 270*time.Millisecond || (*changes)[0].at.Sub(saved) < 250*time.Millisecond {
			t.Errorf("%v after %s", *changes, (*changes)[0].at.Sub(saved))
		}
	})
}

// A file that is rewritten with the same text is still being written: its time starts again.
func TestQuietCountsFromTheLastWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		_, changes := polled(t, Options{Files: []File{{Path: path}}, Quiet: whole})
		write(t, path, "new\n")
		time.Sleep(1900 * time.Millisecond)
		must(t, os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, 0))) // an older time too
		touched := time.Now()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(*changes) != 1 || (*changes)[0].at.Sub(touched) < 2*time.Second {
			t.Errorf("reported %v, touched %s", *changes, touched)
		}
	})
}

// A file that keeps changing is logged once and never reported; a change of another file is
// reported.
func TestChangingSince(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "m"), filepath.Join(dir, "token")
	write(t, path, "old\n")
	write(t, other, "old\n")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w, changes := polled(t, Options{
			Files: []File{{Path: path}, {Path: other}}, Quiet: whole,
			Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		})
		first := time.Now()
		for i := range 60 {
			write(t, path, fmt.Sprintf("%d\n", i))
			if i == 20 {
				write(t, other, "quick\n")
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if len(*changes) != 1 || (*changes)[0].text != "quick\n" {
			t.Errorf("reported %v", *changes)
		}
		if n := strings.Count(log.String(), `"code":"file_restless"`); n != 1 {
			t.Errorf("logged %d times: %s", n, &log)
		}
		if at := w.ChangingSince(path); at.Sub(first) > 20*time.Millisecond || at.IsZero() || !w.ChangingSince(other).IsZero() {
			t.Errorf("changing since %s, written since %s", at, first)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(*changes) != 2 || (*changes)[1].text != "59\n" || !w.ChangingSince(path).IsZero() {
			t.Errorf("reported %v, changing since %s", *changes, w.ChangingSince(path))
		}
	})
}

// After SetInUse, a file that gets its previous content back has changed.
func TestSetInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		w, changes := polled(t, Options{Files: []File{{Path: path}}, Quiet: whole})
		write(t, path, "new\n")
		time.Sleep(time.Second)
		w.SetInUse(path, []byte("new\n"))
		time.Sleep(5 * time.Second)
		if len(*changes) != 0 {
			t.Fatalf("reported %v", *changes)
		}
		write(t, path, "old\n")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(*changes) != 1 || (*changes)[0].text != "old\n" {
			t.Errorf("reported %v", *changes)
		}
	})
}

// Files that are saved together are reported together.
func TestChangesComeTogether(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	write(t, cert, "c1")
	write(t, key, "k1")
	synctest.Test(t, func(t *testing.T) {
		_, changes := polled(t, Options{Files: []File{{Path: cert}, {Path: key}}})
		write(t, cert, "c2")
		time.Sleep(200 * time.Millisecond)
		write(t, key, "k2")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(*changes) != 2 || !(*changes)[0].at.Equal((*changes)[1].at) {
			t.Errorf("reported %v", *changes)
		}
	})
}
