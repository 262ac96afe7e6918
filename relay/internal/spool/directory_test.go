package spool

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
)

// tree lists the files below dir, hidden ones too. Random names become CLAIM.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		parts := strings.FieldsFunc(rel, func(r rune) bool { return r == '.' || r == '/' })
		for _, p := range parts {
			if len(p) == 16 && strings.Trim(p, "0123456789abcdef") == "" {
				rel = strings.ReplaceAll(rel, p, "CLAIM")
			}
		}
		all = append(all, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func drop(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newDirectory(t *testing.T, o DirectoryOptions) *Directory {
	t.Helper()
	d, err := NewDirectory(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	m := &memory{}
	var log bytes.Buffer
	var reports []Report
	now := time.Now()
	d := newDirectory(t, DirectoryOptions{
		Dir: dir, Queue: m, Quiet: time.Second, Keep: 7 * 24 * time.Hour, Stored: func(r Report) { reports = append(reports, r) },
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})

	drop(t, dir, "a.jsonl", sales(0, 2))
	drop(t, dir, "b.csv", "event,timestamp\nSale,2026-11-20T10:00Z\nSale\n")
	drop(t, dir, "c.json", "{\n\"event\": \"Sale\"\n}\n")
	drop(t, dir, "wrong.csv", "no,evnt,here\n1,2,3\n")
	drop(t, dir, "bad.jsonl", "secret@example.com\n")
	drop(t, dir, "empty.jsonl", "")
	drop(t, dir, ".hidden.jsonl", sales(0, 1))
	drop(t, dir, "half.jsonl.part", sales(0, 1))
	drop(t, dir, "half.jsonl~", sales(0, 1))
	if err := os.Symlink(filepath.Join(dir, ".hidden.jsonl"), filepath.Join(dir, "link.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if d.scan(t.Context()) != time.Second || m.calls != 0 {
		t.Error("files were taken although they could be growing")
	}
	drop(t, dir, "a.jsonl", sales(0, 3)) // it was growing
	now = now.Add(time.Second)
	d.scan(t.Context())
	if m.count() != 2 {
		t.Errorf("%d events stored", m.count())
	}
	now = now.Add(time.Second)
	d.scan(t.Context())
	if m.count() != 5 {
		t.Errorf("%d events stored", m.count())
	}
	for _, e := range m.entries {
		if e.Flags != queue.FlagImported || !strings.HasPrefix(e.ID, "spool-") || now.Sub(e.Received) > time.Minute {
			t.Errorf("%+v", e)
		}
	}
	// Two equal files are two files.
	drop(t, dir, "a.jsonl", sales(0, 3))
	d.scan(t.Context())
	now = now.Add(time.Second)
	d.scan(t.Context())
	if m.count() != 8 {
		t.Errorf("%d stored after an equal file", m.count())
	}
	want := ".hidden.jsonl done/a.jsonl done/a.jsonl.CLAIM done/b.csv done/c.json empty.jsonl half.jsonl.part half.jsonl~ link.jsonl " +
		"refused/b.csv.CLAIM.jsonl refused/bad.jsonl refused/bad.jsonl.CLAIM.jsonl refused/wrong.csv refused/wrong.csv.CLAIM.jsonl"
	if got := tree(t, dir); got != want {
		t.Errorf("files\n%s\nwant\n%s", got, want)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "refused", "*.*.*.jsonl"))
	reported := ""
	for _, n := range names {
		b, _ := os.ReadFile(n)
		reported += string(b)
	}
	for _, want := range []string{`"row":2,"line":3,"code":"wrong_columns"`, `"text":"Sale"`, `no column has the event name`, `"code":"unusable_rows"`, `"code":"invalid_json"`} {
		if !strings.Contains(reported, want) {
			t.Errorf("not in the reports: %s\n%s", want, reported)
		}
	}
	if strings.Contains(log.String(), "secret@") || !strings.Contains(log.String(), "file refused") {
		t.Errorf("wrong log:\n%s", &log)
	}
	if len(reports) != 6 {
		t.Errorf("%d files reported", len(reports))
	}

	now = now.Add(8 * 24 * time.Hour)
	d.scan(t.Context())
	if got := tree(t, dir); strings.Contains(got, "done/") || !strings.Contains(got, "refused/bad.jsonl ") {
		t.Errorf("files after 8 days: %s", got)
	}
}

// A dropped table that is read as one column is refused: nothing of it is stored, and log and
// report name the separator.
func TestDirectoryOneColumn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	m := &memory{}
	var log bytes.Buffer
	now := time.Now()
	o := DirectoryOptions{Dir: dir, Queue: m, Quiet: time.Second, Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	o.Layout.Event = "Order Completed"
	d := newDirectory(t, o)
	table := func(sep string) string {
		return strings.ReplaceAll("Order No,E-Mail,Total,Currency\n"+strings.Repeat("R-1,pat@example.com,12.50,EUR\n", 100), ",", sep)
	}
	drop(t, dir, "hash.csv", table("#"))
	drop(t, dir, "space.txt.csv", table("\u00a0"))
	drop(t, dir, "title.csv", "Sales report\n"+table(";"))
	scan := func() {
		d.scan(t.Context())
		now = now.Add(time.Second)
		d.scan(t.Context())
	}
	scan()
	if m.calls != 0 {
		t.Errorf("%d events stored: %.200s", m.count(), m.bodies())
	}
	want := "refused/hash.csv refused/hash.csv.CLAIM.jsonl refused/space.txt.csv refused/space.txt.csv.CLAIM.jsonl refused/title.csv refused/title.csv.CLAIM.jsonl"
	if got := tree(t, dir); got != want {
		t.Errorf("files\n%s\nwant\n%s", got, want)
	}
	for _, want := range []string{"file refused", "'#' seems to separate columns", `'\\u00a0' seems to separate columns`, "';' separates columns in the rows below"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("not in the log: %s\n%s", want, &log)
		}
	}
	drop(t, dir, "tilde.csv", table("~"))
	scan()
	if m.count() != 100 || !strings.Contains(m.bodies(), `{"event":"Order Completed","properties":{"Order No":"R-1","E-Mail":"pat@example.com","Total":12.50,"Currency":"EUR"}}`) {
		t.Errorf("%d events stored: %.200s", m.count(), m.bodies())
	}
}

// The work is interrupted at each Append, before or after it, and another Directory continues, as
// after a crash.
func TestDirectoryResume(t *testing.T) {
	t.Parallel()
	for at := 1; at <= 3; at++ {
		for _, stored := range []bool{false, true} {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			m := &memory{}
			fail := func(call int) error {
				if call != at {
					return nil
				}
				cancel()
				return errors.New("killed")
			}
			if stored {
				m.after = fail
			} else {
				m.before = fail
			}
			const n = 2*batchRows + 7
			drop(t, dir, "a.jsonl", sales(0, n)+"bad\n")
			o := DirectoryOptions{Dir: dir, Queue: m, Quiet: -1, Keep: -1}
			newDirectory(t, o).scan(ctx)
			if got := tree(t, dir); !strings.HasPrefix(got, ".work/CLAIM/file-a.jsonl") {
				t.Fatalf("at %d: %s", at, got)
			}
			newDirectory(t, o).scan(t.Context())
			if got := tree(t, dir); got != "done/a.jsonl refused/a.jsonl.CLAIM.jsonl" || m.count() != n {
				t.Errorf("at %d, stored %v: %d in the queue, files %s", at, stored, m.count(), got)
			}
		}
	}
}

// The moves of a stored file are interrupted after each step.
func TestFinishIsRepeatable(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"nothing moved", "report moved", "file moved", "state removed"} {
		dir := t.TempDir()
		m := &memory{}
		d := newDirectory(t, DirectoryOptions{Dir: dir, Queue: m, Quiet: -1, Keep: -1})
		claim := filepath.Join(dir, workDir, "0123456789abcdef")
		if err := os.Mkdir(claim, 0o700); err != nil {
			t.Fatal(err)
		}
		drop(t, claim, fileName+"a.jsonl", sales(0, 2)+"bad\n")
		inside := workDir + "/0123456789abcdef"
		if _, verdict, _ := d.storeFile(t.Context(), inside, inside+"/"+fileName+"a.jsonl"); verdict == nil || verdict.to != doneDir {
			t.Fatal(verdict)
		}
		move := func(from, to string) {
			if err := os.Rename(filepath.Join(claim, from), filepath.Join(dir, to)); err != nil {
				t.Fatal(err)
			}
		}
		switch step {
		case "state removed":
			_ = os.Remove(filepath.Join(claim, stateName))
			fallthrough
		case "file moved":
			move(fileName+"a.jsonl", "done/a.jsonl")
			fallthrough
		case "report moved":
			move(reportName, "refused/a.jsonl.0123456789abcdef.jsonl")
		}
		newDirectory(t, d.o).scan(t.Context())
		if got := tree(t, dir); got != "done/a.jsonl refused/a.jsonl.CLAIM.jsonl" || m.count() != 2 {
			t.Errorf("%s: %d in the queue, files %s", step, m.count(), got)
		}
	}
}

// A till continues to write into a file that is being stored.
func TestGrowing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &memory{}
	m.before = func(call int) error {
		if call != 1 {
			return nil
		}
		paths, err := filepath.Glob(filepath.Join(dir, workDir, "*", fileName+"*"))
		if err != nil || len(paths) != 1 {
			return errors.New("no claimed file")
		}
		f, err := os.OpenFile(paths[0], os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString(sales(2, 3))
		return errors.Join(err, f.Close())
	}
	drop(t, dir, "a.jsonl", sales(0, 2))
	d := newDirectory(t, DirectoryOptions{Dir: dir, Queue: m, Quiet: -1, Keep: -1})
	for range 2 {
		if d.scan(t.Context()); strings.Contains(tree(t, dir), "done/") != (m.count() == 5) {
			t.Errorf("%d stored: %s", m.count(), tree(t, dir))
		}
	}
	if got := m.bodies() + "\n"; got != sales(0, 5) {
		t.Errorf("stored\n%s", got)
	}
}

// Run polls, and scans at once on a notice.
func TestDirectoryRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		notify := make(chan struct{})
		d := newDirectory(t, DirectoryOptions{Dir: dir, Queue: m, Notify: notify, Poll: time.Hour, Quiet: 2 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		drop(t, dir, "a.jsonl", sales(0, 1))
		notify <- struct{}{}
		time.Sleep(3 * time.Second) // of the fake clock
		synctest.Wait()
		if m.count() != 1 {
			t.Errorf("%d stored after a notice", m.count())
		}
		drop(t, dir, "b.jsonl", sales(0, 1))
		time.Sleep(time.Hour + 3*time.Second)
		synctest.Wait()
		if m.count() != 2 {
			t.Errorf("%d stored after a poll", m.count())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
