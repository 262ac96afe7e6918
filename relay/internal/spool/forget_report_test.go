package spool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/spool/rows"
)

// A row in a file's report is found exactly if it is found in the file, whatever determines the
// meaning of its columns.
func TestForgetReportLikeFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		layout     rows.Layout
		is, not    []string // what the rows are known by
	}{
		{
			name: "by the names of the header", layout: rows.Layout{Event: "E"},
			text: "Kunde;timestamp;Preis;Notiz\n4242;x;1999;\"a\nb\"\n7788;x;1999;\n",
			is:   []string{"4242", "7788"}, not: []string{"1999"},
		},
		{
			name: "by what the layout says", layout: rows.Layout{Event: "E", Columns: []rows.Column{{Path: "properties.order_id", From: "A"}, {Path: "properties.price", From: "B"}, {Path: "timestamp", From: "C + D"}}},
			text: "A,B,C,D\n4242,1999,x,y\n\"44,55\",\"1,999\",x,y\n",
			is:   []string{"4242"}, not: []string{"1999"},
		},
		{
			name: "by a group of rows", layout: rows.Layout{Event: "E", GroupBy: "Z", ID: "Z"},
			text: "Z,timestamp,Lineitem price\n4242,x,1999\n,x,2999\n8888,x,3999\n",
			is:   []string{"4242", "8888"}, not: []string{"1999", "2999", "3999"},
		},
		{
			name: "by no header at all: rows that do not fit", layout: rows.Layout{Event: "E"},
			text: "Kunde,timestamp,Preis\n4242,x,1,5\n7788,x\n",
			is:   []string{"4242", "7788"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			report := filepath.Join(dir, "r.jsonl")
			m := &memory{}
			// One good row, so that each bad one is reported.
			text := c.text
			rep, err := Import(t.Context(), strings.NewReader(text), Options{Layout: c.layout, Queue: m, Name: "a.csv", ReportFile: report, CheckRows: -1, SkipBad: true})
			if err != nil || rep.Refused == 0 || rep.Stored > 0 {
				t.Fatalf("%+v %v", rep, err)
			}
			for i, names := range [][]string{c.not, c.is} {
				for _, name := range names {
					var kept bytes.Buffer
					inFile, err := rows.Forget(t.Context(), strings.NewReader(c.text), &kept, &c.layout, maxSearched, whoIs(t, name))
					if err != nil || (inFile > 0) != (i == 1) {
						t.Errorf("%s in the file: %d removed, %v", name, inFile, err)
					}
					inReport, err := forgetReport(t.Context(), report, whoIs(t, name), true)
					if err != nil || (inReport > 0) != (i == 1) {
						t.Errorf("%s in the report: %d removed, %v\n%s", name, inReport, err, everyByte(t, dir))
					}
				}
			}
			for _, name := range c.is {
				if n, err := forgetReport(t.Context(), report, whoIs(t, name), false); n != 1 || err != nil {
					t.Errorf("%s: %d removed, %v", name, n, err)
				}
			}
			if s := everyByte(t, dir); strings.Contains(s, "4242") {
				t.Error(s)
			}
		})
	}
}

// A report line from an older relay does not describe columns. An event that begins like a report
// line is an event.
func TestForgetOldReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.jsonl")
	for name, want := range map[string]int{"4242": 1, "1999": 1, "b-7": 1, "kim": 1, "77": 0, "invalid_csv": 0} {
		drop(t, dir, "r.jsonl", `{"row":1,"code":"invalid_csv","message":"m","text":"4242,1999"}`+"\n"+`{"row":2,"code":"c","message":"m","text":"{\"userId\":\"b-7\",\"n\":77}"}`+"\n"+
			`{"row":77,"event":"E","userId":"kim"}`+"\n"+`{"row":77,"code":"invalid_csv","message":"the file has no rows"}`+"\n")
		if n, err := forgetReport(t.Context(), path, whoIs(t, name), true); n != want || err != nil {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
}

// Reports that were moved, and those named after the person, are listed without personal names.
func TestForgetReportsUnreached(t *testing.T) {
	t.Parallel()
	who := whoIs(t, "ada@x.example", "kim")
	dir := t.TempDir()
	line := `{"row":1,"code":"c","message":"m","text":"E,ada@x.example"}` + "\n" + `{"row":2,"code":"c","message":"m","text":"E,bo@x.example"}` + "\n"
	var paths []string
	for _, name := range []string{"sales.csv.refused.jsonl", "ada@x.example.csv.refused.jsonl", "export-kim/sales.csv.refused.jsonl", "kimberley.csv.refused.jsonl"} {
		paths = append(paths, filepath.Join(dir, name))
		if err := os.MkdirAll(filepath.Dir(paths[len(paths)-1]), 0o700); err != nil {
			t.Fatal(err)
		}
		drop(t, dir, name, line)
	}
	paths = append(paths, filepath.Join(dir, "gone", "sales.csv.refused.jsonl"), filepath.Join(dir, "ada@x.example.2.csv.refused.jsonl"), filepath.Join(dir, "else.txt"))
	drop(t, dir, "else.txt", "ada@x.example")
	n, unreached := ForgetReports(t.Context(), paths, who, false)
	all := strings.Join(unreached, "\n")
	if n != 4 || len(unreached) != 3 || strings.Contains(all, "ada@") || strings.Contains(all, "kim") ||
		!strings.Contains(all, "2 import reports, or the imported files") || !strings.Contains(all, "2 import reports are not where they were written") || !strings.Contains(all, "not a report of refused rows any more") {
		t.Errorf("%d\n%s", n, all)
	}
	if n, unreached := ForgetReports(t.Context(), paths[3:4], who, false); n != 0 || len(unreached) > 0 {
		t.Error(n, unreached)
	}
}

// A user who names a report to relay cannot have a file in another folder rewritten by putting a
// link in the report's place.
func TestForgetReportWhileFolderIsReplaced(t *testing.T) {
	t.Parallel()
	who := whoIs(t, "ada@x.example")
	dir := t.TempDir()
	for _, sub := range []string{"mine", "theirs"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const secret = "root:ada@x.example:0\nbo:x:1\n"
	drop(t, filepath.Join(dir, "theirs"), "shadow", secret)
	at := filepath.Join(dir, "at")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			next := filepath.Join(dir, "next")
			_ = os.Symlink(filepath.Join(dir, []string{"mine", "theirs"}[i%2]), next)
			_ = os.Rename(next, at)
		}
	}()
	for until := time.Now().Add(500 * time.Millisecond); time.Now().Before(until); {
		drop(t, filepath.Join(dir, "mine"), "shadow", `{"row":1,"code":"c","message":"m","text":"E,ada@x.example"}`+"\n"+`{"row":2,"code":"c","message":"m","text":"E"}`+"\n")
		_, _ = forgetReport(t.Context(), filepath.Join(at, "shadow"), who, false)
	}
	close(stop)
	<-done
	if b, err := os.ReadFile(filepath.Join(dir, "theirs", "shadow")); string(b) != secret {
		t.Errorf("%q %v", b, err)
	}
}

// A report describes how its rows are read only once, and without a person named there.
func TestReportSize(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	dir := t.TempDir()
	report := filepath.Join(dir, "r.jsonl")
	var text strings.Builder
	text.WriteString("Kunde;timestamp;export for ada@x.example")
	for i := range 1000 {
		fmt.Fprintf(&text, ";a long name of column %d", i)
	}
	for i := range 200 {
		fmt.Fprintf(&text, "\n%d;x;y%s", 5000+i, strings.Repeat(";", 1000))
	}
	rep, err := Import(t.Context(), strings.NewReader(text.String()), Options{Layout: rows.Layout{Event: "E"}, Queue: &memory{}, Name: "a.csv", ReportFile: report, CheckRows: -1, SkipBad: true})
	if err != nil || rep.Refused != 200 {
		t.Fatalf("%+v %v", rep, err)
	}
	if fi, err := os.Stat(report); err != nil || fi.Size() > int64(2*text.Len()) {
		t.Errorf("a report of %d bytes for a file of %d: %v", fi.Size(), text.Len(), err)
	}
	if n, err := forgetReport(t.Context(), report, whoIs(t, "5007"), false); n != 1 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, err := forgetReport(t.Context(), report, whoIs(t, "ada@x.example"), false); n == 0 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	s := everyByte(t, dir)
	if strings.Contains(s, "5007;") || strings.Contains(s, "ada@") || strings.Count(s, `"row":`) != 200 {
		t.Errorf("%d lines in the report", strings.Count(s, `"row":`))
	}
	for _, name := range []string{"5008", "5199"} {
		if n, err := forgetReport(t.Context(), report, whoIs(t, name), true); n != 1 || err != nil {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
}
