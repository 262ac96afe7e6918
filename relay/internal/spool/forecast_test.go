package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/internal/seal"
	"relay/mapper"
	"relay/relay/internal/spool/rows"
)

const (
	saleSet  = "version: 1\nevents: { Sale: \"701000000000001\" }\ndefault_currency: EUR\n"
	todaysAt = "2026-11-20T10:00:00Z"
)

func mappingOf(t *testing.T, text string) func() *mapper.Mapping {
	t.Helper()
	m, _, err := mapper.Parse("mapping.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return func() *mapper.Mapping { return m }
}

// many returns n lines of a form with one number.
func many(n int, form string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, form+"\n", i)
	}
	return b.String()
}

// unfitCase is a file, and why the mapping does not fit it; "": it is stored.
type unfitCase struct {
	name    string
	mapping string // default: saleSet
	file    string
	ext     string // default .csv
	l       rows.Layout
	why     string
	more    []string // other texts of the error
}

const (
	noColumn  = "none of the columns is one in which the mapping looks for the customer (match_keys)"
	noField   = "no event has a field in which the mapping looks for the customer (match_keys)"
	unread    = "the events have e-mail addresses or user ids, but none in a field in which the mapping looks for the customer (match_keys)"
	noneOf    = "the mapping has none of their events"
	noConsent = "the mapping requires consent, and the file has no field for it"
)

var unfitCases = []unfitCase{
	{
		name: "a well-separated table with the customer in another column", l: rows.Layout{Event: "Sale"},
		file: "timestamp;Bon;Kunde;E-Mail;Summe\n" + many(3, todaysAt+";R-%d;Kim;kim@example.com;9,50"), why: noColumn,
		more: []string{
			"none of the first 3 rows would be sent, nothing was stored: ", "3 rows checked; with the current mapping: 3 not sent (no_customer 3)",
			"columns of the file: timestamp, Bon, Kunde, E-Mail, Summe\n", "the mapping looks in: context.traits.email, ", ", userId, ",
			"these options probably help: --column 'order_id=Bon' --column 'revenue=Summe' --column 'context.traits.email=E-Mail' (spool: columns)", "--unsent (spool: unsent: true)",
		},
	},
	{name: "one row of such a table", l: rows.Layout{Event: "Sale"}, file: "timestamp;E-Mail\n" + todaysAt + ";kim@example.com\n", why: noColumn},
	{name: "a table without customers", file: "event,timestamp,order_id\nSale," + todaysAt + ",R-1\n", why: noColumn},
	{name: "the same with unmatched: hold", mapping: saleSet + "unmatched: hold\n", file: "event,timestamp,order_id\nSale," + todaysAt + ",R-1\n"},
	{name: "a table that names the customer's column", file: "event,timestamp,context.traits.email\nSale," + todaysAt + ",kim@example.com\n"},
	{name: "a day of cash sales: the column is there and blank", file: "event,timestamp,context.traits.email\n" + strings.Repeat("Sale,"+todaysAt+",\"\"\n", 3)},
	{name: "a column that traits call otherwise", file: "event,timestamp,context.traits.E-Mail\nSale," + todaysAt + ",\n"},
	{name: "the till's default customer", file: "event,timestamp,context.traits.name\nSale," + todaysAt + ",Walk-in customer\n"},
	{
		name: "cash sales and one customer", file: "event,timestamp,context.traits.email,n\n" + many(300, "Sale,"+todaysAt+",,%d") + "Sale," + todaysAt + ",kim@example.com,x\n",
	},
	{
		name: "many addresses in another column, the right one blank", file: "event,timestamp,context.traits.email,mail\n" + many(5, "Sale,"+todaysAt+",,kim%d@example.com"), why: unread,
		more: []string{"mail holds an e-mail address that no match key reads", "under staff or custom_data.exclude"},
	},
	{name: "the shop's address in another column", file: "event,timestamp,context.traits.email,mail\n" + strings.Repeat("Sale,"+todaysAt+",,till@example.com\n", 5)},
	{name: "the employee's address in another column", mapping: saleSet + "staff: [properties.clerk]\n", file: "event,timestamp,userId,clerk\n" + many(5, "Sale,"+todaysAt+",,clerk%d@example.com")},
	{name: "another key of the mapping", mapping: saleSet + "match_keys:\n  email: properties.mail\n", file: "event,timestamp,mail\nSale," + todaysAt + ",\n"},
	{name: "a formula in the mapping", mapping: saleSet + "match_keys:\n  email:\n    expr: 'trim(properties.mail ?? \"\")'\n", file: "event,timestamp,mail\nSale," + todaysAt + ",\n"},
	{name: "a formula that finds nothing", mapping: saleSet + "match_keys:\n  email:\n    expr: 'trim(properties.mail ?? \"\")'\n", file: "event,timestamp,Kunde\nSale," + todaysAt + ",Kim\n", why: noColumn, more: []string{"the mapping looks in: expr, "}},

	{
		name: "events that the mapping does not have", file: "event,timestamp,userId\nSael," + todaysAt + ",C-1\nReturn," + todaysAt + ",C-1\n", why: noneOf,
		more: []string{"events in the file: Sael, Return\nevents in the mapping: Sale\n", `the mapping has no event "Sael": did you mean "Sale"?`},
	},
	{name: "some of the events", file: "event,timestamp,userId\nSael," + todaysAt + ",C-1\nSale," + todaysAt + ",C-1\n"},
	{name: "events that the mapping filters, and others", mapping: "version: 1\nevents:\n  Sale:\n    to: '1'\n    when: properties.n == 2\n", file: "event,timestamp,userId,n\nSale," + todaysAt + ",C-1,1\nOther," + todaysAt + ",C-1,1\n"},
	{name: "JSON lines of other events", ext: ".jsonl", file: `{"event":"Other","timestamp":"` + todaysAt + `","userId":"C-1"}`, why: noneOf},
	{name: "calls other than track alone", ext: ".jsonl", file: `{"type":"identify","userId":"C-1"}` + "\n"},

	{name: "a few cash sales as JSON", ext: ".jsonl", file: many(unfitEvents-1, `{"event":"Sale","timestamp":"`+todaysAt+`","properties":{"n":%d}}`)},
	{
		name: "too many cash sales as JSON", ext: ".jsonl", file: many(unfitEvents, `{"event":"Sale","timestamp":"`+todaysAt+`","properties":{"n":%d,"till":{"no":1}}}`), why: noField,
		more: []string{"fields of the first event: event, timestamp, properties.n, properties.till.no\n"},
	},
	{name: "as many with an empty field", ext: ".jsonl", file: many(unfitEvents, `{"event":"Sale","timestamp":"`+todaysAt+`","userId":null,"properties":{"n":%d}}`)},
	{name: "JSON with addresses elsewhere", ext: ".jsonl", file: many(2, `{"event":"Sale","timestamp":"`+todaysAt+`","customer":{"mail":"kim%d@example.com"}}`), why: unread, more: []string{"customer.mail holds an e-mail address"}},

	{
		name: "consent that the table does not have", mapping: saleSet + "consent: advertising\n", file: "event,timestamp,userId\nSale," + todaysAt + ",C-1\n", why: noConsent,
		more: []string{"the mapping looks in: context.consent.categoryPreferences.advertising\n"},
	},
	{name: "consent that is not given", mapping: saleSet + "consent: advertising\n", file: "event,timestamp,userId,context.consent.categoryPreferences.advertising\nSale," + todaysAt + ",C-1,false\nSale," + todaysAt + ",C-1,\n"},
	{name: "consent, and no customer", mapping: saleSet + "consent: a\n", file: "event,timestamp,context.consent.categoryPreferences.a,Kunde\nSale," + todaysAt + ",true,Kim\nSale," + todaysAt + ",,Kim\n", why: noColumn},
	{name: "no mapping here: a relay that forwards", mapping: "version: 1\nevents: {}\n", file: "event,timestamp,Kunde\nSale," + todaysAt + ",Kim\n"},
	{name: "a header alone", file: "event;timestamp;Kunde\n", why: "the file has no rows"},
}

// A file of which the mapping would send nothing because it does not fit is refused before
// anything is stored, by an import, a dry run and the spool alike; a day of cash sales is not.
func TestUnfit(t *testing.T) {
	t.Parallel()
	for _, tc := range unfitCases {
		if tc.mapping == "" {
			tc.mapping = saleSet
		}
		if tc.ext == "" {
			tc.ext = ".csv"
		}
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			mapping := mappingOf(t, tc.mapping)
			check := func(how, got string) {
				t.Helper()
				for _, want := range append(tc.more, tc.why) {
					if !strings.Contains(got, want) {
						t.Errorf("%s: no %q in: %s", how, want, got)
					}
				}
				if strings.Contains(got, "@example") || strings.Contains(got, "Kim") {
					t.Errorf("%s shows a value: %s", how, got)
				}
			}
			for _, dry := range []bool{false, true} {
				m := &memory{}
				_, err := Import(t.Context(), strings.NewReader(tc.file), Options{Queue: m, Mapping: mapping, Name: "a" + tc.ext, Layout: tc.l, CheckOnly: dry, State: stateless{}})
				if tc.why == "" {
					if err != nil || !dry && m.calls == 0 && !strings.Contains(tc.file, "identify") {
						t.Errorf("import: %v, %d stored", err, m.count())
					}
					continue
				}
				if err == nil || m.calls > 0 {
					t.Fatalf("import: %v, %d stored", err, m.count())
				}
				check("import", err.Error())
			}

			s := newStage(t, DirectoryOptions{Keep: -1, Layout: tc.l, Mapping: mapping})
			drop(t, s.dir, "a"+tc.ext, tc.file)
			s.pass(20 * time.Second)
			want, st := "done/a"+tc.ext, s.Status()
			if tc.why != "" {
				want = "refused/a" + tc.ext + " refused/a" + tc.ext + ".CLAIM.jsonl"
			}
			if got := tree(t, s.dir); got != want || tc.why != "" && (s.m.calls > 0 || st.RefusedFiles != 1 || len(st.Says) != 1 || st.Says[0].About != AboutRefused) {
				t.Errorf("%s, want %s; %+v", got, want, st)
			}
			if tc.why == "" {
				return
			}
			reports, _ := filepath.Glob(s.path("refused/*.*.jsonl"))
			report, err := os.ReadFile(reports[0])
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(report), tc.why) || strings.Contains(string(report), "@example") {
				t.Errorf("report: %s", report)
			}
			if log := s.log.String(); !strings.Contains(log, "spool_file_refused") || !strings.Contains(log, tc.why) || strings.Contains(log, "Kunde") {
				t.Errorf("log: %s", log)
			}
		})
	}
}

// stateless is a State that keeps nothing.
type stateless struct{}

func (stateless) Load(context.Context, string) ([]byte, error) { return nil, nil }
func (stateless) Save(context.Context, string, []byte) error   { return nil }

// With Unsent such a file is stored; an import that has begun is not checked again.
func TestUnfitStored(t *testing.T) {
	t.Parallel()
	file := "event,timestamp,Kunde\n" + many(2*batchRows, "Sale,"+todaysAt+",Kim %d")
	m := &memory{}
	o := Options{Queue: m, Mapping: mappingOf(t, saleSet), Name: "a.csv", State: StateFile(filepath.Join(t.TempDir(), "state"))}
	var unfit *UnfitError
	if _, err := Import(t.Context(), strings.NewReader(file), o); !errors.As(err, &unfit) || unfit.Checked != 1000 || m.calls > 0 {
		t.Fatalf("%v, %d stored", err, m.count())
	}
	m.before = func(call int) error {
		if call == 2 {
			return errors.New("stopped")
		}
		return nil
	}
	o.Unsent = true
	if _, err := Import(t.Context(), strings.NewReader(file), o); err == nil || m.count() != batchRows {
		t.Fatalf("%v, %d stored", err, m.count())
	}
	o.Unsent = false
	if rep, err := Import(t.Context(), strings.NewReader(file), o); err != nil || rep.Rows != 2*batchRows || m.count() != 2*batchRows {
		t.Errorf("%v, %+v, %d stored", err, rep, m.count())
	}

	s := newStage(t, DirectoryOptions{Keep: -1, Mapping: o.Mapping, Unsent: true})
	drop(t, s.dir, "a.csv", file)
	s.pass(5 * time.Second)
	if got := tree(t, s.dir); got != "done/a.csv" || s.m.count() != 2*batchRows {
		t.Errorf("%s, %d stored", got, s.m.count())
	}
}

// The refused file and its report are encrypted like others. Corrected and dropped again, the file
// is stored.
func TestUnfitSealed(t *testing.T) {
	t.Parallel()
	keys, err := seal.NewKeys([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, DirectoryOptions{Keep: -1, Mapping: mappingOf(t, saleSet), Seal: seal.NewRing(keys)})
	drop(t, s.dir, "kim.csv", "event;timestamp;E-Mail\nSale;"+todaysAt+";kim@example.com\n")
	s.pass(10 * time.Second)
	if got := tree(t, s.dir); got != "refused/CLAIM.jsonl.sealed refused/CLAIM.sealed" || s.Status().RefusedFiles != 1 {
		t.Errorf("%s, %+v", got, s.Status())
	}
	files, _ := filepath.Glob(s.path("refused/*"))
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), "E-Mail") {
			t.Errorf("%s: readable, %v", name, err)
		}
	}
	drop(t, s.dir, "kim.csv", "event;timestamp;context.traits.email\nSale;"+todaysAt+";kim@example.com\n")
	s.pass(10 * time.Second)
	if s.m.count() != 1 {
		t.Errorf("%d stored, %s", s.m.count(), tree(t, s.dir))
	}
}

// A forecast counts outcomes by kind and reason.
func TestForecast(t *testing.T) {
	file := `{"event":"Other","timestamp":"` + todaysAt + `"}` + "\n" + `{"event":"Sale","timestamp":"` + todaysAt + `","userId":"C-1","properties":{"value":1}}` + "\n" + `{"event":"Sale","timestamp":"` + todaysAt + `"}`
	got := ""
	_, err := Import(t.Context(), strings.NewReader(file), Options{CheckOnly: true, Mapping: mappingOf(t, saleSet), Received: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Hooks: Hooks{Checked: func(words string) { got = words }}})
	if want := "3 rows checked; with the current mapping: 1 to send, 2 not sent (no_customer 1, unmapped 1)"; err != nil || got != want {
		t.Errorf("%q %v", got, err)
	}
	if got := newForecast(nil, time.Now()).words(1); got != "1 row checked" {
		t.Errorf("without a mapping: %q", got)
	}
	if got := newForecast(mappingOf(t, saleSet)(), time.Now()).words(0); !strings.Contains(got, "nothing to send") {
		t.Errorf("of nothing: %q", got)
	}
}
