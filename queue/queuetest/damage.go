package queuetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func testDamage(p part) {
	if p.Damage == nil {
		p.Skip("the files of this engine cannot be damaged (Engine.Damage)")
	}
	d := &damage{Damage: p.Damage, dir: filepath.Join(p.TempDir(), "whole")}
	d.make(p.T)
	rng, seed := seeded(p.T)
	for _, c := range []struct {
		name  string
		times int
		hurt  func(b []byte) []byte
	}{
		{"a flipped bit", times(8, 300), func(b []byte) []byte { return flip(b, rng, len(b)) }},
		{"a flipped bit in the head of a page", times(4, 100), func(b []byte) []byte { return flip(b, rng, 64) }},
		{"truncated", times(4, 60), func(b []byte) []byte { return b[:rng.IntN(len(b))] }},
		{"empty", 1, func([]byte) []byte { return nil }},
	} {
		p.Run(c.name, func(t *testing.T) {
			lost := 0
			for range c.times {
				file := d.files[rng.IntN(len(d.files))]
				lost += d.try(t, file, seed, c.hurt)
			}
			t.Logf("%d files damaged, %d records lost", c.times, lost)
		})
	}
}

// flip flips a bit in one of the first bytes of a page; first is how many bytes to choose from.
func flip(b []byte, rng *rand.Rand, first int) []byte {
	page := rng.IntN(len(b)) &^ 4095
	b[page+rng.IntN(min(first, 4096, len(b)-page))] ^= 1 << rng.IntN(8)
	return b
}

// firstDifference returns where b and after begin to differ.
func firstDifference(b, after []byte) int {
	for i := range after {
		if b[i] != after[i] {
			return i
		}
	}
	return len(after)
}

// damage is a log of several files and its contents.
type damage struct {
	*Damage
	dir   string
	files []string // names in dir
	ids   []string // in lane a, in order
}

func (d *damage) make(t *testing.T) {
	t.Helper()
	s := newSubject(t, d.Open, d.dir)
	for i := range 60 {
		es, ids := events(fmt.Sprint("call-", i), 5, "a")
		for j := range es {
			es[j].Lanes = append(es[j].Lanes, "b")
		}
		s.stored(es...)
		d.ids = append(d.ids, ids...)
	}
	s.drain("b")
	s.close()
	files, err := d.Files(d.dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("the log has %d files, want at least 3 (%v)", len(files), err)
	}
	for _, f := range files {
		rel, err := filepath.Rel(d.dir, f)
		if err != nil {
			t.Fatalf("file %s: %v", f, err)
		}
		d.files = append(d.files, rel)
	}
}

// try damages one file of a copy. Records outside the file are read in order and unchanged; missing
// records are counted; the log accepts appends; the next open finds nothing more to repair. It
// returns how many records were lost.
func (d *damage) try(t *testing.T, file string, seed uint64, hurt func(b []byte) []byte) (lost int) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "hurt")
	if err := os.CopyFS(dir, os.DirFS(d.dir)); err != nil {
		t.Fatalf("copy the log: %v", err)
	}
	path := filepath.Join(dir, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read %s: %v", file, err)
	}
	after := hurt(slices.Clone(b))
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatalf("write %s: %v", file, err)
	}
	where := fmt.Sprintf("seed %d, %s damaged at %d of %d", seed, file, firstDifference(b, after), len(b))
	s := newSubject(t, d.Open, dir)
	defer s.close()
	got := s.all("a")
	left := idsOf(got)
	for _, r := range got {
		if string(r.Body) != string(bodyOf(r.ID)) {
			t.Errorf("%s: the body of %s is not what was appended", where, r.ID)
		}
	}
	rest := d.ids
	for _, id := range left {
		i := slices.Index(rest, id)
		if i < 0 {
			t.Fatalf("%s: %s was read out of order or twice, or was never appended", where, id)
		}
		rest = rest[i+1:]
	}
	lost = len(d.ids) - len(left)
	if most := len(d.ids) * 2 / len(d.files); lost > most {
		t.Errorf("%s: %d of %d records were lost with one of %d files", where, lost, len(d.ids), len(d.files))
	}
	if n := d.Lost(s.log); n != int64(lost) {
		t.Errorf("%s: %d records were lost, but %d were counted", where, lost, n)
	}
	if again := s.all("b"); len(again) > 0 {
		t.Errorf("%s: %d records that lane b had settled were read again", where, len(again))
	}
	s.stored(event("fresh", "a"))
	left = append(left, "fresh")
	s.wants("a", left...)
	s.reopen()
	s.wants("a", left...)
	if n := d.Lost(s.log); n > int64(lost) {
		t.Errorf("%s: after another open %d records were lost", where, n)
	}
	if got := s.drain("a"); len(got) != len(left) {
		t.Errorf("%s: settled %d records of %d", where, len(got), len(left))
	}
	return lost
}
