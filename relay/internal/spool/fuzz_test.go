package spool

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"relay/relay/internal/spool/rows"
)

// Any input is imported without fault: stored bodies are JSON in UTF-8, every row is counted, and
// a second import stores nothing.
func FuzzImport(f *testing.F) {
	for _, s := range []string{
		sales(0, 3), "", "{", "[1,2]", `[{"event":"a"}]`, "{\n\"event\":\"x\"}", `{"batch":[{"event":"x"},5]}`,
		"event,timestamp\nSale,1\n", "event;a.b;a.c[0];a.c[1]\r\nSale;\"x;y\";{};[1]\r\n", "event\ta\nM\xfcller\t1\n", "event,x\n\"a\nb", "event,a[1],a[0].b\nx,1,-0.5\n",
		utf16le("event,timestamp\nSale,1\n"), "\xef\xbb\xbfevent\nSale\n",
	} {
		f.Add(s, "")
		f.Add(s, "x.csv")
		f.Add(s, "x.jsonl")
	}
	f.Fuzz(func(t *testing.T, file, name string) {
		m := &memory{}
		o := Options{Queue: m, Name: name, SkipBad: true, Undated: true, Layout: rows.Layout{Event: "Given"}, CheckRows: -1}
		rep, err := Import(t.Context(), strings.NewReader(file), o)
		if err != nil && !errors.As(err, new(*rows.FormatError)) {
			t.Fatalf("%v: %q", err, file)
		}
		if rep.Rows != rep.Stored+rep.Duplicates+rep.Refused+rep.Ignored+rep.Joined || int(rep.Stored) != m.count() {
			t.Fatalf("%+v, %d stored: %q", rep, m.count(), file)
		}
		for _, e := range m.entries {
			if !utf8.Valid(e.Body) || !json.Valid(e.Body) || e.ID == "" || len(e.Lanes) == 0 {
				t.Fatalf("stored %+v %q: %q", e, e.Body, file)
			}
		}
		again, _ := Import(t.Context(), strings.NewReader(file), o)
		if again.Stored != 0 || again.Rows != rep.Rows {
			t.Fatalf("second import: %+v, first: %+v: %q", again, rep, file)
		}
	})
}
