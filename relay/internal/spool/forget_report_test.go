package spool

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"relay/relay/internal/spool/rows"
)

// TestForgetReportAsItsFile: a row in the report of a file is found when it is found in
// the file, and not else, whatever says what its columns mean.
func TestForgetReportAsItsFile(t *testing.T) {
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
			// One good row, so that the bad ones are told one by one.
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
						t.Errorf("%s in the file: %d %v", name, inFile, err)
					}
					inReport, err := ForgetReport(t.Context(), report, whoIs(t, name), true)
					if err != nil || (inReport > 0) != (i == 1) {
						t.Errorf("%s in the report: %d %v\n%s", name, inReport, err, everyByte(t, dir))
					}
				}
			}
			for _, name := range c.is {
				if n, err := ForgetReport(t.Context(), report, whoIs(t, name), false); n != 1 || err != nil {
					t.Errorf("%s: %d %v", name, n, err)
				}
			}
			if s := everyByte(t, dir); strings.Contains(s, "4242") {
				t.Error(s)
			}
		})
	}
}

// A line of a report that an older relay wrote says nothing of columns; an event that
// begins as a line of a report does is an event.
func TestForgetOldReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.jsonl")
	for name, want := range map[string]int{"4242": 1, "1999": 1, "b-7": 1, "kim": 1, "77": 0, "invalid_csv": 0} {
		drop(t, dir, "r.jsonl", `{"row":1,"code":"invalid_csv","message":"m","text":"4242,1999"}`+"\n"+`{"row":2,"code":"c","message":"m","text":"{\"userId\":\"b-7\",\"n\":77}"}`+"\n"+
			`{"row":77,"event":"E","userId":"kim"}`+"\n"+`{"row":77,"code":"invalid_csv","message":"the file holds no rows"}`+"\n")
		if n, err := ForgetReport(t.Context(), path, whoIs(t, name), true); n != want || err != nil {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
}
