package sidecar

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"relay/mapper"
	"relay/queue/local"
	"relay/relay/internal/exit"
	"relay/relay/internal/metrics"
)

// notesIn opens a queue, whose notes keep the mappings.
func notesIn(t *testing.T, dir string) *local.Queue {
	t.Helper()
	q, err := local.Open(dir, local.Options{SegmentSize: 1 << 20, MaxSize: 64 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

// source returns the n-th of several valid mappings.
func source(n int) string {
	return fmt.Sprintf("version: 1\nevents: { Order Completed: \"7010000000%05d\" }\ndefault_currency: USD\n", n)
}

func digestOf(t *testing.T, src string) string {
	t.Helper()
	m, _, err := mapper.Parse("mapping.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return m.Digest()
}

// live opens a mapping file with src and the notes of a queue.
func live(t *testing.T, file, src string, n mappingNotes) (*liveMapping, error) {
	t.Helper()
	if src != "" {
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return openMapping(file, n, []byte("secret"), slog.New(slog.DiscardHandler), metrics.New(Build()))
}

// The newest mappings are stored, each once; an older one that is used again becomes the
// newest. They survive a restart.
func TestMappingHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := notesIn(t, dir)
	h := mappingHistory{notes: q}
	if src, ok := h.newest(); ok || h.mappings() != nil || h.sources() != nil {
		t.Errorf("empty: %q", src)
	}
	var want []string // newest first
	for n := range keepMappings + 3 {
		d := digestOf(t, source(n))
		if err := h.add(d, []byte(source(n))); err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, d)
	}
	again := digestOf(t, source(5))
	for range 2 {
		if err := h.add(again, []byte(source(5))); err != nil {
			t.Fatal(err)
		}
	}
	want = slices.Insert(slices.DeleteFunc(want, func(d string) bool { return d == again }), 0, again)
	gone := want[keepMappings:]
	want = want[:keepMappings]
	for _, what := range []string{"stored", "after a restart"} {
		if got := h.digests(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		if src, ok := h.newest(); !ok || string(src) != source(5) {
			t.Errorf("%s: the newest is %q", what, src)
		}
		if len(h.mappings()) != keepMappings || len(h.sources()) != keepMappings || h.sources()[0] != source(5) {
			t.Errorf("%s: %d mappings, %d sources", what, len(h.mappings()), len(h.sources()))
		}
		for i, d := range want {
			if m := h.mapping(d); m == nil || m.Digest() != d || h.mappings()[i].Digest() != d {
				t.Errorf("%s: %s is missing", what, d)
			}
		}
		for _, d := range gone {
			if h.mapping(d) != nil {
				t.Errorf("%s: %s is still stored", what, d)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = notesIn(t, dir)
		h.notes = q
	}
}

// A valid source is swapped in and reported once. One with a mistake, or a missing file,
// changes only the state that status shows, until a valid source comes, even the same one.
func TestMappingOffer(t *testing.T) {
	t.Parallel()
	l, err := live(t, filepath.Join(t.TempDir(), "mapping.yaml"), source(1), notesIn(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	swaps := 0
	l.changed = func() { swaps++ }
	first := l.State()
	if !first.OK || first.FromStore || first.Digest != digestOf(t, source(1)) || first.Generation != 1 || first.Text != source(1) {
		t.Errorf("opened: %+v", first)
	}

	wrong := source(1) + "nonsense: 1\n"
	for range 2 {
		if changed, err := l.offer([]byte(wrong)); err == nil || changed {
			t.Error("a mistake was accepted")
		}
	}
	st := l.State()
	if st.OK || st.Refused == nil || len(st.Refused.Problems) != 1 || st.Refused.Problems[0].Line != 4 || st.Digest != first.Digest || st.Text != source(1) {
		t.Errorf("refused: %+v", st)
	}
	if !l.refusedAlready([]byte(wrong)) || l.refusedAlready([]byte(source(1))) || l.refusedAlready(nil) {
		t.Error("the refused source is not recognised")
	}
	if changed, err := l.offer([]byte(source(1))); err != nil || changed {
		t.Errorf("the same as before: %v %v", changed, err)
	}
	if st := l.State(); !st.OK || st.Refused != nil || l.refusedAlready([]byte(wrong)) || swaps != 0 {
		t.Errorf("the same as before: %+v, %d swaps", st, swaps)
	}

	l.refuse(os.ErrNotExist, nil)
	if st := l.State(); st.OK || l.refusedAlready(nil) || l.Mapping().Digest() != first.Digest {
		t.Errorf("missing: %+v", st)
	}
	if changed, err := l.offer([]byte(source(2))); err != nil || !changed {
		t.Errorf("another: %v %v", changed, err)
	}
	if st := l.State(); !st.OK || st.Refused != nil || st.Generation != 2 || st.Digest != digestOf(t, source(2)) || swaps != 1 {
		t.Errorf("another: %+v, %d swaps", st, swaps)
	}
	if got := l.ByDigest(first.Digest); got == nil || got.Digest() != first.Digest {
		t.Error("the earlier mapping is gone")
	}
	if all := l.all(); len(all) != 3 || all[0] != l.Mapping() { // the one in use is also stored
		t.Errorf("%d mappings", len(all))
	}
}

// A start with a broken or missing file uses the last valid mapping, and shows why. The first
// start has none and fails.
func TestMappingOfLastStart(t *testing.T) {
	t.Parallel()
	q := notesIn(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "mapping.yaml")
	if _, err := live(t, file, "", q); exit.Code(err) != exit.Config || !strings.Contains(err.Error(), file) {
		t.Errorf("no file: %v", err)
	}
	if _, err := live(t, file, "version: 2\n", q); exit.Code(err) != exit.Config {
		t.Errorf("a mistake: %v", err)
	}
	for n := range 2 {
		if _, err := live(t, file, source(n), q); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, l *liveMapping, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		st := l.State()
		if st.OK || !st.FromStore || st.Refused == nil || st.File != file || l.Mapping().Digest() != digestOf(t, source(1)) {
			t.Errorf("%s: %+v", what, st)
		}
		if changed, err := l.offer([]byte(source(1))); err != nil || changed {
			t.Errorf("%s: corrected: %v %v", what, changed, err)
		}
		if st := l.State(); !st.OK || st.Refused != nil || st.FromStore {
			t.Errorf("%s: corrected: %+v", what, st)
		}
	}
	l, err := live(t, file, source(1)+"nonsense: 1\n", q)
	check("a mistake", l, err)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	l, err = live(t, file, "", q)
	check("no file", l, err)
}

// A mapping that cannot be stored for the next start is used all the same.
func TestMappingThatCannotBeStored(t *testing.T) {
	t.Parallel()
	q := notesIn(t, t.TempDir())
	l, err := live(t, filepath.Join(t.TempDir(), "mapping.yaml"), source(1), q)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if changed, err := l.offer([]byte(source(2))); err != nil || !changed || l.Mapping().Digest() != digestOf(t, source(2)) {
		t.Errorf("%v %v, mapping %s", changed, err, l.Mapping().Digest())
	}
}

// A relay that forwards has an empty mapping without a file.
func TestMappingOfForwardingRelay(t *testing.T) {
	t.Parallel()
	l, err := live(t, "", "", notesIn(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if st := l.State(); !st.OK || st.File != "" || l.path() != "" || len(l.Mapping().Routes("Order Completed")) > 0 {
		t.Errorf("%+v", st)
	}
}
