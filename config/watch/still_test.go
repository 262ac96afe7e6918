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

// saw is a change as a test's watcher told it.
type saw struct {
	text string
	at   time.Time
}

// polled runs a watcher by polling, whose time is faked and whose files are real.
func polled(t *testing.T, o Options) (*Watcher, *[]saw) {
	t.Helper()
	var all []saw
	o.Mode, o.Poll = Poll, 10*time.Millisecond
	o.OnChange = func(cs []Change) {
		for _, c := range cs {
			all = append(all, saw{string(c.Data), time.Now()})
		}
	}
	w := New(o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() { cancel(); must(t, <-ended) })
	time.Sleep(time.Millisecond) // faked: the first look
	synctest.Wait()
	return w, &all
}

// whole is told by its last line; what lacks it must have been still for 2 s.
func whole(c Change) time.Duration {
	if strings.HasSuffix(string(c.Data), "quick\n") {
		return 0
	}
	return 2 * time.Second
}

// A writer that pauses in the middle is not taken for done, in whatever way its
// pieces come to be in the file; then it is taken within one poll.
func TestStillWaitsForSlowWriters(t *testing.T) {
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
					_, told := polled(t, Options{Files: []File{{Path: filepath.Join(dir, "m")}}, Still: whole})
					text := ""
					for i := 1; i <= 5; i++ {
						text += fmt.Sprintf("line %d\n", i)
						save(t, dir, text, i)
						time.Sleep(pause)
					}
					done := time.Now().Add(-pause)
					time.Sleep(5 * time.Second)
					synctest.Wait()
					if len(*told) != 1 || (*told)[0].text != text {
						t.Fatalf("told %v", *told)
					}
					if d := (*told)[0].at.Sub(done); d < 2*time.Second || d > 2*time.Second+20*time.Millisecond {
						t.Errorf("taken %s after the last piece", d)
					}
				})
			})
		}
	}
}

func TestStillIsShortWhereNothingIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		_, told := polled(t, Options{Files: []File{{Path: path}}, Still: whole})
		saved := time.Now()
		write(t, path, "quick\n")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(*told) != 1 || (*told)[0].at.Sub(saved) > 270*time.Millisecond || (*told)[0].at.Sub(saved) < 250*time.Millisecond {
			t.Errorf("%v after %s", *told, (*told)[0].at.Sub(saved))
		}
	})
}

// The same text written anew is a writer at work: time starts again.
func TestStillCountsFromTheLastWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		_, told := polled(t, Options{Files: []File{{Path: path}}, Still: whole})
		write(t, path, "new\n")
		time.Sleep(1900 * time.Millisecond)
		must(t, os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, 0))) // an older time too
		touched := time.Now()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(*told) != 1 || (*told)[0].at.Sub(touched) < 2*time.Second {
			t.Errorf("told %v, touched %s", *told, touched)
		}
	})
}

// A file that never gets still is said once and never taken; another one beside it
// is.
func TestRestlessFileIsSaid(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "m"), filepath.Join(dir, "token")
	write(t, path, "old\n")
	write(t, other, "old\n")
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w, told := polled(t, Options{
			Files: []File{{Path: path}, {Path: other}}, Still: whole,
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
		if len(*told) != 1 || (*told)[0].text != "quick\n" {
			t.Errorf("told %v", *told)
		}
		if n := strings.Count(log.String(), `"code":"file_restless"`); n != 1 {
			t.Errorf("said %d times: %s", n, &log)
		}
		if at := w.Restless(path); at.Sub(first) > 20*time.Millisecond || at.IsZero() || !w.Restless(other).IsZero() {
			t.Errorf("restless since %s, written since %s", at, first)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(*told) != 2 || (*told)[1].text != "59\n" || !w.Restless(path).IsZero() {
			t.Errorf("told %v, restless since %s", *told, w.Restless(path))
		}
	})
}

// What was read by hand is what is in use: the file that goes back to what it was
// before is a change.
func TestKnow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	write(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		w, told := polled(t, Options{Files: []File{{Path: path}}, Still: whole})
		write(t, path, "new\n")
		time.Sleep(time.Second)
		w.Know(path, []byte("new\n"))
		time.Sleep(5 * time.Second)
		if len(*told) != 0 {
			t.Fatalf("told %v", *told)
		}
		write(t, path, "old\n")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(*told) != 1 || (*told)[0].text != "old\n" {
			t.Errorf("told %v", *told)
		}
	})
}

// Files that are saved together are told together.
func TestChangesComeTogether(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	write(t, cert, "c1")
	write(t, key, "k1")
	synctest.Test(t, func(t *testing.T) {
		_, told := polled(t, Options{Files: []File{{Path: cert}, {Path: key}}})
		write(t, cert, "c2")
		time.Sleep(200 * time.Millisecond)
		write(t, key, "k2")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(*told) != 2 || !(*told)[0].at.Equal((*told)[1].at) {
			t.Errorf("told %v", *told)
		}
	})
}
