package records

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/queue"
	"relay/relay/internal/api"
)

// A sequence number has one form, and nothing else is one.
func TestSeq(t *testing.T) {
	for _, seq := range []queue.Seq{0, 7, 1 << 32, 5<<32 | 1<<32 - 1} {
		if got, err := ParseSeq(FormatSeq(seq)); err != nil || got != seq {
			t.Errorf("%d: %s gives %d, %v", seq, FormatSeq(seq), got, err)
		}
	}
	for _, s := range []string{"", "7", "1-", "-1", "1-2-3", "a-b", "1-4294967296", "+1-2"} {
		if got, err := ParseSeq(s); !errors.Is(err, ErrID) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// letters is a list of dead letters in memory.
type letters []queue.DeadLetter

func (l letters) DeadLetters(after string, fn func(queue.DeadLetter) bool) error {
	for _, d := range l {
		if d.ID > after && !fn(d) {
			return nil
		}
	}
	return nil
}

func (l letters) DeadLetter(id string) (queue.DeadLetter, error) {
	for _, d := range l {
		if d.ID == id {
			return d, nil
		}
	}
	return queue.DeadLetter{}, queue.ErrNotFound
}

func ids(t *testing.T, l letters, f api.DeadFilter) string {
	t.Helper()
	var out []string
	if err := EachLetter(l, f, func(d queue.DeadLetter) bool { out = append(out, d.ID); return true }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// Each condition of a filter narrows the list; together they all must hold.
func TestEachLetterFilter(t *testing.T) {
	l := letters{
		{ID: "a", Reason: "rejected", Event: "Sale", EventSet: "701", Code: 100, ReceivedAt: noon.Add(-48 * time.Hour), DeadAt: noon.Add(-time.Hour)},
		{ID: "b", Reason: "invalid", Event: "Sale", MessageID: "Till-9", ReceivedAt: noon.Add(-2 * time.Hour)},
		{ID: "c", Reason: "rejected", Event: "Cart", EventSet: "702", Message: "too old", ReceivedAt: noon},
	}
	for want, f := range map[string]api.DeadFilter{
		"a b c": {}, "a c": {Reason: "rejected"}, "a b": {Event: "Sale"}, "c": {EventSet: "702"},
		"a": {Since: noon.Add(-90 * time.Minute), Event: "Sale"}, // by the time it became a letter
		"b": {Search: "TILL"}, "": {Reason: "rejected", Search: "till"},
		"b c": {After: "a"}, "c a": {IDs: []string{"c", "none", "a"}},
	} {
		if got := ids(t, l, f); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
	if got := ids(t, l, api.DeadFilter{Limit: 1}); got != "a" {
		t.Errorf("limit 1: %q", got)
	}
	if got := ids(t, l, api.DeadFilter{Search: "100"}); got != "a" {
		t.Errorf("a code: %q", got)
	}
}

// A list longer than a page has every letter once, in order.
func TestEachLetterPages(t *testing.T) {
	var l letters
	for i := range 2*deadPage + 3 {
		l = append(l, queue.DeadLetter{ID: fmt.Sprintf("%05d", i)})
	}
	got := strings.Fields(ids(t, l, api.DeadFilter{}))
	if len(got) != len(l) || !slices.IsSorted(got) || len(slices.Compact(got)) != len(l) {
		t.Errorf("%d letters of %d", len(got), len(l))
	}
}

// An exported letter is imported as it was; one without a store gets the given store.
func TestExportImport(t *testing.T) {
	for _, body := range []string{`{"event":"Sale"}`, "not JSON"} {
		d := queue.DeadLetter{
			ID: "a", Lanes: []string{"701000000000001"}, MessageID: "m", Event: "Sale", List: "events", EventSet: "701000000000001", Reason: "rejected",
			Message: "x", Code: 100, Subcode: 7, FBTraceID: "t", ReceivedAt: noon, DeadAt: noon, ReleaseAt: noon, Attempts: 2, MappingHash: "h",
			Flags: queue.FlagImported, Body: []byte(body),
		}
		x := Exported(d)
		got, err := Imported(&x, "0042")
		d.Store = "0042"
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", d) {
			t.Errorf("%v\n is %+v\nwas %+v", err, got, d)
		}
		x.Store = "0043"
		if got, err = Imported(&x, "0042"); err != nil || got.Store != "0043" {
			t.Errorf("store %q, %v", got.Store, err)
		}
	}
	masked := WholeLetter(queue.DeadLetter{Reason: "rejected", ReceivedAt: noon, DeadAt: noon, Body: []byte(`{"event":"Sale"}`)}, false)
	if _, err := Imported(&masked, ""); err == nil {
		t.Error("a masked letter is imported")
	}
}

// A letter's body is masked unless the full one is asked for.
func TestWholeLetterMasks(t *testing.T) {
	d := queue.DeadLetter{EventSet: "701", Body: []byte(`{"context":{"traits":{"email":"pat@example.com"}}}`)}
	if x := WholeLetter(d, false); !x.Masked || strings.Contains(string(x.Body), "pat@") {
		t.Errorf("masked: %s", x.Body)
	}
	if x := WholeLetter(d, true); x.Masked || string(x.Body) != string(d.Body) {
		t.Errorf("full: %s", x.Body)
	}
}
