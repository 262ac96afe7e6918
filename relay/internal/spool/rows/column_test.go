package rows

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseColumn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Column{
		"timestamp=Date + Time": {Path: "timestamp", From: "Date + Time"},
		"=Clerk":                {From: "Clerk"},
		"a=b=c":                 {Path: "a", From: "b=c"},
	} {
		if got, err := ParseColumn(text); err != nil || got != want {
			t.Errorf("ParseColumn(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "timestamp", "=", " = "} {
		if got, err := ParseColumn(text); err == nil {
			t.Errorf("ParseColumn(%q) = %+v, want an error", text, got)
		}
	}
}

func TestParseSeparator(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]rune{"": 0, "tab": '\t', `\t`: '\t', ";": ';', "·": '·'} {
		if got, err := ParseSeparator(text); err != nil || got != want {
			t.Errorf("ParseSeparator(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{";;", `"`, "\n", "\xff"} {
		if got, err := ParseSeparator(text); err == nil {
			t.Errorf("ParseSeparator(%q) = %q, want an error", text, got)
		}
	}
}

func TestSeparator(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]rune{"a": ',', "a,b": ',', "a;b": ';', "a\tb": '\t', "a|b": '|', `"a,b,c";d`: ';', "Total, net;Date;E-Mail": ';'} {
		if got := separator(header); got != want {
			t.Errorf("separator(%q) = %q, want %q", header, got, want)
		}
	}
}

// A header that is a field of a message, or below one, is a path; any other is a property.
func TestPaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		isPath bool
	}{
		{"event", true},
		{"timestamp", true},
		{"userId", true},
		{"context.traits.email", true},
		{"properties.products[0].price", true},
		{"integrations.All", true},
		{"traits.email", true},
		{"Order No.", false},
		{"revenue", false},
		{"Timestamp", false},
		{"context", false},
		{"Price [EUR]", false},
		{"products[0].price", false},
		{"event.x", false},
		{"context[0].x", false},
	} {
		if got := isPath(c.header); got != c.isPath {
			t.Errorf("isPath(%q) = %t", c.header, got)
		}
	}
	for path, want := range map[string]string{
		"a": "properties.a", "event": "event", "context.a": "context.a", "context": "properties.context", "products[].sku": "properties.products.[].sku", "products[1][2].a": "properties.products.[1].[2].a",
	} {
		s, err := steps(path)
		if err != nil {
			t.Errorf("steps(%q): %v", path, err)
			continue
		}
		var names []string
		for _, st := range rooted(s) {
			switch {
			case st.in == eachRow:
				names = append(names, "[]")
			case st.in != noIndex:
				names = append(names, fmt.Sprintf("[%d]", st.in))
			default:
				names = append(names, st.name)
			}
		}
		if got := strings.Join(names, "."); got != want {
			t.Errorf("steps(%q) = %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"", "a..b", "a[b]", "a[0", "a[0]b", "a[-1]", "a[1024]", "[0]", strings.Repeat("a.", 20) + "a"} {
		if s, err := steps(path); err == nil {
			t.Errorf("steps(%q) = %v, want an error", path, s)
		}
	}
}

// The columns of a table become one event, as docs/files.md describes them.
func TestColumns(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("Berlin", 3600)
	for _, c := range []struct {
		name, header string
		rows         []string
		layout       Layout
		want         string
	}{
		{"numbers and text of properties", "event,revenue,zip,card,big", []string{"E,12.50,01101,=\"4242\",12345678901234567"}, Layout{}, `{"event":"E","properties":{"revenue":12.50,"zip":"01101","card":"4242","big":"12345678901234567"}}`},
		{"text outside properties", "event,userId,context.ip", []string{"E,4242,192.0.2.1"}, Layout{}, `{"event":"E","userId":"4242","context":{"ip":"192.0.2.1"}}`},
		{"booleans of consent and integrations", "event,context.consent.ads,integrations.All,vip", []string{"E,TRUE,false,true"}, Layout{}, `{"event":"E","context":{"consent":{"ads":true}},"integrations":{"All":false},"properties":{"vip":"true"}}`},
		{"cells of JSON", "event,a,b", []string{`E,"{""x"":1}",[1`}, Layout{}, `{"event":"E","properties":{"a":{"x":1},"b":"[1"}}`},
		{"empty cells are absent", "event,a,b.c,context.traits.email", []string{"E,,NULL,"}, Layout{}, `{"event":"E"}`},
		{"headers with dots and brackets", "event,Order No.,Price [EUR]", []string{"E,A-1,5"}, Layout{}, `{"event":"E","properties":{"Order No.":"A-1","Price [EUR]":5}}`},
		{"a list", "event,properties.products[0].price,properties.products[0].sku,properties.products[1].price", []string{"E,1,a,2"}, Layout{}, `{"event":"E","properties":{"products":[{"price":1,"sku":"a"},{"price":2}]}}`},
		{"a list without its first item", "event,properties.p[1].x", []string{"E,1"}, Layout{}, `{"event":"E","properties":{"p":[{"x":1}]}}`},
		{"the event name of the layout", "n", []string{"1"}, Layout{Event: "Sale"}, `{"event":"Sale","properties":{"n":1}}`},
		{"the event name of the row wins", "event,n", []string{"E,1"}, Layout{Event: "Sale"}, `{"event":"E","properties":{"n":1}}`},
		{"joined columns", "event,Date,Time", []string{"E,20.11.2026,16:00"}, Layout{Columns: []Column{{"timestamp", "Date + Time"}}}, `{"event":"E","timestamp":"20.11.2026 16:00"}`},
		{"a column left out", "event,Clerk,n", []string{"E,Kim,1"}, Layout{Columns: []Column{{"", "Clerk"}}}, `{"event":"E","properties":{"n":1}}`},
		{"path and header swapped", "event,E-Mail", []string{"E,ada@example.com"}, Layout{Columns: []Column{{"E-Mail", "context.traits.email"}}}, `{"event":"E","context":{"traits":{"email":"ada@example.com"}}}`},
		{"the second column of a name", "event,SKU,SKU", []string{"E,a,b"}, Layout{Columns: []Column{{"first", "SKU#1"}, {"second", "SKU#2"}}}, `{"event":"E","properties":{"first":"a","second":"b"}}`},
		{"a format and a zone", "event,timestamp", []string{"E,02/11/2026 16:00"}, Layout{TimeFormat: "02/01/2006 15:04", Zone: berlin}, `{"event":"E","timestamp":"2026-11-02T16:00:00+01:00"}`},
		{"a zone alone", "event,timestamp", []string{"E,2026-11-02 16:00"}, Layout{Zone: berlin}, `{"event":"E","timestamp":"2026-11-02T16:00:00+01:00"}`},
		{"a time with its own zone", "event,timestamp", []string{"E,2026-11-02T16:00:00Z"}, Layout{Zone: berlin}, `{"event":"E","timestamp":"2026-11-02T17:00:00+01:00"}`},
		{
			"an order over rows", "event,Name,Total,Lineitem sku,Lineitem price",
			[]string{"E,#1,9,a,4", ",#1,,b,5"},
			Layout{GroupBy: "Name"},
			`{"event":"E","properties":{"Name":"#1","Total":9,"products":[{"sku":"a","price":4},{"sku":"b","price":5}]}}`,
		},
		{"a path with []", "event,Name,Line price", []string{"E,#1,4", ",#1,5"}, Layout{GroupBy: "Name", Columns: []Column{{"products[].price", "Line price"}}}, `{"event":"E","properties":{"Name":"#1","products":[{"price":4},{"price":5}]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			split := func(line string) []string {
				s := rowScanner{comma: ','}
				s.line(line)
				return s.cells
			}
			cols, err := newColumns(newHeader(split(c.header)), &c.layout)
			if err != nil {
				t.Fatal(err)
			}
			var rows [][]string
			for _, r := range c.rows {
				rows = append(rows, split(r))
			}
			got, w := cols.write(nil, rows)
			if string(got) != c.want || w.bad != nil || w.unread {
				t.Errorf("got  %s (%+v, unread %t)\nwant %s", got, w.bad, w.unread, c.want)
			}
		})
	}
}

// A layout that does not fit the header is an error that names the column.
func TestColumnErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		layout Layout
		want   string
	}{
		{"n", Layout{}, "no column has the event name"},
		{"event,n", Layout{Columns: []Column{{"revenue", "Total"}}}, `there is no column "Total"; the columns are: event, n`},
		{"event,n", Layout{GroupBy: "Name"}, `there is no column "Name"`},
		{"event,n", Layout{ID: "Bon"}, `there is no column "Bon"`},
		{"event,a,a", Layout{}, "it is number 2 of 2 columns of that name"},
		{"event,properties.a,properties.a.b", Layout{}, "another column fills the same place"},
		{"event,properties.p[0],properties.p.x", Layout{}, "another column fills the same place"},
		{"event,properties.p[].x,properties.p[0].x", Layout{}, "another column fills the same place"},
		{"event,n", Layout{Columns: []Column{{"p[x]", "n"}}}, "an index in the path must be like [0]"},
		{strings.Repeat("a,", maxColumns) + "event", Layout{}, "the limit is 4096"},
	} {
		_, err := newColumns(newHeader(strings.Split(c.header, ",")), &c.layout)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: %v, want %q", c.header, err, c.want)
		}
	}
	many := "event" + strings.Repeat(",a", 100)
	if _, err := newColumns(newHeader(strings.Split(many, ",")), &Layout{}); err == nil || strings.Count(err.Error(), "\n") != maxColumnErrors {
		t.Errorf("too many errors: %v", err)
	}
}

// Rows of one order that differ in a value the order has once, and other faults of groups, cost
// only that order.
func TestGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		layout     Layout
		bodies     int
		bad        []string
	}{
		{"rows differ", "event,Name,Total\nE,#1,9\nE,#1,8\nE,#2,7\n", Layout{GroupBy: "Name"}, 1, []string{`the rows of one order differ in column "Total" (rows 1 and 2)`}},
		{"an empty group column belongs to the row above", "event,Name,Lineitem sku\nE,#1,a\n,,b\nE,#2,c\n", Layout{GroupBy: "Name"}, 2, nil},
		{"the first row has no group", "event,Name,Lineitem sku\nE,,a\nE,#1,b\n", Layout{GroupBy: "Name"}, 1, []string{`column "Name", which groups the rows, is empty`}},
		{"rows that are not next to each other", "event,Name\nE,#1\nE,#2\nE,#1\n", Layout{GroupBy: "Name"}, 2, []string{"it belongs to the order of row 1, which is not next to it"}},
		{"a shortened group", "event,Name\nE,1.23457E+11\nE,#2\n", Layout{GroupBy: "Name"}, 1, []string{"a spreadsheet has shortened"}},
		{"an unusable row among those of an order", "event,Name,n\nE,#1,1\nE,#1\nE,#1,1\nE,#2,2\n", Layout{GroupBy: "Name"}, 2, []string{"the row has 2 cells, the header 3"}},
		{"no id", "event,Bon\nE,\nE,7\n", Layout{ID: "Bon"}, 1, []string{`column "Bon", which identifies sales, is empty`}},
		{"a shortened id", "event,Bon\nE,1.23457E+11\nE,7\n", Layout{ID: "Bon"}, 1, []string{"a spreadsheet has shortened"}},
		{"the header again", "event,n\nE,1\nevent,n\nE,2\n", Layout{}, 2, nil},
		{"blank lines", "event,n\n\nE,1\n,\nE,2\n", Layout{}, 2, nil},
		{"JSON without its id", `{"event":"E","properties":{"Bon":"7"}}` + "\n" + `{"event":"E","properties":{"Bon":" "}}` + "\n", Layout{ID: "Bon"}, 1, []string{`"Bon", which identifies sales, is missing or empty`}},
		{"an id at a path", `{"event":"E","properties":{"order":{"no":7}}}`, Layout{ID: "properties.order.no"}, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bodies, bad := all(t, NewFile(strings.NewReader(c.text), 0), Options{Layout: c.layout})
			if len(bodies) != c.bodies || len(bad) != len(c.bad) {
				t.Fatalf("%d bodies, problems %q, want %d, %q", len(bodies), bad, c.bodies, c.bad)
			}
			for i, want := range c.bad {
				if !strings.Contains(bad[i], want) {
					t.Errorf("problem %q, want %q", bad[i], want)
				}
			}
		})
	}
}

// A table with a header that cannot be one is refused as a whole.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   string
		layout Layout
		want   string // part of the error; "" for none
	}{
		{"event,n\nE,1\n", Layout{}, ""},
		{"\n\nevent,n\nE,1\n", Layout{}, ""},
		{"Sales of July\nevent,n\nE,1\n", Layout{HeaderRow: 2}, ""},
		{"SEP=|\nevent|n\nE|1\n", Layout{}, ""},
		{"event,n\nE,1\n", Layout{HeaderRow: 9}, "the file has no line 9"},
		{"E,ada@example.com\nE,bo@example.com\n", Layout{}, "line 1 is not a header, it contains an e-mail address (column 2)"},
		{"E,2026-11-20\n", Layout{}, "line 1 is not a header, it contains a time (column 2)"},
		{"7,8,x\n", Layout{}, "line 1 is not a header, it contains numbers"},
		{"event\n,\n", Layout{HeaderRow: 2}, "line 2 is not a header, it is blank"},
		{"Sales of July\n\nevent,n,m\nE,1,2\n", Layout{}, "if line 3 is the header, use --header-row 3"},
	} {
		f := NewFile(strings.NewReader(c.text), 0)
		s, err := f.Survey(t.Context(), 0, func(int64) {})
		if err != nil {
			t.Fatal(err)
		}
		s.Format = CSV
		_, err = f.Rows(s, Options{Layout: c.layout})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
		if private, ok := errors.AsType[*PrivateError](err); ok && slices.Contains(strings.Fields(private.Words), "July") {
			t.Errorf("%q: Words contain text of the file: %s", c.text, private.Words)
		}
	}
}
