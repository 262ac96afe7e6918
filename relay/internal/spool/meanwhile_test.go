package spool

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"relay/relay/internal/advice"
)

// Small files dropped while a large one is being stored are stored meanwhile; one that is not much
// smaller waits.
func TestSmallBesideLarge(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	const large = 6 * batchRows
	drop(t, s.dir, "large.jsonl", sales(0, large))
	var seen []string
	s.m.before = func(int) error {
		if seen = append(seen, tree(t, s.dir)); len(seen) == 1 {
			drop(t, s.dir, "small.jsonl", `{"event":"Small","timestamp":"2026-11-20T10:00Z"}`+"\n")
			drop(t, s.dir, "half.jsonl", strings.ReplaceAll(sales(0, large/2), "Order Completed", "Half"))
			drop(t, s.dir, "empty.csv", "")
			drop(t, s.dir, "book.xlsx", "PK")
		}
		s.now = s.now.Add(6 * time.Second) // duration of each batch
		return nil
	}
	s.pass(10 * time.Second)
	s.pass(10 * time.Second)
	if got := tree(t, s.dir); got != "book.xlsx done/half.jsonl done/large.jsonl done/small.jsonl empty.csv" || s.m.count() != large+1+large/2 {
		t.Errorf("%s, %d stored", got, s.m.count())
	}
	at := func(event string) int { return strings.Index(s.m.bodies(), event) }
	if last := strings.LastIndex(s.m.bodies(), "Order Completed"); at("Small") > last || at("Half") < last {
		t.Errorf("small at %d, half at %d, the last of the large one at %d", at("Small"), at("Half"), last)
	}
}

// A small file that ends the process is quarantined; the large one that was being stored is not.
func TestCrashBesideLarge(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	const large = 40 * batchRows
	drop(t, s.dir, "large.jsonl", sales(0, large))
	deaths, dropped := 0, false
	s.o.Queue = deadly{s.m}
	s.m.before = func(int) error {
		if !dropped {
			drop(t, s.dir, "crashed.jsonl", `{"event":"Deadly","timestamp":"2026-11-20T10:00Z"}`+"\n")
			dropped = true
		}
		s.now = s.now.Add(3 * time.Second)
		return nil
	}
	s.again()
	for range 10 {
		func() {
			defer func() {
				switch r := recover(); r.(type) {
				case nil:
				case death:
					deaths++
					s.again()
				default:
					panic(r)
				}
			}()
			s.pass(30 * time.Second)
		}()
	}
	if got := tree(t, s.dir); deaths != 3 || got != "done/large.jsonl refused/crashed.jsonl refused/crashed.jsonl.CLAIM.jsonl" || s.m.count() != large {
		t.Errorf("%d deaths, %d stored, files %s", deaths, s.m.count(), got)
	}
}

// A file that keeps changing is reported in the log and in the status, and so is one that cannot be
// moved. Both are taken once possible.
func TestChanging(t *testing.T) {
	t.Parallel()
	s := newStage(t, DirectoryOptions{Keep: -1})
	text := ""
	write := func() {
		text += sales(len(text), 1)
		drop(t, s.dir, "log.jsonl", text)
	}
	for range 9 * 60 {
		write()
		s.pass(time.Second)
	}
	if st := s.Status(); st.Waiting != 1 || len(st.NotTaken) != 0 || s.m.count() != 0 {
		t.Errorf("after nine minutes: %+v, %d stored", st, s.m.count())
	}
	for range 2 * 60 {
		write()
		s.pass(time.Second)
	}
	if st := s.Status(); st.Waiting != 0 || st.NotTaken[Changing] != 1 || len(st.Says) != 1 || !strings.Contains(st.Says[0].What, "1 file that is changed again and again") || !strings.Contains(st.Says[0].Todo, "rename") {
		t.Errorf("after eleven minutes: %+v", st)
	}
	if log := s.log.String(); strings.Count(log, "reason=restless") != 1 {
		t.Errorf("log:\n%s", log)
	}
	s.pass(10 * time.Second)
	if st := s.Status(); st.Done != 1 || len(st.NotTaken)+len(st.Says) != 0 {
		t.Errorf("when it stands still: %+v", st)
	}

	// A file blocks the done directory.
	drop(t, s.dir, "stuck.jsonl", sales(0, 1))
	if err := errors.Join(os.RemoveAll(s.path("done")), os.WriteFile(s.path("done"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.pass(10 * time.Second)
	if st := s.Status(); st.Problem == "" || len(st.Says) == 0 || !strings.HasPrefix(st.Says[0].What, "no file is imported: done in the spool directory is not a directory") || st.Says[0].Todo == "" {
		t.Errorf("without done: %+v", st)
	}
	if err := os.Remove(s.path("done")); err != nil {
		t.Fatal(err)
	}
	s.pass(10 * time.Second)
	if st := s.Status(); st.Problem != "" || len(st.Says) != 0 || st.Done != 1 {
		t.Errorf("when done is back: %+v", st)
	}
}

// Every reason has its own text.
func TestReasonsHaveWords(t *testing.T) {
	words := map[string]bool{}
	for _, why := range Reasons() {
		for _, n := range []int{1, 3} {
			what, todo := advice.NotTaken(string(why), n, []string{".xlsx"})
			if strings.Contains(what, string(why)+")") || todo == "" || words[what] {
				t.Errorf("%s: %q %q", why, what, todo)
			}
			words[what] = true
		}
	}
}
