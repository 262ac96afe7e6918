package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"relay/queue"
	"relay/relay/internal/spool/rows"
)

func utf16le(s string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestImportFormats(t *testing.T) {
	t.Parallel()
	const e1 = `{"event":"Order Completed","timestamp":"2026-11-20T10:00Z","messageId":"a"}`
	const e2 = `{"event":"Product Added","timestamp":"2026-11-20T10:00Z","messageId":"b"}`
	const pretty = "{\n \"event\": \"Order Completed\",\n \"timestamp\": \"2026-11-20T10:00Z\",\n \"messageId\": \"a\"\n}"
	for _, tc := range []struct {
		name string
		file string
		o    Options
		want string
	}{
		{name: "JSON lines", file: e1 + "\n\n  " + e2, want: e1 + "\n" + e2},
		{name: "JSON lines, CRLF and byte order mark", file: "\xef\xbb\xbf" + e1 + "\r\n" + e2 + "\r\n", want: e1 + "\n" + e2},
		{name: "JSON lines in Windows-1252", file: "{\"event\":\"Caf\xe9\",\"timestamp\":1795444791}", want: `{"event":"Café","timestamp":1795444791}`},
		{name: "stray bytes in UTF-8", file: "{\"event\":\"Café ü \xff\",\"timestamp\":1795444791}", want: "{\"event\":\"Café ü \ufffd\",\"timestamp\":1795444791}"},
		{name: "a list", file: "[\n" + e1 + ",\n" + e2 + "]\n", want: e1 + "\n" + e2},
		{name: "a value over several lines, and another", file: pretty + "\n" + e2, want: pretty + "\n" + e2},
		{name: "a saved request", file: `{"batch":[` + e1 + `],"context":{"ip":"192.0.2.1"}}`, want: e1[:len(e1)-1] + `,"context":{"ip":"192.0.2.1"}}`},
		{name: "saved requests, one a line", file: `{"batch":[` + e1 + `]}` + "\n" + `{"batch":[` + e2 + `]}`, want: e1 + "\n" + e2},
		{name: "a saved request that is larger than an event may be", file: `{"pad":"` + strings.Repeat("x", 300<<10) + `","batch":[` + e1 + `,` + e2 + `]}`, want: e1 + "\n" + e2},
		{name: "a saved request, its name escaped", file: `{"b\u0061tch":[` + e1 + `]}`, want: e1},
		{name: "an event with a member called batch", file: strings.Replace(e1, "{", `{"batch":[1],`, 1), want: strings.Replace(e1, "{", `{"batch":[1],`, 1)},
		{name: "an empty request, and a line that is a list", file: `{"batch":[]}` + "\n[" + e1 + "," + e2 + "]\n", want: e1 + "\n" + e2},
		{name: "other calls are left out", file: e1 + "\n" + `{"type":"identify","userId":"u"}`, want: e1},

		{
			name: "CSV", file: "event,timestamp,messageId,userId,context.traits.email,properties.revenue,currency\nOrder Completed,2026-11-20T10:00:00Z,m1,007,jane@example.com,47.60,USD\n",
			want: `{"event":"Order Completed","timestamp":"2026-11-20T10:00:00Z","messageId":"m1","userId":"007","context":{"traits":{"email":"jane@example.com"}},"properties":{"revenue":47.60,"currency":"USD"}}`,
		},
		{
			name: "CSV with semicolons, CRLF, quotes, byte order mark", file: "\xef\xbb\xbf\"event\";timestamp;\"note; or so\"\r\nSale;2026-11-20T10:00Z;\"a \"\"b\"\"; c\"\r\n",
			want: `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"note; or so":"a \"b\"; c"}}`,
		},
		{
			name: "CSV with tabs in Windows-1252", file: "event\ttimestamp\tcontext.traits.lastName\nSale\t2026-11-20T10:00Z\tM\xfcller\n",
			want: `{"event":"Sale","timestamp":"2026-11-20T10:00Z","context":{"traits":{"lastName":"Müller"}}}`,
		},
		{
			name: "CSV as Excel writes Unicode", file: utf16le("event\ttimestamp\tcity\r\nSale\t2026-11-20T10:00Z\tKøln\r\n"),
			want: `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"city":"Køln"}}`,
		},
		{
			name: "CSV: columns mapped, left out, event given", file: "Date,E-Mail,Internal,Total\n2026-11-20T10:00Z,x@example.com,secret,5\n",
			o:    Options{Layout: rows.Layout{Event: "Order Completed", Columns: []rows.Column{{Path: "timestamp", From: "Date"}, {Path: "context.traits.email", From: "E-Mail"}, {Path: "", From: "Internal"}, {Path: "Total", From: "properties.revenue"}}}},
			want: `{"event":"Order Completed","timestamp":"2026-11-20T10:00Z","context":{"traits":{"email":"x@example.com"}},"properties":{"revenue":5}}`,
		},
		{
			name: "CSV: lists, JSON, booleans, what is no plain number, empty cells", file: "event,timestamp,properties.products[1].product_id,properties.products[0].product_id,properties.products[1].quantity,extra,context.consent.categoryPreferences.advertising,flag,zip,big,exp,empty,context.ip\n" +
				`Sale,1795444790,b,a,2,"[{""x"": 1}]",TRUE,true,02134,12345678901234567,1e5,,` + "\n",
			want: `{"event":"Sale","timestamp":"1795444790","properties":{"products":[{"product_id":"a"},{"product_id":"b","quantity":2}],"extra":[{"x": 1}],"flag":"true","zip":"02134","big":"12345678901234567","exp":"1e5"},"context":{"consent":{"categoryPreferences":{"advertising":true}}}}`,
		},
		{
			name: "CSV: event by row or given", file: "event,timestamp\nSale,1795444791\n,1795444792\n", o: Options{Layout: rows.Layout{Event: "Other"}},
			want: `{"event":"Sale","timestamp":"1795444791"}` + "\n" + `{"event":"Other","timestamp":"1795444792"}`,
		},
		{
			name: "CSV: a row over several lines, blank rows", file: "event,timestamp,note\nSale,1795444791,\"a\nb\"\n,,\n\nSale,1795444792,c\n",
			want: `{"event":"Sale","timestamp":"1795444791","properties":{"note":"a\nb"}}` + "\n" + `{"event":"Sale","timestamp":"1795444792","properties":{"note":"c"}}`,
		},
		{name: "without a date, allowed", file: `{"event":"Sale"}`, o: Options{Undated: true}, want: `{"event":"Sale"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := &memory{}
			tc.o.Queue = m
			rep, err := Import(t.Context(), strings.NewReader(tc.file), tc.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.bodies(); got != tc.want {
				t.Errorf("stored\n%s\nwant\n%s", got, tc.want)
			}
			if int(rep.Stored) != m.count() || rep.Rows != rep.Stored+rep.Ignored {
				t.Errorf("report %+v", rep)
			}
			for _, e := range m.entries {
				if e.Flags&queue.FlagImported == 0 || e.Received.IsZero() || e.ID == "" {
					t.Errorf("entry %+v", e)
				}
			}
		})
	}
}

func TestImportFaults(t *testing.T) {
	t.Parallel()
	good := sales(0, 3)
	var unusable strings.Builder
	for i := range 20 {
		fmt.Fprintf(&unusable, "column %d (properties.): a name in the path is empty\n", i+3)
	}
	for _, tc := range []struct {
		name string
		file string
		o    Options
		want string
	}{
		{name: "empty", want: "the file has no rows"},
		{name: "one bad row", file: good + "{\"event\":\n" + good, want: "1 of the first 7 rows cannot be used, nothing was stored\n  row 4 (line 4): the body is not JSON: unexpected end at byte 9"},
		{name: "no date", file: good + `{"event":"Sale"}`, want: "1 of the first 4 rows cannot be used, nothing was stored\n  row 4 (line 4): the row does not say when it happened (timestamp): give it a member \"timestamp\", such as \"2026-11-20T18:30:00Z\""},
		{name: "no column of times", file: "Datum;Uhrzeit;Summe\n20.11.2026;16:00;12,50\n", o: Options{Layout: rows.Layout{Event: "Sale"}}, want: "1 of the first 1 rows cannot be used, nothing was stored\n" +
			"  row 1 (line 2): the row does not say when it happened (timestamp): --column 'timestamp=HEADER' names the column (spool: columns)\n" +
			"these options probably help: --column 'timestamp=Datum + Uhrzeit' --column 'revenue=Summe' (spool: columns)"},
		{name: "flags of tables for JSON", file: good, o: Options{ForTables: []string{"--event", "--column"}}, want: "the file is JSON, and --event, --column apply only to tables: leave them out, " +
			"since JSON events have their own name, time and products (if the file is a table, use --format csv)"},
		{name: "a time that cannot be read where its zone is given", file: "event,timestamp\nSale,20/11/2026 16:00\n", o: Options{Layout: rows.Layout{Zone: time.UTC}}, want: "1 of the first 1 rows cannot be used, nothing was stored\n" +
			"  row 1 (line 2): its timestamp, of the form 99/99/9999 99:99, cannot be read as a time; write 2026-11-20T18:30:00Z, or set the format (--time-format, spool: time_format)"},
		{name: "what is no time", file: good + `{"event":"Sale","timestamp":"2026-13-20"}` + "\n" + `{"event":"Sale","timestamp":{},"originalTimestamp":"20/11/2026"}`, want: "2 of the first 5 rows cannot be used, nothing was stored\n" +
			"  row 4 (line 4): its timestamp, of the form 9999-99-99, cannot be read as a time; write 2026-11-20T18:30:00Z, or set the format (--time-format, spool: time_format)\n" +
			"  row 5 (line 5): its timestamp, of the form of a list or an object, cannot be read as a time; write 2026-11-20T18:30:00Z, or set the format (--time-format, spool: time_format)"},
		{name: "not one row good, although bad ones are skipped", file: "{}\n{}\n", o: Options{SkipBad: true}, want: "2 of the first 2 rows cannot be used, nothing was stored\n" +
			"  row 1 (line 1): a track call needs an event name (\"event\"); the webhook of a shop system is not a track call\n  row 2 (line 2): a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"},
		{name: "no event column", file: "a,b\n1,2\n", want: "read header: no column has the event name: set it with --event (spool: event), or name the column with --column 'event=HEADER' (spool: columns)"},
		{name: "two columns for one place", file: "event,timestamp,a,properties.a,context.traits,context.traits.email,properties.x[0],properties.x.y,properties.c[x],properties.d..e\n", want: "read header: column 4 (properties.a): another column fills the same place\n" +
			"column 6 (context.traits.email): another column fills the same place\ncolumn 8 (properties.x.y): another column fills the same place\n" +
			"column 9 (properties.c[x]): an index in the path must be like [0], or [] for an item of each row\ncolumn 10 (properties.d..e): a name in the path is empty"},
		{name: "more columns than a table has", file: "event,timestamp" + strings.Repeat(",a", 4095) + "\n", want: "read header: the header has 4097 columns, the limit is 4096: leave columns out of the export"},
		{name: "many columns that cannot be used", file: "event,timestamp" + strings.Repeat(",properties.", 1000) + "\n", want: "read header: " + unusable.String() + "and 980 more columns"},
		{name: "a mapped column is missing", file: "event,timestamp\nSale,1\n", o: Options{Layout: rows.Layout{Columns: []rows.Column{{Path: "context.traits.email", From: "Mail"}}}}, want: `read header: there is no column "Mail"; the columns are: event, timestamp`},
		{name: "a row with other columns", file: "event,timestamp\nSale,1795444791\nSale,1795444791,2\n", want: "1 of the first 2 rows cannot be used, nothing was stored\n  row 2 (line 3): the row has 3 cells, the header 2: quote cells that contain ',', or set another separator"},
		{name: "a quote that does not close", file: "event,timestamp\nSale,1795444791\n\"Sale,1795444791\nSale,1795444792\n", want: "1 of the first 3 rows cannot be used, nothing was stored\n  row 2 (line 3): a quote opens a cell and is never closed: double a quote within a quoted cell"},
		{name: "a list with a bad value", file: "[\n" + strings.TrimSpace(good[:strings.Index(good, "\n")]) + ",\n{}]", want: "1 of the first 2 rows cannot be used, nothing was stored\n  row 2: a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"},
		{name: "JSON values with commas between them", file: "{\"event\":\n\"Sale\",\"timestamp\":1795444791},\n{\"event\":\"Sale\",\"timestamp\":1795444792}\n", want: "read JSON: after value 1 the file is not JSON (byte 40): " +
			"there is a comma between two values: put [ before the first and ] after the last, or write each value on a line of its own without the comma"},
		{name: "JSON under the name of a table", file: good, o: Options{Name: "a.csv", Layout: rows.Layout{Event: "Sale"}}, want: "read header: line 1: a quote opens a cell and is never closed: double a quote within a quoted cell\n" +
			"the file is read as a table because of its name, but seems to be JSON: name it .jsonl or .json (or use --format jsonl)"},
		{name: "JSON that breaks off", file: "[{\"event\":\"Sale\",\"timestamp\":1},", want: "read JSON: "},
		{name: "a quote that does not close in a long file", file: "event,timestamp\n\"Sale,1795444791\n" + strings.Repeat("Sale,1795444792\n", 300000), want: "1 of the first 1000 rows cannot be used, nothing was stored\n  row 1 (line 2): a quote opens a cell and is never closed: double a quote within a quoted cell"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := &memory{}
			tc.o.Queue = m
			_, err := Import(t.Context(), strings.NewReader(tc.file), tc.o)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || !strings.HasSuffix(tc.want, ": ") && err.Error() != tc.want {
				t.Errorf("error\n%v\nwant\n%s", err, tc.want)
			}
			if m.calls != 0 {
				t.Error("rows were stored")
			}
		})
	}
}

// Bad rows after the checked ones, or with SkipBad, go to the report, and the good ones into the
// queue.
func TestImportReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &memory{}
	long := `{"event":"` + strings.Repeat("x", 300<<10) + `"}`
	file := sales(0, 2) + "not JSON\n" + long + "\n" + `{"event":""}` + "\n" + sales(2, 2)
	o := Options{Queue: m, SkipBad: true, ReportFile: filepath.Join(dir, "report"), State: StateFile(filepath.Join(dir, "state"))}
	rep, err := Import(t.Context(), strings.NewReader(file), o)
	if err != nil || rep.Rows != 7 || rep.Stored != 4 || rep.Refused != 3 {
		t.Fatalf("%+v %v", rep, err)
	}
	b, err := os.ReadFile(o.ReportFile)
	if err != nil {
		t.Fatal(err)
	}
	var got []rows.Problem
	for line := range strings.Lines(string(b)) {
		var p rows.Problem
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	if len(got) != 3 || got[0].Code != "invalid_json" || got[0].Row != 3 || got[0].Line != 3 || got[0].Text != "not JSON" ||
		got[1].Code != "event_too_large" || len(got[1].Text) <= 256<<10 || got[2].Code != "missing_event" || got[2].Row != 5 {
		t.Errorf("%+v", got)
	}
	if fi, _ := os.Stat(o.ReportFile); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}

	// The same file again: nothing happens.
	rep, err = Import(t.Context(), strings.NewReader(file), o)
	if err != nil || !rep.Already || rep.Stored != 4 || m.calls != 1 {
		t.Errorf("%+v %v", rep, err)
	}
	// Without the state it is read again, but makes no duplicates.
	o.State = nil
	rep, err = Import(t.Context(), strings.NewReader(file), o)
	if err != nil || rep.Stored != 0 || rep.Duplicates != 4 || m.count() != 4 {
		t.Errorf("%+v %v", rep, err)
	}
}

// An import is interrupted at every possible batch, before and after the rows were stored, and
// resumed.
func TestImportResume(t *testing.T) {
	t.Parallel()
	const n = 4*batchRows + 17
	file := sales(0, n/2) + "bad\n" + sales(n/2, n-n/2) + "bad\n"
	broken := errors.New("killed")
	for at := 1; at <= 5; at++ {
		for _, stored := range []bool{false, true} {
			dir := t.TempDir()
			m := &memory{}
			o := Options{Queue: m, SkipBad: true, CheckRows: -1, State: StateFile(filepath.Join(dir, "s")), ReportFile: filepath.Join(dir, "r")}
			fail := func(call int) error {
				if call == at {
					return broken
				}
				return nil
			}
			if stored {
				m.after = fail
			} else {
				m.before = fail
			}
			rep, err := Import(t.Context(), strings.NewReader(file), o)
			if !errors.Is(err, broken) || rep.Rows > n {
				t.Fatalf("at %d: %+v %v", at, rep, err)
			}
			rep, err = Import(t.Context(), strings.NewReader(file), o)
			if err != nil || rep.Rows != n+2 || rep.Refused != 2 || rep.Stored+rep.Duplicates != n || m.count() != n {
				t.Fatalf("at %d, stored %v: %+v %v, %d in the queue", at, stored, rep, err, m.count())
			}
			if at > 1 && rep.Resumed == 0 {
				t.Errorf("at %d: the import started again", at)
			}
			b, _ := os.ReadFile(o.ReportFile)
			if got := strings.Count(string(b), "\n"); got != 2 {
				t.Errorf("at %d: %d lines in the report:\n%s", at, got, b)
			}
		}
	}
}

func TestImportStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	m := &memory{before: func(call int) error {
		if call == 2 {
			cancel()
			return &queue.FullError{RetryAfter: time.Hour}
		}
		return nil
	}}
	rep, err := Import(ctx, strings.NewReader(sales(0, 3*batchRows)), Options{Queue: m})
	if !errors.Is(err, &queue.FullError{}) && !errors.As(err, new(*queue.FullError)) || rep.Stored != batchRows {
		t.Errorf("%+v %v", rep, err)
	}
}

// The import waits while the queue is full, busy or cannot write.
func TestImportWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := []error{&queue.FullError{RetryAfter: 20 * time.Second}, queue.ErrBusy, queue.ErrStalled, queue.ErrDoubt, queue.ErrUnavailable}
		m := &memory{before: func(call int) error {
			if call <= len(answers) {
				return answers[call-1]
			}
			return nil
		}}
		begin := time.Now()
		rep, err := Import(t.Context(), strings.NewReader(sales(0, 3)), Options{Queue: m})
		if err != nil || rep.Stored != 3 {
			t.Fatalf("%+v %v", rep, err)
		}
		if took := time.Since(begin); took != (20+2+4+8+16)*time.Second {
			t.Errorf("waited %v", took)
		}
	})
}

func TestImportProgress(t *testing.T) {
	t.Parallel()
	file := sales(0, 3*batchRows)
	var last Progress
	calls := 0
	_, err := Import(t.Context(), strings.NewReader(file), Options{Queue: &memory{}, Hooks: Hooks{Progress: func(p Progress) {
		if p.Rows < last.Rows || p.Bytes < last.Bytes {
			t.Errorf("back from %+v to %+v", last, p)
		}
		last = p
		calls++
	}}})
	if err != nil || last.Rows != 3*batchRows || last.Bytes != int64(len(file)) || last.Size != int64(len(file)) || calls < 4 {
		t.Errorf("%d calls, last %+v, %v", calls, last, err)
	}
}

// Invalid bytes in a UTF-8 file are reported, and only these.
func TestImportReportsStrayBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"event,timestamp,n\nSale,2026-11-20T10:00Z,Zo\u00eb\nSale,2026-11-20T10:00Z,Zo\u00eb\nSale,2026-11-20T10:00Z,M\xfcller\n": 1,
		"event,timestamp,n\nSale,2026-11-20T10:00Z,Zo\u00eb\n":                                                                    0,
		"event,timestamp,n\nSale,2026-11-20T10:00Z,M\xfcller\n":                                                                   0,
	} {
		var got int64
		if _, err := Import(t.Context(), strings.NewReader(text), Options{Queue: &memory{}, Hooks: Hooks{Stray: func(n int64) { got = n }}}); err != nil || got != want {
			t.Errorf("%q: %d stray bytes reported, %v, want %d", text, got, err, want)
		}
	}
}
