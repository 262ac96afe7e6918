package forward

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/graph"
)

var received = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

func order(seq queue.Seq, id string) queue.Record {
	return queue.Record{
		Seq: seq, ID: id, Received: received.Add(time.Duration(seq&0xffff) * time.Second),
		Body: fmt.Appendf(nil, `{"type":"track","event":"Order Completed","messageId":%q,"properties":{"order_id":%q}}`, id, id),
	}
}

// orders are those of numbers from to to, exclusive, with ids made of prefix.
func orders(prefix string, from, to queue.Seq) *Chunk {
	c := &Chunk{Epoch: Epoch{1}, From: from, To: to}
	for s := from; s < to; s++ {
		c.Records = append(c.Records, order(s, fmt.Sprint(prefix, uint64(s))))
	}
	return c
}

func take(t *testing.T, h *Hub, store string, c *Chunk) Answer {
	t.Helper()
	a, err := h.Forward(t.Context(), store, nil, c.Append(nil), nil, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func waiting(t *testing.T, q Log, lane string) []queue.Record {
	t.Helper()
	b, err := q.Read(lane, 0, 10_000, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	return b.Records
}

// An edge corrects its clock by the hub's time, unless the hub itself does not trust its own.
func TestHubTellsTheTime(t *testing.T) {
	for _, trusted := range []bool{true, false} {
		h := hubOn(t, openLocal(t, t.TempDir(), time.Hour), nil)
		h.o.Clock = func() (time.Time, bool) { return received, trusted }
		c := NewClient(ClientOptions{Key: func() string { return "k" }, Post: poster(func(b []byte) graph.Posted {
			a, err := h.Forward(t.Context(), "0042", nil, b, nil, 4<<20)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			return graph.Posted{Status: 200, Body: answer, Header: http.Header{"Date": {"Mon, 02 Jan 2006 15:04:05 GMT"}}}
		})})
		r := c.Ask(t.Context())
		if want := map[bool]time.Time{true: received}[trusted]; r.Class != graph.Delivered || !r.ServerTime.Equal(want) {
			t.Errorf("trusted %v: %s, time %s, want %s", trusted, r.Class, r.ServerTime, want)
		}
	}
}

// What comes again is recognised by its numbers: in another grouping, after a
// restart, once the window of ids is over, and after both.
func TestRepeats(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		for name, window := range map[string]time.Duration{
			"within the window of ids": time.Hour,
			"beyond it":                forgotten,
		} {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				h, q := e.hub(t, dir, window)
				want := 0
				step := func(c *Chunk, stored, repeats int) {
					t.Helper()
					if a := take(t, h, "0042", c); !a.Success || a.Stored != stored || a.Repeats != repeats {
						t.Errorf("%+v, want %d stored and %d known", a, stored, repeats)
					}
					want += stored
					if n := len(waiting(t, q, set)); n != want {
						t.Errorf("%d events, want %d", n, want)
					}
				}
				again := func() {
					t.Helper()
					step(orders("m", 100, 200), 0, 100)
					step(orders("m", 120, 130), 0, 10)
					step(orders("m", 0, 50), 0, 50)
				}
				step(orders("m", 100, 200), 100, 0)
				step(orders("m", 0, 50), 50, 0)
				again()
				restart := func() {
					t.Helper()
					if err := q.Close(); err != nil {
						t.Fatal(err)
					}
					h, q = e.hub(t, dir, window)
				}
				restart() // the marks say it
				again()
				if err := h.fold(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := len(waiting(t, q, queue.LaneHad)); n != 0 {
					t.Errorf("%d marks after a fold", n)
				}
				restart() // the note says it
				again()
				step(orders("m", 40, 110), 50, 20) // the hole between
				step(orders("m", 0, 200), 0, 200)
				restart()
				step(orders("m", 0, 210), 10, 200)
			})
		}
	})
}

// An event that comes again is known by its number even if its messageId is not known
// any more: none is stored twice. That this can fail is shown by another epoch.
func TestAnotherEpochIsNotKnown(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, q := e.hub(t, t.TempDir(), time.Hour)
		take(t, h, "0042", orders("m", 0, 10))
		c := orders("n", 0, 10)
		c.Epoch = Epoch{2}
		if a := take(t, h, "0042", c); a.Stored != 10 {
			t.Errorf("%+v: numbers of another epoch are others", a)
		}
		c = orders("m", 0, 10)
		c.Epoch = Epoch{3}
		take(t, h, "0042", c)
		if n := len(waiting(t, q, set)); n != 20 {
			t.Errorf("%d events: those of a lost epoch are known by their ids", n)
		}
	})
}

// The ids of two stores never meet; within a store they do.
func TestStoresApart(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, q := e.hub(t, t.TempDir(), time.Hour)
		for _, store := range []string{"0042", "0043", "004"} {
			if a := take(t, h, store, orders("m", 0, 10)); a.Stored != 10 {
				t.Errorf("store %s: %+v", store, a)
			}
		}
		other := orders("m", 10, 11)
		other.Records[0].ID = "m3" // of another event
		take(t, h, "0042", other)
		if recs := waiting(t, q, queue.LaneConflict); len(recs) != 1 || recs[0].Store != "0042" || recs[0].ID != "m3" {
			t.Errorf("conflicts: %+v", recs)
		}
		got := map[string]int{}
		for _, r := range waiting(t, q, set) {
			got[r.Store]++
		}
		if got["0042"] != 10 || got["0043"] != 10 || got["004"] != 10 || len(got) != 3 {
			t.Errorf("events by store: %v", got)
		}
	})
}

// What an edge could not use is kept as that, with the time of receipt and the flags.
func TestKept(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, q := e.hub(t, t.TempDir(), time.Hour)
		c := orders("m", 0, 1)
		c.Records[0].Flags = queue.FlagImported | queue.FlagMerged | queue.FlagIDConflict
		take(t, h, "0042", c)
		take(t, h, "0042", &Chunk{Lane: Refused, From: 5, To: 6, Records: []queue.Record{{Seq: 5, ID: "bad", Received: received, Body: []byte(`{"event":1`)}}})
		take(t, h, "0042", &Chunk{Lane: Conflicts, From: 7, To: 8, Records: []queue.Record{order(7, "m0")}})
		take(t, h, "0042", &Chunk{From: 8, To: 9, Records: []queue.Record{{Seq: 8, ID: "u", Received: received, Body: []byte(`{"type":"track","event":"Till Opened"}`)}}})
		big := order(9, "big")
		big.Body = fmt.Appendf(nil, `{"type":"track","event":"Order Completed","x":%q}`, strings.Repeat("x", 70<<10))
		take(t, h, "0042", &Chunk{From: 9, To: 10, Records: []queue.Record{big}})
		if r := waiting(t, q, set); len(r) != 1 || !r[0].Received.Equal(received) || r[0].Flags != queue.FlagImported|queue.FlagMerged || r[0].Store != "0042" {
			t.Errorf("event: %+v", r)
		}
		refused := waiting(t, q, queue.LaneRefused)
		if len(refused) != 2 || string(refused[0].Body) != `{"event":1` || refused[1].Flags&queue.FlagTooLarge == 0 {
			t.Errorf("unusable: %d", len(refused))
		}
		if r := waiting(t, q, queue.LaneConflict); len(r) != 1 || r[0].Flags&queue.FlagIDConflict == 0 {
			t.Errorf("conflicts: %+v", r)
		}
		if r := waiting(t, q, queue.LaneUnmapped); len(r) != 1 {
			t.Errorf("unmapped: %+v", r)
		}
		a, err := h.Forward(t.Context(), "0042", func([]byte) bool { return false }, orders("k", 20, 21).Append(nil), nil, 4<<20)
		if err != nil || a.Stored != 1 || len(waiting(t, q, queue.LaneRefused)) != 3 {
			t.Errorf("an event that the key may not send: %+v %v", a, err)
		}
	})
}

// A hub that does not know yet what it has, or that stores a chunk of the store this
// moment, takes nothing.
func TestNotNow(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, _ := e.hub(t, t.TempDir(), time.Hour)
		b := orders("m", 0, 1).Append(nil)
		h.ready.Store(false)
		if _, err := h.Forward(t.Context(), "0042", nil, b, nil, 4<<20); !errors.Is(err, ErrStarting) {
			t.Errorf("starting: %v", err)
		}
		h.ready.Store(true)
		s := h.store("0042")
		s.turn.Lock()
		if _, err := h.Forward(t.Context(), "0042", nil, b, nil, 4<<20); !errors.Is(err, ErrBusy) {
			t.Errorf("busy: %v", err)
		}
		s.turn.Unlock()
		if _, err := h.Forward(t.Context(), "0042", nil, b, nil, 10); !errors.Is(err, ErrTooLarge) {
			t.Errorf("large: %v", err)
		}
	})
}

// An append that the disk was too slow for may come to be after its error: the mark
// in the log is what counts then.
func TestAppendInDoubt(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, q := e.hub(t, t.TempDir(), forgotten)
		take(t, h, "0042", orders("m", 0, 10))
		h.stores = map[string]*storeRanges{} // as if the answer had been an error
		if err := h.fold(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a := take(t, h, "0042", orders("m", 0, 10)); a.Stored != 0 || a.Repeats != 10 {
			t.Errorf("%+v", a)
		}
		if n := len(waiting(t, q, set)); n != 10 {
			t.Errorf("%d events", n)
		}
	})
}

// Numbers belong to the opening of the log in which they were given; a directory that
// is put back from a copy gives numbers again, under another epoch.
func TestEpochs(t *testing.T) {
	n := notes{}
	open := func(first queue.Seq) *Epochs {
		t.Helper()
		e, err := OpenEpochs(n, first)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	of := func(e *Epochs, seq queue.Seq) Epoch { epoch, _ := e.Of(seq); return epoch }
	a := open(1 << 32)
	copied := string(n[noteEpochs])
	b := open(2 << 32)
	switch {
	case of(a, 1<<32) != of(b, 1<<32+7), of(a, 5) != of(b, 5):
		t.Error("what was given before has another epoch after a restart")
	case of(b, 2<<32) == of(b, 1<<32), of(a, 1<<32) == of(a, 5):
		t.Error("two openings have one epoch")
	}
	if _, until := b.Of(1 << 32); until != 2<<32 {
		t.Errorf("the epoch ends at %x", until)
	}
	n[noteEpochs] = []byte(copied)
	c := open(2 << 32)
	if of(c, 2<<32) == of(b, 2<<32) || of(c, 1<<32) != of(b, 1<<32) {
		t.Error("numbers that are given again have the epoch of the first")
	}
}

type notes map[string][]byte

func (n notes) SetNote(key string, val []byte) error { n[key] = val; return nil }
func (n notes) Note(key string) []byte               { return n[key] }

// Who only asks whether a chunk would be taken leaves nothing.
func TestProbe(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, q := e.hub(t, t.TempDir(), time.Hour)
		ask := func() (Answer, error) { return h.Forward(t.Context(), "0042", nil, probe, nil, 4<<20) }
		if a, err := ask(); err != nil || !a.Success || a.Stored+a.Repeats != 0 {
			t.Errorf("%+v, %v", a, err)
		}
		if n := len(waiting(t, q, queue.LaneHad)); n != 0 {
			t.Errorf("%d marks", n)
		}
		if s := h.Stores([]string{"0042"}); !s[0].LastSeen.IsZero() {
			t.Errorf("%+v", s)
		}
		h.o.Log = noRoom{h.o.Log}
		if _, err := ask(); !errors.As(err, new(*queue.FullError)) {
			t.Errorf("a full hub: %v", err)
		}
		h.ready.Store(false)
		if _, err := ask(); !errors.Is(err, ErrStarting) {
			t.Errorf("at the start: %v", err)
		}
	})
}

// noRoom is a queue that is full.
type noRoom struct{ Log }

func (noRoom) CanAppend() error { return &queue.FullError{Reason: "max_size"} }

// Memory that is lent for a chunk belongs to the caller again once the chunk is taken,
// and what one chunk had is not in the next.
func TestLentMemory(t *testing.T) {
	eachEngine(t, func(t *testing.T, e engine) {
		h, q := e.hub(t, t.TempDir(), time.Hour)
		room := make([]byte, 0, 64<<10)
		first, second := orders("a", 1, 40), orders("b", 40, 50)
		for _, c := range []*Chunk{first, second} {
			a, err := h.Forward(t.Context(), "0042", nil, c.Append(nil), room, 4<<20)
			if err != nil || a.Stored != len(c.Records) {
				t.Fatalf("%+v, %v", a, err)
			}
			for i := range room[:cap(room)] {
				room[:cap(room)][i] = 'x'
			}
		}
		got := waiting(t, q, set)
		if len(got) != 49 {
			t.Fatalf("%d records", len(got))
		}
		for i, want := range append(first.Records, second.Records...) {
			if got[i].ID != want.ID || string(got[i].Body) != string(want.Body) {
				t.Errorf("%s: %s", got[i].ID, got[i].Body)
			}
		}
	})
}
