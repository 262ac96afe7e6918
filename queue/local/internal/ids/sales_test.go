package ids

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/queue/local/internal/age"
)

// saleNumbered is numbered for the id of a sale.
func saleNumbered(i int) Hash {
	h := numbered(i)
	h[15] |= 3 // the bits that package ident sets
	return h
}

func openDir(t *testing.T, dir string) *Store {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	s, err := Open(names, Options{Dir: dir, Window: 24 * time.Hour, Keep: 1000, SaleWindow: 400 * time.Hour, KeepSales: 1000, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// mixed adds ten ids of events and ten of sales to a new tail.
func mixed(s *Store, num uint64) *Tail {
	tail := s.Begin(num)
	for i := range 10 {
		n := int(num)*100 + i
		s.Add(tail, []Known{{numbered(n), 1}, {saleNumbered(n), 2}}, age.Stamp{})
	}
	return tail
}

// wantKnown checks whether the ids of a tail of mixed are known.
func wantKnown(t *testing.T, when string, s *Store, num uint64, events, sales bool) {
	t.Helper()
	for i := range 10 {
		n := int(num)*100 + i
		if _, ok, _ := s.Get(numbered(n)); ok != events {
			t.Errorf("%s: event %d is known: %v", when, n, ok)
		}
		if k, ok, _ := s.Get(saleNumbered(n)); ok != sales || ok && k.Fingerprint != 2 {
			t.Errorf("%s: sale %d is known: %v %+v", when, n, ok, k)
		}
	}
}

func filesOf(t *testing.T, dir, suffix string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Ids of sales have files of their own, which are merged, copied and damaged separately.
func TestSales(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	for num := uint64(1); num <= 4; num++ {
		if err := s.WriteTail(mixed(s, num)); err != nil {
			t.Fatal(err)
		}
	}
	mixed(s, 5) // in memory only
	if n, sales := s.Count(); n != 50 || sales != 50 {
		t.Errorf("%d ids of events and %d of sales, want 50 of each", n, sales)
	}
	if err := s.Merge(1, func(uint64, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if events, sales := filesOf(t, dir, Suffix), filesOf(t, dir, SalesSuffix); len(events) != 1 || len(sales) != 1 {
		t.Errorf("merged to %v and %v", events, sales)
	}
	copied := t.TempDir()
	if err := s.Copy(copied, 5); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for num := uint64(1); num <= 5; num++ {
		wantKnown(t, "a copy", openDir(t, copied), num, true, true)
	}

	sales := filesOf(t, dir, SalesSuffix)
	if err := os.WriteFile(sales[0], []byte(strings.Repeat("x", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir)
	if n, why := s.Damaged(); n != 1 || why == nil {
		t.Errorf("%d damaged: %v", n, why)
	}
	wantKnown(t, "a damaged file", s, 2, true, false)
	again := s.Reread([]uint64{1, 2, 3, 4}, func(uint64) (int64, bool) { return 20, true })
	for num := uint64(1); num <= 4; num++ {
		if !again[num] {
			t.Errorf("segment %d is not reread", num)
		}
	}
}

// The file of sales is written first. After a crash between the two files the segment is not
// covered, and writing its ids again creates the missing file.
func TestSalesCrash(t *testing.T) {
	dir := t.TempDir()
	s := openDir(t, dir)
	if err := s.WriteTail(mixed(s, 1)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Remove(filesOf(t, dir, Suffix)[0]); err != nil {
		t.Fatal(err)
	}
	s = openDir(t, dir)
	if s.Covers(1) {
		t.Error("a segment is covered although its events have no file")
	}
	wantKnown(t, "between the two", s, 1, false, true)
	if err := s.WriteTail(mixed(s, 1)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openDir(t, dir)
	if !s.Covers(1) || len(filesOf(t, dir, SalesSuffix)) != 1 {
		t.Errorf("after writing again: %v", filesOf(t, dir, SalesSuffix))
	}
	wantKnown(t, "filed again", s, 1, true, true)
}
