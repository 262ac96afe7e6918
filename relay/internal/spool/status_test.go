package spool

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// stage is a directory with a fake clock.
type stage struct {
	*Directory
	t   *testing.T
	dir string
	m   *memory
	log bytes.Buffer
	now time.Time
	o   DirectoryOptions
}

func newStage(t *testing.T, o DirectoryOptions) *stage {
	t.Helper()
	s := &stage{t: t, dir: filepath.Join(t.TempDir(), "spool"), m: &memory{}, now: time.Now()}
	o.Dir, o.Queue, o.Now, o.Logger = s.dir, s.m, func() time.Time { return s.now }, slog.New(slog.NewTextHandler(&s.log, nil))
	o.Quiet = time.Second
	s.o = o
	s.again()
	return s
}

// again starts a new process.
func (s *stage) again() {
	s.t.Helper()
	s.Directory = newDirectory(s.t, s.o)
}

// pass scans repeatedly while time passes.
func (s *stage) pass(d time.Duration) {
	for end := s.now.Add(d); s.now.Before(end); s.now = s.now.Add(500 * time.Millisecond) {
		s.scan(s.t.Context())
	}
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// All kinds of files are read when they are dropped.
func TestFieldSpool(t *testing.T) {
	t.Parallel()
	for _, tc := range allCases() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			name, content := fieldFile(t, tc.file, tc.text, tc.ext)
			s := newStage(t, DirectoryOptions{Layout: tc.l, Keep: -1})
			drop(t, s.dir, name, content)
			s.pass(20 * time.Second)
			got := tree(t, s.dir)
			reports, _ := filepath.Glob(s.path("refused/*.*.jsonl"))
			said := ""
			for _, r := range reports {
				b, _ := os.ReadFile(r)
				said += string(b)
			}
			switch want := "done/" + name; {
			case content == "":
				if got != name || s.Status().Waiting+s.Status().NotTaken[Empty] != 1 {
					t.Errorf("an empty file: %s, %+v", got, s.Status())
				}
				return
			case tc.refused != "":
				want = "refused/" + name + " refused/" + name + ".CLAIM.jsonl"
				if got != want || s.m.calls > 0 {
					t.Errorf("files %s, want %s", got, want)
				}
				if head, _, _ := strings.Cut(tc.refused, "\n"); !strings.Contains(said, strings.ReplaceAll(head, `"`, `\"`)) {
					t.Errorf("not in the report: %s\n%s", tc.refused, said)
				}
			case len(reports) > 0:
				want += " refused/" + name + ".CLAIM.jsonl"
				fallthrough
			default:
				if got != want {
					t.Errorf("files %s, want %s\n%s", got, want, said)
				}
			}
			if got, want := s.m.bodies(), strings.Join(tc.want, "\n"); got != want {
				t.Errorf("stored\n%s\nwant\n%s", got, want)
			}
			for _, want := range tc.report {
				if !strings.Contains(said, want) && !strings.Contains(said, strings.ReplaceAll(want, `"`, `\"`)) {
					t.Errorf("not in the report: %s\n%s", want, said)
				}
			}
		})
	}
}

// Files that are not taken are reported once, without their names.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	for _, name := range []string{"ada@example.com.xlsx", "b.xls", "c.pdf", "noext", "Ada Lovelace +1 212 555 0147", "x.ADA LOVELACE", "y.z w", "a.csv.zip"} {
		drop(t, s.dir, name, "something")
	}
	drop(t, s.dir, "empty.csv", "")
	drop(t, s.dir, "later.csv.part", "event")
	drop(t, s.dir, "good.jsonl", sales(0, 2))
	if err := errors.Join(os.Mkdir(s.path("folder.csv"), 0o700), os.Symlink("/etc/hostname", s.path("link.csv"))); err != nil {
		t.Fatal(err)
	}
	s.pass(5 * time.Second)
	if st := s.Status(); len(st.NotTaken) > 0 || st.Waiting != 1 || st.Done != 1 { // empty.csv can still be filled
		t.Errorf("first status: %+v", st)
	}
	s.pass(3 * time.Minute)
	s.now = s.now.Add(time.Hour)
	s.pass(2 * time.Second)
	st := s.Status()
	if want := map[Reason]int{OtherKind: 8, Empty: 1, NoFile: 2, Unfinished: 1}; fmt.Sprint(st.NotTaken) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", st.NotTaken, want)
	}
	if want := []string{".pdf", ".xls", ".xlsx", ".zip", "other"}; !slices.Equal(st.Kinds, want) {
		t.Errorf("kinds %q, want %q", st.Kinds, want)
	}
	if st.Since.IsZero() || s.now.Sub(st.Since) < time.Hour {
		t.Errorf("since %v", st.Since)
	}
	log, claims := s.log.String(), regexp.MustCompile(`claim=[0-9a-f]+`)
	if n := strings.Count(log, "spool_not_taken"); n != 12 {
		t.Errorf("logged %d times:\n%s", n, log)
	}
	for _, never := range []string{"ada", "Ada", "ADA", "+1 212"} {
		if strings.Contains(claims.ReplaceAllString(strings.ReplaceAll(log, s.dir, ""), ""), never) {
			t.Errorf("the log contains %s:\n%s", never, log)
		}
	}
	// An empty file that is filled later is taken.
	drop(t, s.dir, "empty.csv", "event,timestamp\nSale,2026-11-20T10:00Z\n")
	s.pass(3 * time.Second)
	if st := s.Status(); s.m.count() != 3 || st.NotTaken[Empty] != 0 || st.Done != 2 {
		t.Errorf("%d stored, %+v", s.m.count(), st)
	}
}

// Files that are created first, written in pieces, truncated and rewritten, or appended to, at any
// pace, are stored completely; none is moved to done before.
func TestSlowWriters(t *testing.T) {
	t.Parallel()
	row := func(i int) string { return fmt.Sprintf("Sale,2026-11-20T10:00Z,%d\n", i) }
	const head = "event,timestamp,n\n"
	type step struct {
		pause time.Duration
		add   string
		trunc bool
	}
	for name, steps := range map[string][]step{
		"created, written later":        {{0, "", false}, {30 * time.Second, head + row(1) + row(2), false}},
		"header first":                  {{0, head, false}, {3 * time.Second, row(1), false}, {0, row(2), false}},
		"cut in a row":                  {{0, head + row(1) + "Sale,2026-11-2", false}, {3 * time.Second, "0T10:00Z,2\n", false}},
		"cut in a number":               {{0, head + row(1) + "Sale,2026-11-20T10:00Z,", false}, {4 * time.Second, "2\n", false}},
		"cut in the header":             {{0, "event,timest", false}, {4 * time.Second, "amp,n\n" + row(1) + row(2), false}},
		"truncated and written anew":    {{0, head + row(1), false}, {900 * time.Millisecond, head + row(1) + row(2), true}},
		"truncated, then written later": {{0, head + row(1), false}, {900 * time.Millisecond, "", true}, {20 * time.Second, head + row(1) + row(2), false}},
		"row by row":                    {{0, head, false}, {900 * time.Millisecond, row(1), false}, {900 * time.Millisecond, row(2), false}},
		"without an end":                {{0, head + row(1) + strings.TrimSpace(row(2)), false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, DirectoryOptions{Keep: -1})
			for _, st := range steps {
				s.pass(st.pause)
				flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
				if st.trunc {
					flags = os.O_CREATE | os.O_WRONLY | os.O_TRUNC
				}
				at := s.path("a.csv")
				if claims, _ := filepath.Glob(s.path(".work/*/file-a.csv")); len(claims) == 1 { // it has the file open
					at = claims[0]
				}
				f, err := os.OpenFile(at, flags, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				_, err = f.WriteString(st.add)
				if err := errors.Join(err, f.Close()); err != nil {
					t.Fatal(err)
				}
				// The modification time is that of the stage.
				if err := os.Chtimes(at, s.now, s.now); err != nil {
					t.Fatal(err)
				}
			}
			s.pass(30 * time.Second)
			if got := tree(t, s.dir); got != "done/a.csv" || strings.Count(s.m.bodies(), `"n":`) != 2 || !strings.Contains(s.m.bodies(), `"n":2}`) {
				t.Errorf("files %s, stored\n%s\n%s", got, s.m.bodies(), &s.log)
			}
		})
	}
}

// A file that a program has open for writing is not taken, however long it is unchanged.
func TestOpenForWriting(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says who writes")
	}
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	f, err := os.Create(s.path("a.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, _ = f.WriteString("event,timestamp\n")
	s.pass(10 * time.Minute)
	if got := tree(t, s.dir); got != "a.csv" || s.Status().NotTaken[Open] != 1 || !strings.Contains(s.log.String(), "reason=open") {
		t.Errorf("files %s, %+v\n%s", got, s.Status(), &s.log)
	}
	_, err = f.WriteString("Sale,2026-11-20T10:00Z\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s.pass(15 * time.Second)
	if got := tree(t, s.dir); got != "done/a.csv" || s.m.count() != 1 || len(s.Status().NotTaken) != 0 {
		t.Errorf("files %s, %d stored, %+v", got, s.m.count(), s.Status())
	}
}

// A user who can drop files puts links, directories and files where relay's directories are.
// Nothing outside is changed, nothing is taken, and it is reported.
func TestForeignDirectories(t *testing.T) {
	t.Parallel()
	for _, sub := range []string{workDir, doneDir, refusedDir} {
		for _, what := range []string{"link outside", "link inside", "file", "gone"} {
			t.Run(sub+" "+what, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, DirectoryOptions{Keep: 7 * 24 * time.Hour})
				victim := t.TempDir()
				old := s.now.Add(-40 * 24 * time.Hour)
				drop(t, victim, "old.txt", "theirs")
				drop(t, s.dir, "a.jsonl", sales(0, 1)+"bad\n")
				for _, p := range []string{filepath.Join(victim, "old.txt")} {
					if err := os.Chtimes(p, old, old); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Rename(s.path(sub), s.path("elsewhere")); err != nil {
					t.Fatal(err)
				}
				var err error
				switch what {
				case "link outside":
					err = os.Symlink(victim, s.path(sub))
				case "link inside":
					err = os.Symlink("elsewhere", s.path(sub))
				case "file":
					err = os.WriteFile(s.path(sub), []byte("x"), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				s.pass(10 * time.Second)
				if what == "gone" {
					if s.m.count() != 1 {
						t.Errorf("%d stored", s.m.count())
					}
					return
				}
				if got := tree(t, victim); got != "old.txt" || s.m.count() != 0 {
					t.Errorf("theirs: %s, %d stored", got, s.m.count())
				}
				if log := s.log.String(); strings.Count(log, "spool_unusable") != 1 || !strings.Contains(log, sub+" in the spool directory") {
					t.Errorf("log:\n%s", log)
				}
				if s.Status().Problem == "" {
					t.Errorf("%+v", s.Status())
				}
				if err := os.Remove(s.path(sub)); err != nil {
					t.Fatal(err)
				}
				s.pass(10 * time.Second)
				if got := tree(t, s.dir); s.m.count() != 1 || !strings.Contains(got, "done/a.jsonl") || s.Status().Problem != "" {
					t.Errorf("after the repair: %d stored, %s, %+v", s.m.count(), got, s.Status())
				}
			})
		}
	}
}

// Other users cannot read claimed, done or refused files, and cannot move each other's files.
func TestRights(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("rights are in the ACL there")
	}
	t.Parallel()
	s := newStage(t, DirectoryOptions{})
	if err := os.Chmod(s.path(doneDir), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	s.pass(time.Second)
	for _, sub := range []string{workDir, doneDir, refusedDir} {
		if fi, err := os.Stat(s.path(sub)); err != nil || fi.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", sub, fi.Mode(), err)
		}
	}
	if fi, err := os.Stat(s.dir); err != nil || fi.Mode()&os.ModeSticky == 0 || fi.Mode().Perm() != 0o777 {
		t.Errorf("%v %v", fi.Mode(), err)
	}
}

// A directory that replaces the first one is detected.
func TestReplacedDirectory(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	s.pass(time.Second)
	if err := os.Rename(s.dir, s.dir+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	drop(t, s.dir, "a.jsonl", sales(0, 1))
	s.pass(10 * time.Second)
	if got := tree(t, s.dir); got != "done/a.jsonl" || s.m.count() != 1 {
		t.Errorf("%s, %d stored", got, s.m.count())
	}
}

// A file during which the process ends three times is quarantined; files that only wait are not.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	drop(t, s.dir, "crashed.jsonl", `{"event":"Deadly","timestamp":"2026-11-20T10:00Z"}`+"\n")
	drop(t, s.dir, "good.jsonl", sales(1, 1))
	deaths := 0
	s.o.Queue = deadly{s.m}
	s.again()
	run := func() {
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(death); !ok {
					panic(r)
				}
				deaths++
				s.again()
			}
		}()
		s.pass(30 * time.Second)
	}
	for range 6 {
		run()
	}
	if got := tree(t, s.dir); deaths != 3 || got != "done/good.jsonl refused/crashed.jsonl refused/crashed.jsonl.CLAIM.jsonl" || s.m.count() != 1 {
		t.Errorf("%d deaths, %d stored, files %s", deaths, s.m.count(), got)
	}
	if log := s.log.String(); strings.Count(log, "spool_quarantined") != 1 {
		t.Errorf("log:\n%s", log)
	}
	reports, _ := filepath.Glob(s.path("refused/crashed.jsonl.*.jsonl"))
	if b, err := os.ReadFile(reports[0]); err != nil || !strings.Contains(string(b), `"code":"quarantined"`) {
		t.Errorf("%s %v", b, err)
	}
}

// Many files are dropped at once, each in another way, with the real clock: every file in done has
// been stored.
func TestBusyWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &memory{}
	notify := make(chan struct{}, 1)
	d := newDirectory(t, DirectoryOptions{Dir: dir, Queue: m, Notify: notify, Quiet: 20 * time.Millisecond, Poll: 10 * time.Millisecond, Keep: -1})
	var writers, runs sync.WaitGroup
	runs.Go(func() { _ = d.Run(t.Context()) })
	const files = 120
	for i := range files {
		writers.Go(func() {
			at := filepath.Join(dir, fmt.Sprintf("%d.csv", i))
			row := fmt.Sprintf("Sale,2026-11-20T10:00Z,%d\n", i)
			pause := func() {
				timer := time.NewTimer(time.Duration(rand.IntN(60)) * time.Millisecond)
				<-timer.C // a random moment, on which no assertion depends
			}
			pause()
			switch i % 4 {
			case 0: // in one write
				_ = os.WriteFile(at, []byte("event,timestamp,n\n"+row), 0o600)
			case 1: // under another name
				_ = os.WriteFile(at+".part", []byte("event,timestamp,n\n"+row), 0o600)
				pause()
				_ = os.Rename(at+".part", at)
			case 2: // in pieces, kept open
				f, err := os.Create(at)
				if err != nil {
					t.Error(err)
					return
				}
				for _, piece := range []string{"", "event,timest", "amp,n\n", row[:5], row[5:]} {
					pause()
					_, _ = f.WriteString(piece)
				}
				_ = f.Close()
			case 3: // created, later written by name, if it still exists
				_ = os.WriteFile(at, nil, 0o600)
				pause()
				pause()
				_ = os.WriteFile(at, []byte("event,timestamp,n\n"+row), 0o600)
			}
		})
	}
	writers.Wait()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	done := func() int { es, _ := os.ReadDir(filepath.Join(dir, doneDir)); return len(es) }
	for done() < files && time.Now().Before(deadline) {
		<-tick.C
	}
	got := m.bodies()
	for i := range files {
		if n := strings.Count(got, fmt.Sprintf(`"n":%d}`, i)); n != 1 {
			t.Errorf("sale %d arrived %d times, file written in way %d; files %s", i, n, i%4, tree(t, dir))
		}
	}
}
