package clustertest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shown is the part of `relay status --json` that the tests need.
type shown struct {
	Delivers struct{ Here bool }
	Relays   []struct {
		Name           string
		Here, Delivers bool
		Mapping        string
		Stored         int64
	}
	Lanes []struct {
		Lane, State string
		Paused      bool
		Pending     int64
	}
	Queue  struct{ Pending, Dead int64 }
	Totals struct{ Delivered int64 }
}

func (r *running) status(t *testing.T) (st shown) {
	t.Helper()
	out, err := r.command("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &st)
	}
	if err != nil {
		t.Errorf("status of %s: %v\n%s", r.name, err, out)
	}
	return st
}

func (s *shown) lane(id string) (state string, paused bool, pending int64) {
	for _, l := range s.Lanes {
		if l.Lane == id {
			return l.State, l.Paused, l.Pending
		}
	}
	return "", false, 0
}

func (r *running) post(t *testing.T, body string) {
	t.Helper()
	resp, err := http.Post(r.url+"/v1/track", "application/json", strings.NewReader(body)) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s answered %d", r.name, resp.StatusCode)
	}
}

// must runs a command that has to succeed.
func (r *running) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.command(args...)
	if err != nil {
		t.Errorf("relay %s at %s: %v\n%s", strings.Join(args, " "), r.name, err, out)
	}
	return out
}

// The waiting relay shows the state of the delivering one, and passes every command on to it.
func TestRelaysSteer(t *testing.T) {
	t.Parallel()
	const orders, products = "701000000000001", "701000000000002"
	graph := simulator(t)
	c := startNodes(t, true, [3]string{t.TempDir(), t.TempDir(), t.TempDir()})
	c.settled()
	a, b := c.home("a", graph, ""), c.home("b", graph, "")
	a.start(t)
	eventually(t, "the first relay does not deliver", a.delivers)
	b.start(t)
	eventually(t, "the relays do not know of each other", func() bool {
		st := b.status(t)
		state, _, _ := st.lane(orders)
		return len(st.Relays) == 2 && st.Relays[0].Here && !st.Relays[0].Delivers && st.Relays[1].Delivers && state == "idle" && len(a.status(t).Relays) == 2
	})

	if out := b.must(t, "lane", "pause", orders); !strings.Contains(out, "paused") {
		t.Errorf("pause: %s", out)
	}
	for i := range 3 {
		b.post(t, order(fmt.Sprint("s-", i)))
	}
	b.post(t, order("p-7"))
	eventually(t, "the waiting relay does not show the state of the other", func() bool {
		st := b.status(t)
		state, paused, pending := st.lane(orders)
		return state == "manually_paused" && paused && pending == 3 && st.Totals.Delivered == 1
	})
	if out := a.must(t, "status"); !strings.Contains(out, "manually_paused") {
		t.Errorf("status of the delivering relay:\n%s", out)
	}
	dry, err := b.pipe("s-0@example.com\nperson.s-0@example.com\n", "forget", "--dry-run", "--json")
	if err != nil || !strings.Contains(dry, `"waiting":1`) {
		t.Errorf("forget --dry-run: %v\n%s", err, dry)
	}
	if out, err := b.pipe("person.s-0@example.com\n", "forget", "--json"); err != nil || !strings.Contains(out, `"waiting":1`) {
		t.Errorf("forget: %v\n%s", err, out)
	}
	eventually(t, "events of the forgotten person are pending", func() bool {
		st := b.status(t)
		_, _, pending := st.lane(orders)
		return pending == 2
	})
	b.must(t, "lane", "resume", orders)
	eventually(t, "nothing is sent after the resume", func() bool {
		st := b.status(t)
		state, _, pending := st.lane(orders)
		return state == "idle" && pending == 0
	})

	// The mapping does not name the event set any more: its pending events are moved and dropped.
	b.must(t, "lane", "pause", products)
	b.post(t, order("m-7"))
	b.post(t, order("n-7"))
	for _, r := range []*running{a, b} {
		r.write(t, "mapping.yaml", "version: 1\nevents:\n  Order Completed: \"701000000000001\"\n  Product Added: \"701000000000003\"\ndefault_country: US\ndefault_currency: USD\n")
	}
	if out := b.must(t, "reload"); !strings.Contains(out, b.status(t).Relays[1].Name+": ") { // relays may have loaded the mapping before
		t.Errorf("reload: %s", out)
	}
	eventually(t, "the relays have different mappings", func() bool {
		st := b.status(t)
		state, _, pending := st.lane(products)
		return st.Relays[0].Mapping == st.Relays[1].Mapping && strings.Contains("retired manually_paused", state) && pending == 2
	})
	b.must(t, "lane", "pause", "701000000000003")
	if out := b.must(t, "lane", "move", products, "701000000000003"); !strings.Contains(out, "moved to 701000000000003") {
		t.Errorf("move: %s", out)
	}
	if out := b.must(t, "lane", "drop", "--yes", "701000000000003"); !strings.Contains(out, "dropped") {
		t.Errorf("drop: %s", out)
	}
	eventually(t, "dropped events are pending", func() bool {
		st := b.status(t)
		return st.Queue.Pending == 0
	})
	if out, err := b.command("lane", "pause", "nothing"); err == nil || !strings.Contains(out, `event set "nothing": not found`) {
		t.Errorf("a refused order: %v %s", err, out)
	}

	// One file is bad at the other relay: the relay that was asked reports it.
	a.write(t, "mapping.yaml", "version: 1\nevents: [\n")
	if out, err := b.command("reload"); err == nil || !strings.Contains(out, b.status(t).Relays[1].Name+": refused; ") {
		t.Errorf("a reload refused by the other relay: %v\n%s", err, out)
	}

	// Both audit logs name the operator.
	var at, by string
	for _, r := range b.status(t).Relays {
		if at = r.Name; r.Here {
			by, at = r.Name, ""
		}
	}
	if text := a.read(t, "audit.log"); !strings.Contains(text, `"call":"POST /api/v1/lanes/{lane}/drop","asked_at":"`+by+`"`) {
		t.Errorf("audit.log of the delivering relay:\n%s", text)
	}
	if text := b.read(t, "audit.log"); !strings.Contains(text, `"done_at":"`+at+`"`) || !strings.Contains(text, `"count":2`) {
		t.Errorf("audit.log of the relay that was asked:\n%s", text)
	}

	// If no relay delivers, the command reports it and changes nothing.
	a.kill()
	start := time.Now()
	if out, err := b.command("lane", "pause", orders); err == nil || !strings.Contains(out, "no relay delivers at this moment") {
		t.Errorf("pause while no relay delivers: %v %s", err, out)
	} else if took := time.Since(start); took > 12*time.Second {
		t.Errorf("the pause took %v", took)
	}
	eventually(t, "the other relay does not take over", b.delivers)
	b.must(t, "lane", "pause", orders)
	b.stop(t)
}

// read returns the content of a file below the relay's directory.
func (r *running) read(t *testing.T, name string) (text string) {
	t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == name {
			b, err := os.ReadFile(path)
			text += string(b)
			return err
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return text
}
