package spool

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestForgetReadsAsImportsDo: Forget takes a table apart as an import does: a quote that
// never closes takes no neighbour along, whatever line it is in, and what the header says
// of a column counts.
func TestForgetReadsAsImportsDo(t *testing.T) {
	who := whoIs(t, "ada@x.example", "1999", "4242")
	const ada, bo = "ada@x.example", "bo@x.example"
	for _, c := range []struct {
		name, in, left string
		layout         Layout
		gone           int
	}{
		{"an open quote in the header", "event,\"email,n\nE," + bo + ",1\nE," + ada + ",2\n", "event,\"email,n\nE," + bo + ",1\n", Layout{}, 1},
		{"an open quote without a header", "E," + bo + ",\"1\nE," + ada + ",2\nE," + bo + ",3\n", "E," + bo + ",\"1\nE," + bo + ",3\n", Layout{}, 1},
		{"an open quote in a title", "the \"shop\nevent,email\nE," + bo + "\nE," + ada + "\n", "the \"shop\nevent,email\nE," + bo + "\n", Layout{HeaderRow: 2}, 1},
		{"an open quote in her row", "event,email,n\nE,\"" + ada + ",1\nE," + bo + ",2\n", "event,email,n\nE," + bo + ",2\n", Layout{}, 1},
		{"an open quote in a neighbour's row", "event,email,n\nE,\"" + bo + ",1\nE," + ada + ",2\n", "event,email,n\nE,\"" + bo + ",1\n", Layout{}, 1},
		{"quotes that are not doubled", "event,email,n\nE," + ada + ",\"6\" nail\"\nE," + bo + ",\"6\" nail\"\n", "event,email,n\nE," + bo + ",\"6\" nail\"\n", Layout{}, 1},
		{"a cell over lines", "event,email,note\nE," + bo + ",\"a\r\nb\"\r\nE," + ada + ",\"a\r\nb\"\r\nE," + bo + ",c\r\n", "event,email,note\nE," + bo + ",\"a\r\nb\"\r\nE," + bo + ",c\r\n", Layout{}, 1},
		{"carriage returns alone", "event,email\rE," + ada + "\rE," + bo + "\r", "event,email\rE," + bo + "\r", Layout{}, 1},
		{"a sep= line", "sep=;\nKunde;Preis\n4242;1\n7;4242\n8;1999\n", "sep=;\nKunde;Preis\n7;4242\n8;1999\n", Layout{}, 1},
		{"her in a title", "of " + ada + "\n\nKunde;Preis\n7;1999\n", "\nKunde;Preis\n7;1999\n", Layout{HeaderRow: 3}, 1},
		{"two columns of one name", "Kunde,Kunde,Preis\n4242,7,1\n7,4242,1\n7,8,4242\n", "Kunde,Kunde,Preis\n7,8,4242\n", Layout{}, 2},
		{"a column without a name", "Kunde,,Preis\n7,4242,1\n7,x,4242\n", "Kunde,,Preis\n7,x,4242\n", Layout{}, 1},
		{"marks of a spreadsheet", "Kunde,Preis\n\"=\"\"4242\"\"\",1\n'7,4242\n", "Kunde,Preis\n'7,4242\n", Layout{}, 1},
		{"a header of years", "Kunde,1999,Name,email\n7,1,2,x\n4242,1,2,x\n", "Kunde,1999,Name,email\n7,1,2,x\n", Layout{}, 1},
		{"blank lines", "Kunde,Preis\n\n4242,1\n\n7,4242", "Kunde,Preis\n\n\n7,4242", Layout{}, 1},
		{"blank cells behind", "Kunde,Preis\n4242,1,,\n7,4242,,\n", "Kunde,Preis\n7,4242,,\n", Layout{}, 1},
		{"no end", "Kunde,Preis\n7,1999\n4242,1", "Kunde,Preis\n7,1999\n", Layout{}, 1},
		{"nothing of hers", "Kunde,Preis\n7,1999", "Kunde,Preis\n7,1999", Layout{}, 0},
		{"nothing", "", "", Layout{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var kept bytes.Buffer
			gone, err := filterTable(strings.NewReader(c.in), &kept, &c.layout, who)
			if err != nil || gone != c.gone || kept.String() != c.left {
				t.Errorf("%d gone, %v, left:\n%q, want %d and\n%q", gone, err, kept.String(), c.gone, c.left)
			}
		})
	}
}

// TestForgetReportAsItsFile: a row in the report of a file is found when it is found in
// the file, and not else, whatever says what its columns mean.
func TestForgetReportAsItsFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		layout     Layout
		is, not    []string // what the rows are known by
	}{
		{
			name: "by the names of the header", layout: Layout{Event: "E"},
			text: "Kunde;timestamp;Preis;Notiz\n4242;x;1999;\"a\nb\"\n7788;x;1999;\n",
			is:   []string{"4242", "7788"}, not: []string{"1999"},
		},
		{
			name: "by what the layout says", layout: Layout{Event: "E", Columns: []Column{{"properties.order_id", "A"}, {"properties.price", "B"}, {"timestamp", "C + D"}}},
			text: "A,B,C,D\n4242,1999,x,y\n\"44,55\",\"1,999\",x,y\n",
			is:   []string{"4242"}, not: []string{"1999"},
		},
		{
			name: "by a group of rows", layout: Layout{Event: "E", GroupBy: "Z", ID: "Z"},
			text: "Z,timestamp,Lineitem price\n4242,x,1999\n,x,2999\n8888,x,3999\n",
			is:   []string{"4242", "8888"}, not: []string{"1999", "2999", "3999"},
		},
		{
			name: "by no header at all: rows that do not fit", layout: Layout{Event: "E"},
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
					inFile, err := filterTable(strings.NewReader(c.text), &kept, &c.layout, whoIs(t, name))
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

// What Forget keeps of any text is what it was but for whole rows, and takes time in
// proportion.
func FuzzForgetTable(f *testing.F) {
	for _, s := range []string{"event,email\nE,ada@x.example\n", "\"\n\"\r\n\"", "sep=|\na|b\n\n1|2", "a\rb\r", "a,b\n\"c\nd,e\n\"f\",g\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		began := time.Now()
		var kept bytes.Buffer
		gone, err := filterTable(strings.NewReader(s), &kept, &Layout{}, whoIs(t, "no-such-1"))
		if err != nil || gone == 0 && kept.String() != s {
			t.Errorf("%d %v %q of %q", gone, err, kept.String(), s)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Error(fmt.Sprint(took))
		}
	})
}
