package rows

import (
	"fmt"
	"strings"
	"testing"
)

// fourColumns returns a table with a header and 100 rows, separated by sep.
func fourColumns(sep string) string {
	lines := []string{strings.Join([]string{"Order No", "E-Mail", "Total", "Currency"}, sep)}
	for i := range 100 {
		lines = append(lines, strings.Join([]string{fmt.Sprintf("R-%d", i), "pat@example.com", "12.50", "EUR"}, sep))
	}
	return strings.Join(lines, "\n") + "\n"
}

// Separators that column names do not contain are detected.
func TestDetectedSeparators(t *testing.T) {
	t.Parallel()
	for sep := range strings.SplitSeq(", ; \t | ~ ^ \x01 \x02 \x14 \x1c \x1d \x1e \x1f ， ；", " ") {
		bodies, bad := all(t, NewFile(strings.NewReader(fourColumns(sep)), 0), Options{Layout: Layout{Event: "Sale"}})
		want := `{"event":"Sale","properties":{"Order No":"R-0","E-Mail":"pat@example.com","Total":12.50,"Currency":"EUR"}}`
		if len(bodies) != 100 || len(bad) > 0 || bodies[0] != want {
			t.Errorf("%q: %d events, problems %q; the first is %s", sep, len(bodies), bad, bodies[:min(1, len(bodies))])
		}
	}
	text := "Order~E-Mail~Total, net~Currency\nR-1~pat@example.com~12,50~EUR\n"
	bodies, _ := all(t, NewFile(strings.NewReader(text), 0), Options{Layout: Layout{Event: "Sale"}})
	if want := `{"event":"Sale","properties":{"Order":"R-1","E-Mail":"pat@example.com","Total, net":"12,50","Currency":"EUR"}}`; len(bodies) != 1 || bodies[0] != want {
		t.Errorf("a comma in the header: %s", bodies)
	}
}

// A table of several columns is never read as a table of one.
func TestOneColumn(t *testing.T) {
	t.Parallel()
	sale := Layout{Event: "Sale"}
	semicolon := Layout{Event: "Sale", Comma: ';'}
	for _, c := range []struct {
		name, text string
		layout     Layout
		want       string // part of the error; "" for none
	}{
		{"number signs", fourColumns("#"), sale, `line 1 is read as one column, but '#' seems to separate columns (3 in the header and in most rows): use --separator '#' (spool: separator), or export with commas, semicolons, tabs or pipes`},
		{"number signs, and no event name", fourColumns("#"), Layout{}, `'#' seems to separate columns`},
		{"no-break spaces", fourColumns("\u00a0"), sale, `'\u00a0' seems to separate columns`},
		{"broken bars", fourColumns("¦"), sale, `'¦' seems to separate columns`},
		{"two colons", fourColumns("::"), sale, `':' seems to separate columns (6 in the header`},
		{"ideographic commas", fourColumns("、"), sale, `'、' seems to separate columns`},
		{"another control character", fourColumns("\x07"), sale, `column 1 has the control character U+0007`},
		{"a control character at the end of lines", "a\x1fb\x1e\n1\x1f2\x1e\n", sale, `column 2 has the control character U+001E`},
		{"another separator than the one set", fourColumns(","), semicolon, `',' seems to separate columns`},
		{"paths", "context.traits.email#order_id\npat@example.com#1\n", sale, `'#' seems to separate columns`},
		{"a row in fewer cells", "a#b#c\n1#2#3\n4#5#6\nTotal 2\n", sale, `'#' seems to separate columns`},
		{"spaces", fourColumns(" "), sale, `spaces seem to separate columns`},
		{"a fixed width", "Order     E-Mail             Total\nR-1       pat@example.com    12.50\nR-1000    kim@example.com     9.00\n", sale, `spaces seem to separate columns`},
		{"a title", "Sales report\n\nOrder;E-Mail;Total\nR-1;pat@example.com;9\n", sale, "line 1 is not a header, it is one column, but ';' separates columns in the rows below: set the line of the header with --header-row (spool: header_row)\nif line 3 is the header, use --header-row 3"},
		{"a title above tabs", "Sales report\nOrder\tE-Mail\nR-1\tpat@example.com\n", sale, `'\t' separates columns in the rows below`},

		{"one column of addresses", "Email\npat@example.com\nkim.lee@example.com\n", sale, ""},
		{"one column that is a path", "context.traits.email\npat.a@example.com\nkim.b@example.com\n", sale, ""},
		{"one column of times", "timestamp\n2026-11-20 10:00\n", sale, ""},
		{"one column of names", "Customer name\nPat Doe\nKim Lee\n", sale, ""},
		{"one column of names and addresses", "Customer\nPat Doe <pat@example.com>\n", sale, ""},
		{"one column that the layout names", "Order #\n#1\n#2\n", Layout{Event: "Sale", Columns: []Column{{"order_id", "Order #"}}}, ""},
		{"one quoted column", "\"Order #\"\n\"#1\"\n", sale, ""},
		{"names and values", "version: 1\nevents: 2\nroutes: 3\n", sale, ""},
		{"a separator in few rows", "Note\na\nb; c\nd\n", sale, ""},
		{"one column and no rows", "a#b\n", sale, ""},
		{"several columns with another character", "Order #,Total\n#1,2\n", sale, ""},
		{"lists in a column", "Order,Tags\n1,a;b;c\n2,d;e;f\n", sale, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := NewFile(strings.NewReader(c.text), 0)
			s, err := f.Survey(t.Context(), 0, func(int64) {})
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Rows(s, Options{Layout: c.layout})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// The rows that were read to judge the header are not lost.
func TestOneColumnKeepsRows(t *testing.T) {
	t.Parallel()
	text := "Email\n\n" + strings.Repeat("pat@example.com\n", 3*sampleRows) + "\"a\nb\"\n"
	bodies, bad := all(t, NewFile(strings.NewReader(text), 0), Options{Layout: Layout{Event: "Sale"}})
	if len(bodies) != 3*sampleRows+1 || len(bad) > 0 {
		t.Errorf("%d events, problems %q", len(bodies), bad)
	}
}
