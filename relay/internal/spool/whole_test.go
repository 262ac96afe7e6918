package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/relay/internal/spool/rows"
)

// droppedFile writes a file with an old modification time.
func droppedFile(t *testing.T, content string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sales.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func day(name string, n int) string {
	var b strings.Builder
	b.WriteString("event,timestamp,day,n\n")
	for i := range n {
		fmt.Fprintf(&b, "Sale,2026-11-20T10:00Z,%s,%d\n", name, i)
	}
	return b.String()
}

// A file that is rewritten at any moment of its import is read as it was, or the import returns an
// error. Two contents are never mixed, and a digest is never that of content that was not read.
func TestRewritten(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	const n = 40000 // more than two blocks
	monday, tuesday := day("mon", n), day("tue", n)
	for _, moment := range []string{"surveyed", "checked", "half way", "last batch"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			f := droppedFile(t, monday)
			rewrite := func() {
				if err := os.WriteFile(f.Name(), []byte(tuesday), 0o600); err != nil { // in place
					t.Error(err)
				}
			}
			m := &memory{}
			o := Options{Queue: m, Name: f.Name(), State: StateFile(filepath.Join(t.TempDir(), "state"))}
			first := o
			switch moment {
			case "surveyed":
				first.OnKey = func(string) { rewrite() }
			case "checked":
				first.Checked = func(string) { rewrite() }
			default:
				at := map[string]int{"half way": n / batchRows / 2, "last batch": n / batchRows}[moment]
				m.before = func(call int) error {
					if call == at {
						rewrite()
					}
					return nil
				}
			}
			rep, err := Import(t.Context(), f, first)
			if strings.Contains(m.bodies(), "tue") {
				t.Fatal("rows of the second content were stored under the digest of the first")
			}
			if err == nil && rep.Stored != n || err != nil && !errors.Is(err, rows.ErrChanged) {
				t.Fatalf("%+v %v", rep, err)
			}
			m.before = nil
			if rep, err = Import(t.Context(), f, o); err != nil || rep.Stored != n || rep.Already {
				t.Errorf("Tuesday: %+v %v", rep, err)
			}
			if err := os.WriteFile(f.Name(), []byte(monday), 0o600); err != nil {
				t.Fatal(err)
			}
			o.State = nil
			if rep, err = Import(t.Context(), f, o); err != nil || rep.Stored+rep.Duplicates != n {
				t.Errorf("Monday again: %+v %v", rep, err)
			}
			if m.count() != 2*n {
				t.Errorf("%d stored, want every row of both days", m.count())
			}
		})
	}
}

// Content added while a file is imported is reported, not silently lost.
func TestGrows(t *testing.T) {
	t.Parallel()
	f := droppedFile(t, day("mon", 3))
	m := &memory{before: func(int) error {
		g, err := os.OpenFile(f.Name(), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = g.WriteString("Sale,2026-11-20T10:00Z,tue,0\n")
		return errors.Join(err, g.Close())
	}}
	rep, err := Import(t.Context(), f, Options{Queue: m})
	if !errors.Is(err, ErrGrown) || rep.Stored != 3 {
		t.Errorf("%+v %v", rep, err)
	}
}

// The import waits for a file that was changed a moment ago.
func TestSettle(t *testing.T) {
	t.Parallel()
	f := droppedFile(t, day("mon", 3))
	now := time.Now()
	if err := os.Chtimes(f.Name(), now, now); err != nil {
		t.Fatal(err)
	}
	const quiet = 150 * time.Millisecond
	rep, err := Import(t.Context(), f, Options{Queue: &memory{}, Settle: quiet})
	if err != nil || rep.Stored != 3 || time.Since(now) < quiet {
		t.Errorf("%+v %v after %v", rep, err, time.Since(now))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = os.Chtimes(f.Name(), time.Now(), time.Now())
	if _, err := Import(ctx, f, Options{Queue: &memory{}, Settle: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while waiting: %v", err)
	}
}

// In a file that could be growing, a last line without a line end is not read unless Final is set.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	whole := day("mon", 3)
	cut := whole[:len(whole)-2]
	for _, f := range []string{cut, utf16le(cut), "event,timestamp", ""} {
		m := &memory{}
		if rep, err := Import(t.Context(), strings.NewReader(f), Options{Queue: m, Name: "a.csv", Growing: true}); !errors.Is(err, ErrUnfinished) || rep.Rows != 0 || m.calls != 0 {
			t.Errorf("%q: %+v %v", f, rep, err)
		}
	}
	for _, f := range []string{whole, utf16le(whole), utf16be(whole), strings.ReplaceAll(whole, "\n", "\r")} {
		if rep, err := Import(t.Context(), strings.NewReader(f), Options{Queue: &memory{}, Name: "a.csv", Growing: true}); err != nil || rep.Stored != 3 {
			t.Errorf("%q: %+v %v", f, rep, err)
		}
	}
	if rep, err := Import(t.Context(), strings.NewReader(strings.TrimSpace(whole)), Options{Queue: &memory{}, Growing: true, Final: true}); err != nil || rep.Stored != 3 {
		t.Errorf("final: %+v %v", rep, err)
	}
}

// A file with its own key that has more rows by now continues after the processed ones; one with
// other content is another file.
func TestFollows(t *testing.T) {
	t.Parallel()
	m := &memory{}
	o := Options{Queue: m, Key: "spool-x", State: StateFile(filepath.Join(t.TempDir(), "state")), Growing: true}
	for _, step := range []struct {
		content         string
		stored, resumed int64
		all             int
	}{
		{day("mon", 3), 3, 0, 3},
		{day("mon", 3), 3, 3, 3},
		{day("mon", 5), 5, 3, 5},
		{day("tue", 4), 4, 0, 9},
		{day("tue", 6), 6, 4, 11},
		{day("wed", 2), 2, 0, 13},
	} {
		rep, err := Import(t.Context(), strings.NewReader(step.content), o)
		if err != nil || rep.Stored != step.stored || rep.Resumed != step.resumed || m.count() != step.all {
			t.Errorf("%+v %v, %d in the queue, want %+v", rep, err, m.count(), step)
		}
	}
}

// The process ends again and again while a file is read. Waiting for the queue, stopping and
// progress are not counted.
func TestCrashes(t *testing.T) {
	t.Parallel()
	type end struct{}
	for _, tc := range []struct {
		name    string
		rows    int
		die     func(call int) bool // in the Append of that number
		crashed bool
	}{
		{"before a row is stored", 10, func(int) bool { return true }, true},
		{"later, at the same place", 3*batchRows + 1, func(call int) bool { return call != 1 && call != 2 }, true},
		{"and gets on each time", 9*batchRows + 1, func(call int) bool { return call%2 == 0 }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := &memory{}
			o := Options{Queue: m, Key: "spool-x", MaxCrashes: 3, CheckRows: -1, State: StateFile(filepath.Join(t.TempDir(), "state")), Growing: true}
			m.before = func(call int) error {
				if tc.die(call) {
					panic(end{})
				}
				return nil
			}
			run := func() (err error, died bool) {
				defer func() {
					if r := recover(); r != nil {
						if _, ok := r.(end); !ok {
							panic(r)
						}
						died = true
					}
				}()
				_, err = Import(t.Context(), strings.NewReader(sales(0, tc.rows)), o)
				return err, false
			}
			deaths := 0
			for range 20 {
				err, died := run()
				if died {
					deaths++
					continue
				}
				if tc.crashed != errors.Is(err, ErrCrashes) || !tc.crashed && (err != nil || m.count() != tc.rows) {
					t.Errorf("%v, %d stored", err, m.count())
				}
				break
			}
			if tc.crashed && deaths != 3 {
				t.Errorf("%d deaths, want 3", deaths)
			}
		})
	}
	t.Run("after all of it is stored", func(t *testing.T) {
		t.Parallel()
		m := &memory{}
		o := Options{Queue: deadly{m}, Key: "spool-x", MaxCrashes: 3, State: StateFile(filepath.Join(t.TempDir(), "state")), Growing: true}
		if rep, err := Import(t.Context(), strings.NewReader(sales(0, 3)), o); err != nil || rep.Stored != 3 {
			t.Fatal(rep, err)
		}
		die := func(f io.ReadSeeker) {
			defer func() { _ = recover() }()
			_, _ = Import(t.Context(), f, o)
			t.Error("it did not die")
		}
		for range 5 { // it cannot be moved to done, and the process is killed while it reads it again
			die(deadlyFile{strings.NewReader(sales(0, 3))})
		}
		if rep, err := Import(t.Context(), strings.NewReader(sales(0, 3)), o); err != nil || !rep.Already {
			t.Fatalf("%+v, %v", rep, err)
		}
		grown := sales(0, 3) + `{"event":"Deadly","timestamp":"2026-11-20T10:00Z"}` + "\n"
		for range 3 {
			die(strings.NewReader(grown))
		}
		if _, err := Import(t.Context(), strings.NewReader(grown), o); !errors.Is(err, ErrCrashes) {
			t.Errorf("rows added later: %v", err)
		}
	})
	t.Run("while it waits for the queue", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			state := StateFile(filepath.Join(dir, "state"))
			for range 5 {
				func() {
					defer func() { _ = recover() }()
					full := 0
					m := &memory{before: func(int) error {
						if full++; full > 1 {
							panic(end{}) // the process is killed while it waits
						}
						return errFull
					}}
					_, _ = Import(t.Context(), strings.NewReader(sales(0, 3)), Options{Queue: m, Key: "spool-x", MaxCrashes: 3, State: state, Growing: true})
				}()
			}
			rep, err := Import(t.Context(), strings.NewReader(sales(0, 3)), Options{Queue: &memory{}, Key: "spool-x", MaxCrashes: 3, State: state, Growing: true})
			if err != nil || rep.Stored != 3 {
				t.Errorf("%+v %v", rep, err)
			}
		})
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		state := StateFile(filepath.Join(t.TempDir(), "state"))
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			m := &memory{before: func(int) error { cancel(); return errFull }}
			if _, err := Import(ctx, strings.NewReader(sales(0, 3)), Options{Queue: m, Key: "spool-x", MaxCrashes: 3, State: state, Growing: true}); err == nil || errors.Is(err, ErrCrashes) {
				t.Fatal(err)
			}
		}
	})
}

// A row is the same sale in the next export, whatever else it contains.
func TestOnce(t *testing.T) {
	t.Parallel()
	m := &memory{}
	o := Options{Queue: m, Name: "a.csv", Layout: rows.Layout{ID: "Bon", Columns: []rows.Column{{Path: "order_id", From: "Bon"}}}}
	for _, step := range []struct {
		file            string
		stored, changed int64
	}{
		{"event,timestamp,Bon,state\nSale,2026-11-01T10:00Z,1,paid\nSale,2026-11-02T10:00Z,2,paid\n", 2, 0},
		{"event,timestamp,Bon,state\nSale,2026-11-01T10:00Z,1,paid\nSale,2026-11-02T10:00Z,2,shipped\nSale,2026-11-03T10:00Z,3,paid\n", 1, 1},
		{"state,event,Bon,timestamp\npaid,Refund,1,2026-11-01T10:00Z\nx,Sale,1,2026-11-01T10:00Z\n", 1, 1},
	} {
		rep, err := Import(t.Context(), strings.NewReader(step.file), o)
		if err != nil || rep.Stored != step.stored || rep.Changed != step.changed || rep.Conflicts != 0 {
			t.Errorf("%+v %v, want %d stored, %d changed", rep, err, step.stored, step.changed)
		}
	}
	for _, e := range m.entries {
		if e.Space != queue.BySale || !strings.HasPrefix(e.ID, "sale-") {
			t.Errorf("%+v", e)
		}
	}
	if _, err := Import(t.Context(), strings.NewReader("event,timestamp,Bon\nSale,2026-11-01T10:00Z,\n"), o); err == nil || !strings.Contains(err.Error(), `column "Bon", which identifies sales, is empty`) {
		t.Errorf("a row without an id: %v", err)
	}
	o.ID = "Order"
	if _, err := Import(t.Context(), strings.NewReader("event,timestamp,Bon\nSale,2026-11-01T10:00Z,1\n"), o); err == nil || !strings.Contains(err.Error(), `there is no column "Order"; the columns are: event, timestamp, Bon`) {
		t.Errorf("an unknown column: %v", err)
	}
}

// Quotes that never close cost time in proportion to the file.
func TestQuotesCost(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for _, line := range []string{`",a","` + "\n", `"aaa` + "\n", `x,"` + "\n", `"""` + "\n", `"",""` + "\n\"\n"} {
		cost := func(size int) time.Duration {
			file := "event,timestamp,c\n" + strings.Repeat(line, size/len(line))
			begin := time.Now()
			_, _ = Import(t.Context(), strings.NewReader(file), Options{Queue: &memory{}, Name: "a.csv", SkipBad: true, CheckRows: -1})
			return time.Since(begin)
		}
		one, four := cost(64<<10), cost(256<<10)
		if four > 12*one+time.Second {
			t.Errorf("%q: %v for 64 KiB, %v for 256 KiB", line, one, four)
		}
	}
}

// A gzip file that unpacks to far more than an export is refused while it is unpacked.
func TestGzipCost(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	bomb := gzipped(strings.Repeat("\n", 256<<20))
	_, err := Import(t.Context(), strings.NewReader(bomb), Options{Queue: &memory{}, Name: "a.csv.gz"})
	if err == nil || !strings.Contains(err.Error(), "unpacks to more than 250 times its size") {
		t.Error(err)
	}
}
