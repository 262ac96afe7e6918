package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/sandbox"
)

// TestSpoolTables: files of a shop system, as relay.yaml says how to read them, kept
// encrypted; what is not taken is in log, status and metrics; each sale arrives once,
// in the next export too.
func TestSpoolTables(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, "", testMapping).settled(t, addr, `spool:
  dir: drop
  event: Order Completed
  columns: { timestamp: Day + Time, context.traits.email: E-Mail, revenue: Total, order_id: Order No., "products[].product_id": Article, "": [Clerk] }
  time_format: "02/01/2006 15:04"
  header_row: 2
  group_by: Order No.
  id: Order No.
`)
	conf, err := os.ReadFile(h.path("relay.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, "relay.yaml", strings.Replace(string(conf), "segment_size: 1MiB", "segment_size: 1MiB, encryption_key: key", 1))
	h.write(t, "key", strings.Repeat("0123456789abcdef", 4)+"\n")
	if out, code := h.command(t, "check"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	p := h.start(t)
	when := time.Now().UTC().Add(-2 * time.Hour)
	day, clock := when.Format("02/01/2006"), when.Format("15:04")
	export := func(orders int) string {
		var b strings.Builder
		b.WriteString("sep=;\r\nDay;Time;Order No.;E-Mail;Total;Article;Clerk\r\n")
		for i := range orders {
			fmt.Fprintf(&b, "%s;%s;=\"000%d\";p%d@example.com;12,50;A-%d;Ada\r\n;;;;;B-%d;\r\n", day, clock, i, i, i, i)
		}
		b.WriteString(";;Total;;25,00;;\r\n")
		return b.String()
	}
	h.write(t, "drop/till.xlsx", "PK\x03\x04")
	h.write(t, "drop/list.csv", "PK\x03\x04")
	h.write(t, "drop/ada@example.com.csv", export(2))
	exactlyOnce(t, sb, 2)
	h.write(t, "drop/month.csv", export(5))
	exactlyOnce(t, sb, 5)
	for _, e := range sb.Events(sandbox.Filter{}) {
		if got := time.Unix(e.EventTime, 0).UTC(); got.Format("02/01/2006 15:04") != day+" "+clock {
			t.Errorf("event_time %v", got)
		}
	}
	eventually(t, "the files are done", func() bool {
		done, _ := filepath.Glob(h.path("drop/done/*.sealed"))
		return len(done) == 2
	})
	eventually(t, "what is not taken is said", func() bool {
		out, _ := h.command(t, "status")
		return strings.Contains(out, "1 file of another kind (.xlsx)") && strings.Contains(out, "save a workbook as CSV") && strings.Contains(out, "4 in refused") &&
			strings.Contains(out, "not stored: 1 file that was refused: the report next to each file")
	})
	eventually(t, "the alert", func() bool { return strings.Contains(p.log.String(), "files_refused") })
	out, _ := h.command(t, "spool", "list")
	if !strings.Contains(out, "done/month.csv") || !strings.Contains(out, "encrypted") || strings.Count(out, "refused/") != 4 {
		t.Errorf("list:\n%s", out)
	}
	if out, code := h.command(t, "spool", "show", "done/month.csv"); code != 0 || out != export(5) {
		t.Errorf("show: exit code %d\n%s", code, out)
	}
	if out, code := h.command(t, "spool", "show", "../key"); code != 1 || !strings.Contains(out, "want done/FILE or refused/FILE") {
		t.Errorf("show of another file: exit code %d\n%s", code, out)
	}
	err = filepath.WalkDir(h.path("drop"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), "example.com") {
			t.Errorf("%s is plain, %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	p.stop(t)
	log := p.log.String()
	for _, want := range []string{"spool_keeps", "spool_not_taken", "spool_rows_refused", "reason=kind"} {
		if !strings.Contains(log, want) && !strings.Contains(log, strings.ReplaceAll(want, "=", `":"`)) {
			t.Errorf("not in the log: %s\n%s", want, log)
		}
	}
	if strings.Contains(log, "ada@") {
		t.Errorf("the log names a file:\n%s", log)
	}
}
