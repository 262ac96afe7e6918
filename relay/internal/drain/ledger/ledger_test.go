package ledger

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"relay/queue"
)

// Clean is false as long as anything is left to store.
func TestClean(t *testing.T) {
	for name, decide := range map[string]func(g *Ledger){
		"records":           func(g *Ledger) { g.Settle([]queue.Range{{From: 1, To: 2}}, nil) },
		"parts of a record": func(g *Ledger) { g.Settle(nil, []queue.Part{{}}) },
		"a letter":          func(g *Ledger) { g.Letter(queue.DeadLetter{}) },
		"a count":           func(g *Ledger) { g.Count("sent", 1) },
		"the state":         func(g *Ledger) { g.Dirty = true },
	} {
		g := New(nil, "lane")
		if !g.Clean() {
			t.Fatal("a new ledger is not clean")
		}
		if decide(&g); g.Clean() {
			t.Errorf("%s: Clean is true, though it is not stored", name)
		}
	}
}

// log is a queue that fails as often as err says.
type log struct {
	offered []queue.Settlement
	err     []error
}

func (l *log) Lane(string) (queue.LaneStat, bool) { return queue.LaneStat{}, true }

func (l *log) Settle(_ string, s queue.Settlement) (queue.Revision, error) {
	l.offered = append(l.offered, s)
	if len(l.err) == 0 {
		return 0, nil
	}
	err := l.err[0]
	l.err = l.err[1:]
	return 0, err
}

// A settlement that failed is offered again with its id, before anything newer.
func TestStoreOffersAgain(t *testing.T) {
	l := &log{err: []error{errors.New("disk")}}
	g := New(l, "lane")
	g.Settle([]queue.Range{{From: 1, To: 2}}, nil)
	g.Count("delivered", 1)
	if _, err := g.Store(); err == nil || g.Clean() || g.Unsettled() == nil {
		t.Fatalf("error %v, clean %v, unsettled %v: the failure is not recorded", err, g.Clean(), g.Unsettled())
	}
	g.Settle([]queue.Range{{From: 2, To: 3}}, nil) // newer
	if counts, err := g.Store(); err != nil || counts["delivered"] != 1 || g.Clean() {
		t.Fatalf("counts %v, error %v, clean %v: want the first settlement's counts", counts, err, g.Clean())
	}
	if _, err := g.Store(); err != nil || !g.Clean() {
		t.Fatalf("error %v, clean %v", err, g.Clean())
	}
	if n := len(l.offered); n != 3 || l.offered[0].ID != l.offered[1].ID || l.offered[1].ID == l.offered[2].ID || l.offered[2].Settled[0].From != 2 {
		t.Errorf("offered: %+v", l.offered)
	}
}

// Letters that found no space are dropped for a forget; delivered records are not.
func TestDropLetters(t *testing.T) {
	l := &log{err: []error{queue.ErrDeadFull}}
	g := New(l, "lane")
	g.Letter(queue.DeadLetter{Reason: "rejected"})
	if _, err := g.Store(); err == nil || !g.LettersFull() || g.OfferedLetters() != 1 || g.Unsettled() != nil {
		t.Fatalf("error %v, full %v, %d offered, unsettled %v", err, g.LettersFull(), g.OfferedLetters(), g.Unsettled())
	}
	g.DropLetters()
	if g.OfferedLetters() != 0 || g.HasLetters() {
		t.Error("the letters are still there")
	}
}

// Letters are stored in pieces; the first always fits.
func TestHasRoomFor(t *testing.T) {
	g := New(&log{}, "lane")
	d := queue.DeadLetter{Body: make([]byte, maxLetterBytes)}
	if !g.HasRoomFor(&d) {
		t.Fatal("the first letter does not fit")
	}
	g.Letter(d)
	if g.HasRoomFor(&queue.DeadLetter{}) || !g.ShouldStore() {
		t.Error("a second letter fits behind one of the maximum size")
	}
}

// A state survives encoding. A problem is kept only while it explains a wait, and shortened.
func TestState(t *testing.T) {
	long := &Problem{Class: "retry", Message: strings.Repeat("ä", maxProblemText)}
	for name, s := range map[string]State{
		"empty":   {},
		"breaker": {Breaker: true, Problem: long},
		"failed":  {Failures: 2, Problem: long, Manual: true},
		"well":    {Problem: long},
	} {
		got, err := Decode(s.Encode())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (got.Problem != nil) != (s.Failures > 0 || s.Breaker) || got.Manual != s.Manual || got.Breaker != s.Breaker || got.Failures != s.Failures {
			t.Errorf("%s: %+v", name, got)
		}
		if p := got.Problem; p != nil && (len(p.Message) > maxProblemText || !utf8.ValidString(p.Message)) {
			t.Errorf("%s: a message of %d bytes", name, len(p.Message))
		}
	}
	for _, bad := range []string{"{", `{"v":1}`, `{}`} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	if _, err := Decode(nil); err != nil {
		t.Errorf("the state of a new lane: %v", err)
	}
}
