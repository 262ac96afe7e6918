package local

import (
	"fmt"
	"slices"
	"testing"

	"relay/queue"
)

// A client's id is never equal to a key that relay makes, whatever its text: a redriven letter and
// a rerouted or moved record arrive although a client has used the text of its key as an id.
func TestIDsThatLookLikeKeys(t *testing.T) {
	to := func(lane string) func(Record) []string { return func(Record) []string { return []string{lane} } }
	for _, c := range []struct {
		name string
		key  func(letter string, seq Seq) string
		do   func(q *Queue, letter string) error
	}{
		{"redrive", func(letter string, _ Seq) string { return "dead:" + letter }, func(q *Queue, letter string) error {
			_, err := q.Redrive([]string{letter}, func(DeadLetter) []string { return []string{"b"} })
			return err
		}},
		{"reroute", func(_ string, seq Seq) string { return fmt.Sprintf("reroute:a:%x", uint64(seq)) }, func(q *Queue, _ string) error {
			_, err := q.Reroute("a", 0, to("b"))
			return err
		}},
		{"move", func(_ string, seq Seq) string { return fmt.Sprintf("move:a:%x", uint64(seq)) }, func(q *Queue, _ string) error {
			_, err := q.MoveLane("a", "b")
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := openTest(t, t.TempDir(), Options{})
			mustAppend(t, q, entry("letter", "a"))
			settleDead(t, q, "a")
			letters, _ := deadIDs(t, q)
			mustAppend(t, q, entry("waits", "a"))
			b, err := q.Read("a", 0, 0, 0)
			if err != nil || len(b.Records) != 1 || len(letters) != 1 {
				t.Fatal(b, letters, err)
			}
			looks := c.key(letters[0], b.Records[0].Seq)
			mustAppend(t, q, entry(looks, "client"))
			if err := c.do(q, letters[0]); err != nil {
				t.Fatal(err)
			}
			want := "waits"
			if c.name == "redrive" {
				want = "letter"
			}
			if got := drainAll(t, q, "b"); !slices.Equal(got, []string{want}) {
				t.Errorf("arrived: %q, want %q", got, want)
			}
			if got := drainAll(t, q, "client"); !slices.Equal(got, []string{looks}) {
				t.Errorf("the client's own event: %q", got)
			}
			if a := mustAppend(t, q, entry(looks, "client")); a != (Appended{Duplicates: 1}) {
				t.Errorf("the client's event again: %+v", a)
			}
		})
	}
}

// Keys that relay makes never displace ids of clients, however many there are, in memory or in
// files.
func TestRelayKeysDoNotDisplaceIDs(t *testing.T) {
	const most = 100
	c := newClock()
	q := openTest(t, t.TempDir(), Options{DedupIDs: most, Now: c.now, NoSync: true})
	opened(t, q)
	mustAppend(t, q, entry("of a client", "a"))
	for i := range 5 {
		rotateNow(t, q)
		filed(t, q)
		var es []Entry
		for k := range most {
			e := entry(fmt.Sprint("m-", i, "-", k), "a")
			e.Space, e.Key = queue.ByKey, fmt.Sprint(i, " ", k)
			es = append(es, e)
		}
		mustAppend(t, q, es...)
		c.after(t, q, 0)
	}
	if !remembered(t, q, "of a client") {
		t.Error("the id of a client is forgotten")
	}
	if n := q.Stats().DedupIDs; n != 1 {
		t.Errorf("%d ids of clients are remembered, want 1", n)
	}
	// Ids of clients still count: the oldest are forgotten.
	for i := range 5 {
		rotateNow(t, q)
		filed(t, q)
		var es []Entry
		for k := range most {
			es = append(es, entry(fmt.Sprint("c-", i, "-", k), "a"))
		}
		mustAppend(t, q, es...)
		c.after(t, q, 0)
	}
	if remembered(t, q, "of a client") {
		t.Error("ids of clients are never forgotten")
	}
}
