package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

// sales are n rows of JSON lines without messageId; order ids begin with from.
func sales(from, n int) string {
	var b strings.Builder
	day := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	for i := range n {
		fmt.Fprintf(&b, `{"event":"Order Completed","timestamp":%q,"sentAt":"2020-01-01T00:00:00Z","userId":"u%d","properties":{"order_id":"o-%d","revenue":9.5},"context":{"traits":{"email":"p%d@example.com"}}}`+"\n", day, from+i, from+i, from+i)
	}
	return b.String()
}

// orders counts how often each order is at the simulator.
func orders(t *testing.T, sb *sandbox.Sandbox) map[string]int {
	t.Helper()
	got := map[string]int{}
	for _, e := range sb.Events(sandbox.Filter{}) {
		got[e.OrderID]++
	}
	return got
}

func exactlyOnce(t *testing.T, sb *sandbox.Sandbox, n int) {
	t.Helper()
	eventually(t, "every order is at the simulator", func() bool { return len(orders(t, sb)) >= n })
	got := orders(t, sb)
	for id, times := range got {
		if times != 1 {
			t.Errorf("%s became %d conversions", id, times)
		}
	}
	if len(got) != n {
		t.Errorf("%d orders, want %d", len(got), n)
	}
}

// command runs relay to its end.
func (h home) command(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	return h.with(t, "", args...)
}

// with is a command that reads stdin.
func (h home) with(t *testing.T, stdin string, args ...string) (out string, code int) {
	t.Helper()
	c := relayCommand(t.Context(), args...)
	c.Dir, c.Stdin = h.dir, strings.NewReader(stdin)
	b, err := c.CombinedOutput()
	return string(b), exitOf(err)
}

// settled makes the admin address a fixed one, for commands that look for it
// in relay.yaml.
func (h home) settled(t *testing.T, graph, more string) home {
	t.Helper()
	h.write(t, "relay.yaml", strings.Replace(testConfig(graph, more), "admin: { listen: 127.0.0.1:0 }", "admin: { listen: \"unix:admin.sock\" }", 1))
	return h
}

// TestImport: into a running relay, with a clock skew that must not count, bad
// rows in a report, once only; then into the queue while no relay runs.
func TestImport(t *testing.T) {
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, "", testMapping+"correct_clock_skew: true\n").settled(t, addr, "")
	p := h.start(t)

	h.write(t, "sales.jsonl", sales(0, 1200)+"no JSON\n"+sales(1200, 300)+`{"type":"identify","userId":"u"}`+"\n"+`{"event":"Order Completed","timestamp":"the other day"}`+"\n")
	out, code := h.command(t, "import", "sales.jsonl")
	if code != 0 || !strings.Contains(out, "sales.jsonl: 1503 rows, 1500 stored, 1 ignored (not track calls), 2 refused (see sales.jsonl.refused.jsonl)") ||
		!strings.Contains(out, "1000 rows checked; with the current mapping: 1000 to send") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	exactlyOnce(t, sb, 1500)
	for _, e := range sb.Events(sandbox.Filter{}) {
		if age := time.Since(time.Unix(e.EventTime, 0)); age < 30*time.Minute || age > 2*time.Hour {
			t.Fatalf("event_time %d is not the row's", e.EventTime)
		}
	}
	report, err := os.ReadFile(h.path("sales.jsonl.refused.jsonl"))
	if err != nil || strings.Count(string(report), "\n") != 2 || !strings.Contains(string(report), `{"row":1201,"line":1201,"code":"invalid_json"`) || !strings.Contains(string(report), `"code":"invalid_timestamp"`) {
		t.Errorf("report %s %v", report, err)
	}
	if out, code := h.command(t, "import", "sales.jsonl", "--strict"); code != 1 || !strings.Contains(out, "already imported") {
		t.Errorf("again: exit code %d\n%s", code, out)
	}
	h.write(t, "wrong.jsonl", sales(5000, 10)+`{"event":7}`+"\n")
	if out, code := h.command(t, "import", "wrong.jsonl"); code != 1 || !strings.Contains(out, "row 11 (line 11): the name of an event must be text") {
		t.Errorf("wrong: exit code %d\n%s", code, out)
	}
	p.stop(t)

	h.write(t, "export.csv", "\"Datum\";\"Kunde\";\"Ort\";Summe;Kasse;Bon\n"+
		time.Now().UTC().Add(-time.Hour).Format("2006-01-02 15:04:05")+";j\xfcrgen@example.com;M\xfcnchen;47,60;3;o-9000\n")
	csv := []string{
		"import", "export.csv", "--event", "Order Completed", "--column", "Datum=timestamp", "--column", "Kunde=context.traits.email",
		"--column", "Ort=context.traits.address.city", "--column", "Summe=revenue", "--column", "Kasse=", "--column", "Bon=order_id",
	}
	if out, code := h.command(t, append(csv, "--dry-run")...); code != 0 || !strings.Contains(out, "1 row checked; with the current mapping: 1 to send") || !strings.Contains(out, "nothing was stored") {
		t.Errorf("dry run: exit code %d\n%s", code, out)
	}
	if out, code := h.command(t, csv...); code != 0 || !strings.Contains(out, "1 row, 1 stored") {
		t.Errorf("CSV: exit code %d\n%s", code, out)
	}
	for _, bad := range [][]string{{"import"}, {"import", "export.csv", "--format", "xls"}, {"import", "export.csv", "--column", "nothing"}, {"import", "export.csv", "--separator", "ab"}, {"import", "export.csv", "--encoding", "latin"}} {
		if out, code := h.command(t, bad...); code != exit.UsageCode {
			t.Errorf("%v: exit code %d\n%s", bad, code, out)
		}
	}
	p = h.start(t)
	exactlyOnce(t, sb, 1501)
	p.stop(t)
}

// TestImportKilled kills the importer and the relay at random moments; in the
// end every row is at the simulator once.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, "", testMapping).settled(t, addr, "")
	n, kills := 30000, 7
	if testing.Short() {
		n, kills = 6000, 3
	}
	h.write(t, "sales.jsonl", sales(0, n))
	done := false
	for round := 0; !done; round++ {
		if round == 20 {
			t.Fatal("the import does not end")
		}
		p := h.start(t)
		imp := relayCommand(t.Context(), "import", "sales.jsonl")
		imp.Dir = h.dir
		var out lockedBuffer
		imp.Stdout, imp.Stderr = &out, &out
		if err := imp.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- imp.Wait() }()
		eventually(t, "the import has begun", func() bool {
			return strings.Contains(out.String(), "checked") || strings.Contains(out.String(), "continuing") || strings.Contains(out.String(), "already imported")
		})
		moment := time.NewTimer(time.Duration(rand.IntN(100)) * time.Millisecond)
		<-moment.C
		switch {
		case round >= kills:
			if err := <-ended; err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			done = true
		case round%2 == 0:
			_ = imp.Process.Kill()
			<-ended
		default: // the relay: the import waits for the next one
			p.kill(t)
			p = h.start(t)
			if err := <-ended; err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
		}
		p.kill(t)
	}
	p := h.start(t)
	exactlyOnce(t, sb, n)
	p.stop(t)
}

// TestSpool: files dropped while relay runs, and while it is killed, arrive once.
func TestSpool(t *testing.T) {
	t.Parallel()
	sb, addr := startSandbox(t, sandbox.Options{})
	h := newHome(t, testConfig(addr, "spool: drop\n"), testMapping)
	if err := os.Mkdir(h.path("drop"), 0o700); err != nil {
		t.Fatal(err)
	}
	rows, most := 0, 3000
	if testing.Short() {
		most = 500
	}
	for round := range 4 {
		p := h.start(t)
		for file := range 3 {
			n := 200 + rand.IntN(most)
			h.write(t, fmt.Sprintf("drop/%d-%d.jsonl", round, file), sales(rows, n))
			rows += n
		}
		if round == 3 {
			break
		}
		moment := time.NewTimer(time.Duration(1800+rand.IntN(600)) * time.Millisecond) // about when files are taken
		<-moment.C
		p.kill(t)
	}
	exactlyOnce(t, sb, rows)
	eventually(t, "the files are done", func() bool {
		done, _ := filepath.Glob(h.path("drop/done/*.jsonl"))
		return len(done) == 12
	})
	if left, _ := filepath.Glob(h.path("drop/.work/*")); len(left) > 0 {
		t.Errorf("claims left: %v", left)
	}
}
