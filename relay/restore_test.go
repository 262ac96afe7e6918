package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"relay/queue/local"
	"relay/relay/internal/exit"
	"relay/relay/internal/sidecar"
)

// restoreHome has a queue of three events and a backup of it. Its commands run in this
// process: what another test forks meanwhile would hold the queue's lock for a moment.
func restoreHome(t *testing.T) (h home, relay func(args ...string) (string, int)) {
	t.Helper()
	h = newHome(t, "", testMapping).settled(t, "127.0.0.1:1", "")
	relay = func(args ...string) (string, int) {
		var out bytes.Buffer
		code := run(t.Context(), append(args, "--config", h.path("relay.yaml")), strings.NewReader(""), &out, &out)
		return out.String(), code
	}
	h.write(t, "sales.jsonl", sales(0, 3))
	if out, code := relay("import", h.path("sales.jsonl")); code != exit.OK {
		t.Fatal(out)
	}
	if out, code := relay("backup", h.path("copy.tar")); code != exit.OK {
		t.Fatal(out)
	}
	return h, relay
}

func entriesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if e.Name() != "lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

// What a backup holds waits again in an empty directory, and how much of it may
// go twice is said by the command and by the next start, once.
func TestRestore(t *testing.T) {
	h, relay := restoreHome(t)
	if err := os.Rename(h.path("data"), h.path("data.old")); err != nil {
		t.Fatal(err)
	}
	out, code := relay("restore", h.path("copy.tar"))
	if code != exit.OK || !strings.Contains(out, "Waiting events: 3,") {
		t.Fatalf("exit %d: %s", code, out)
	}
	if out, code := relay("queue", "list", "--json"); code != exit.OK || strings.Count(out, "\n") != 3 {
		t.Errorf("exit %d: %s", code, out)
	}
	for n := range 2 {
		p := h.start(t)
		p.stop(t)
		if said := strings.Count(p.log.String(), "queue_restored"); said != 1-n {
			t.Errorf("start %d says %d times that the queue was restored:\n%s", n+1, said, p.log.String())
		}
	}
}

// Nothing of a backup is unpacked where something lies, where a relay works, or
// when the file is not whole.
func TestRestoreRefuses(t *testing.T) {
	h, relay := restoreHome(t)
	before := entriesOf(t, h.path("data"))
	if out, code := relay("restore", h.path("copy.tar")); code != exit.UsageCode || !strings.Contains(out, "is not empty") {
		t.Errorf("into the queue: exit %d: %s", code, out)
	}
	if after := entriesOf(t, h.path("data")); !slices.Equal(before, after) {
		t.Errorf("%v, before %v", after, before)
	}
	q, err := local.Open(h.path("data"), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if out, code := relay("restore", h.path("copy.tar")); code != exit.Later {
		t.Errorf("into an open queue: exit %d: %s", code, out)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.path("data"), h.path("data.old")); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(h.path("copy.tar"))
	if err != nil {
		t.Fatal(err)
	}
	spoiled := bytes.Clone(whole)
	spoiled[len(spoiled)/2] ^= 1
	for name, b := range map[string][]byte{"half.tar": whole[:len(whole)/2], "spoiled.tar": spoiled, "sales.tar": []byte(sales(0, 100))} {
		h.write(t, name, string(b))
		if out, code := relay("restore", h.path(name)); code != exit.Failure || !strings.Contains(out, "incomplete") {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
		if left := entriesOf(t, h.path("data")); len(left) > 0 {
			t.Errorf("%s leaves %v", name, left)
		}
	}
	if out, code := relay("restore", h.path("copy.tar")); code != exit.OK {
		t.Errorf("afterwards: exit %d: %s", code, out)
	}
}

// A directory in which a restore was cut off is not opened.
func TestRestoreCutOff(t *testing.T) {
	h, relay := restoreHome(t)
	if err := new(sidecar.RestoredQueue).Write(h.path("data")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"run"}, {"queue", "list"}} {
		if out, code := relay(args...); code != exit.Config || !strings.Contains(out, "did not finish") {
			t.Errorf("%v: exit %d: %s", args, code, out)
		}
	}
}
