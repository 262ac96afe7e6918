package ids

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
	"relay/queue/internal/ident"
	"relay/queue/local/internal/age"
	"relay/queue/local/internal/files"
)

// shop is a store used over days. at is the run time.
type shop struct {
	*Store
	t  *testing.T
	o  Options
	at time.Duration
}

func newShop(t *testing.T, keep int64) *shop {
	t.Helper()
	s := &shop{t: t, o: Options{Dir: t.TempDir(), Window: 24 * time.Hour, Keep: keep, NoSync: true}}
	s.reopen()
	t.Cleanup(func() { s.Close() })
	return s
}

func (s *shop) reopen() {
	s.t.Helper()
	if s.Store != nil {
		s.Close()
	}
	es, err := os.ReadDir(s.o.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	if s.Store, err = Open(names, s.o); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) over(since age.Stamp, limit time.Duration) bool { return s.at-since.Ran > limit }

func (s *shop) now() age.Stamp { return age.Stamp{Ran: s.at, At: time.UnixMilli(int64(s.at / 1e6))} }

func known(from, to int) (ids []Known) {
	for i := from; i < to; i++ {
		ids = append(ids, Known{numbered(i), uint64(i + 1)})
	}
	return ids
}

// filed writes ids [from, to) to a file of segment num.
func (s *shop) filed(num uint64, from, to int) {
	s.t.Helper()
	tail := s.Begin(num)
	s.Add(tail, known(from, to), s.now())
	if err := s.WriteTail(tail); err != nil {
		s.t.Fatal(err)
	}
}

// want fails the test unless of ids [0, most) exactly those in [from, to) are known, each
// with its fingerprint.
func (s *shop) want(when string, from, to, most int) {
	s.t.Helper()
	for i := range most {
		k, ok, err := s.Get(numbered(i))
		if err != nil || ok != (from <= i && i < to) || ok && k != (Known{numbered(i), uint64(i + 1)}) {
			s.t.Fatalf("%s: id %d: known %v, %+v, %v", when, i, ok, k, err)
		}
	}
	if n, _ := s.Count(); n != int64(to-from) {
		s.t.Fatalf("%s: %d ids are remembered, want %d", when, n, to-from)
	}
}

// A file is removed once its newest id is older than the window. The ids of the tail stay.
func TestExpire(t *testing.T) {
	s := newShop(t, 1000)
	s.filed(1, 0, 10)
	s.at = 5 * time.Hour
	s.filed(2, 10, 20)
	tail := s.Begin(3)
	if s.Overdue(tail, s.over) || s.Overdue(nil, s.over) {
		t.Error("a tail without ids is overdue")
	}
	s.Add(tail, known(20, 25), s.now())
	for _, x := range []struct {
		at    time.Duration
		from  int
		after bool // the tail is overdue
	}{{24 * time.Hour, 0, true}, {25 * time.Hour, 10, true}, {29 * time.Hour, 10, true}, {30 * time.Hour, 20, true}} {
		s.at = x.at
		s.Expire(s.over)
		s.want(x.at.String(), x.from, 25, 30)
		if s.Overdue(tail, s.over) != x.after {
			t.Errorf("%v: overdue %v", x.at, !x.after)
		}
	}
	if n := s.InMemory(); n != 5 {
		t.Errorf("%d ids are in memory only", n)
	}
	// A tail whose file cannot be written expires like a file.
	next := s.Begin(4)
	s.Add(next, known(25, 26), s.now())
	s.at = 60 * time.Hour
	s.Expire(s.over)
	s.want("no file", 25, 26, 30)
	if s.Ran() != 0 {
		t.Errorf("run time without files is %v", s.Ran())
	}
}

// A file is removed once enough newer ids are remembered. Keys that relay made do not count.
func TestExpireByNumber(t *testing.T) {
	s := newShop(t, 25)
	for i := range 4 {
		s.filed(uint64(i+1), 10*i, 10*i+10)
	}
	s.Expire(s.over)
	s.want("four files of ten", 10, 40, 40)
	tail := s.Begin(9)
	own := known(100, 300)
	for i := range own {
		own[i].Hash[15] |= 1
	}
	s.Add(tail, own, s.now())
	s.Expire(s.over)
	s.want("keys of relay's", 10, 40, 40)
	if n := s.InMemory(); n != 200 {
		t.Errorf("%d are in memory", n)
	}
}

// Neighbouring files are merged, except for those that must stay separate. No id is forgotten
// by a merge, not even by one that was interrupted.
func TestMerge(t *testing.T) {
	no := func(uint64, uint64) bool { return false }
	s := newShop(t, 1<<20)
	for i := range 12 {
		s.filed(uint64(i+1), 10*i, 10*i+10)
	}
	if err := s.Merge(FewFiles, func(first, last uint64) bool { return first <= 6 && 6 <= last }); err != nil {
		t.Fatal(err)
	}
	s.want("merged", 0, 120, 130)
	if !s.Covers(6) || len(s.list()) != FewFiles {
		t.Errorf("%d files, segment 6 covered %v", len(s.list()), s.Covers(6))
	}
	old, err := os.ReadFile(s.list()[0].path)
	if err != nil {
		t.Fatal(err)
	}
	oldName := s.list()[0].path
	tail := s.Begin(13) // in memory only: the files around it are not merged
	s.Add(tail, known(120, 125), s.now())
	next := s.Begin(14)
	s.Add(next, known(125, 130), s.now())
	if err := s.WriteTail(next); err != nil {
		t.Fatal(err)
	}
	if err := s.Merge(1, no); err != nil {
		t.Fatal(err)
	}
	if n := len(s.list()); n != 2 {
		t.Errorf("%d files around a tail in memory", n)
	}
	s.want("around one in memory", 0, 130, 135)
	if err := s.WriteTail(tail); err != nil {
		t.Fatal(err)
	}
	s.at = 10 * time.Hour
	s.filed(15, 130, 140)
	if err := s.Merge(1, no); err != nil {
		t.Fatal(err)
	}
	if n := len(s.list()); n != 2 {
		t.Errorf("%d files, although they span more than a quarter of the window", n)
	}
	s.want("apart in time", 0, 140, 145)
	if err := os.WriteFile(oldName, old, 0o600); err != nil { // as if the merge was interrupted before it was removed
		t.Fatal(err)
	}
	s.reopen()
	s.want("opened again", 0, 140, 145)
	if _, err := os.Stat(oldName); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file left by an interrupted merge was not removed: %v", err)
	}
	var warned []error
	s.Load(nil, func(err error) { warned = append(warned, err) })
	s.Load(nil, func(err error) { warned = append(warned, err) })
	s.want("loaded", 0, 140, 145)
	if len(warned) > 0 || s.Ran() != 10*time.Hour {
		t.Errorf("warned of %v; run time %v", warned, s.Ran())
	}
}

// After an error of the disk Merge does nothing for a minute.
func TestMergeFails(t *testing.T) {
	s := newShop(t, 1<<20)
	s.filed(1, 0, 10)
	s.filed(2, 10, 20)
	s.list()[0].f.Close()
	for n := range 2 {
		if err := s.Merge(1, func(uint64, uint64) bool { return false }); (err != nil) != (n == 0) {
			t.Errorf("call %d: %v", n, err)
		}
	}
	if _, ok, err := s.Get(numbered(3)); ok || err != nil {
		t.Errorf("%v, %v: the error was reported before", ok, err)
	}
	if _, ok, err := s.Get(numbered(13)); !ok || err != nil {
		t.Errorf("in another file: %v, %v", ok, err)
	}
	stop := make(chan struct{})
	close(stop)
	s.Load(stop, func(err error) { t.Error(err) })
}

// The ids of destroyed records are forgotten, unless they share a file.
func TestForgetLost(t *testing.T) {
	for name, of := range map[string]struct {
		saved []Known
		to    int
	}{"some": {known(0, 4), 4}, "none": {nil, 0}, "all": {known(0, 10), 10}} {
		s := newShop(t, 1000)
		s.filed(1, 0, 10)
		if err := s.ForgetLost(1, of.saved); err != nil {
			t.Fatal(err)
		}
		s.want(name, 0, of.to, 12)
		tail := s.Begin(2)
		s.Add(tail, known(10, 20), s.now())
		if err := s.ForgetLost(2, known(10, 12)); err != nil {
			t.Fatal(err)
		}
		if n := s.InMemory(); n != 2 {
			t.Errorf("%s: %d ids of the tail are left", name, n)
		}
		if err := s.ForgetLost(7, nil); err != nil {
			t.Error(err)
		}
	}
}

// A copy contains the ids of segments up to last, from files and from memory.
func TestCopy(t *testing.T) {
	s := newShop(t, 1000)
	s.filed(1, 0, 10)
	s.Insert(2, known(10, 20), s.now())
	s.Add(s.Begin(3), known(20, 30), s.now())
	c := &shop{t: t, o: Options{Dir: t.TempDir(), Window: time.Hour, Keep: 1000, NoSync: true}}
	if err := s.Copy(c.o.Dir, 2); err != nil {
		t.Fatal(err)
	}
	c.reopen()
	c.want("a copy", 0, 20, 30)
	for _, name := range []string{"lock", "0000000000000009" + Suffix, "0000000000000001.seg"} { // other files, and a later segment
		if err := os.WriteFile(filepath.Join(c.o.Dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ro, err := Open(nil, Options{Dir: c.o.Dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := ro.Copy(dir, 1); err != nil {
		t.Fatal(err)
	}
	if es, err := os.ReadDir(dir); len(es) != 1 || err != nil {
		t.Errorf("copy of a read-only store: %v, %v", es, err)
	}
	ro.o.Dir = filepath.Join(dir, "gone")
	if err := ro.Copy(dir, 1); err == nil {
		t.Error("copied from a directory that does not exist")
	}
	if err := s.Copy(filepath.Join(dir, "gone"), 2); err == nil {
		t.Error("copied to a directory that does not exist")
	}
	c.Close()
}

// A damaged file is quarantined, and Reread returns the segments whose ids were in it. A file
// of a newer version is refused.
func TestOpenDamaged(t *testing.T) {
	s := newShop(t, 1000)
	s.filed(3, 0, 10)
	s.filed(5, 10, 20)
	s.Close()
	path := files.Path(s.o.Dir, 5, Suffix)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(change func(b []byte)) {
		c := slices.Clone(b)
		change(c)
		if err := os.WriteFile(path, c, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"lock", "0000000000000003" + Suffix, "0000000000000005" + Suffix, "0000000000000005.seg"}
	sum := func(b []byte) {
		clear(b[12:16])
		copy(b[12:], []byte{byte(format.CRC(b[:header])), byte(format.CRC(b[:header]) >> 8), byte(format.CRC(b[:header]) >> 16), byte(format.CRC(b[:header]) >> 24)})
	}
	write(func(b []byte) { b[8]++; sum(b) })
	if _, err := Open(names, s.o); !errors.Is(err, format.ErrNewer) {
		t.Errorf("newer version: %v", err)
	}
	for what, change := range map[string]func(b []byte){
		"an older version":       func(b []byte) { b[8] = 1; sum(b) },
		"segments the other way": func(b []byte) { b[24] = 0; sum(b) },
		"more own than all":      func(b []byte) { b[40] = 200; sum(b) },
		"fewer own than none":    func(b []byte) { b[47] = 0x80; sum(b) },
		"fewer than none":        func(b []byte) { b[39] = 0x80; sum(b) },
		"more than it is long":   func(b []byte) { b[36] = 1; sum(b) },
		"another kind of file":   func(b []byte) { b[0] ^= 1; sum(b) },
	} {
		write(change)
		if f, err := openFile(path); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("%s: %v, %v", what, f, err)
		}
	}
	if err := os.WriteFile(path, b[:header-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := openFile(path); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("cut short: %v, %v", f, err)
	}
	write(func(b []byte) { b[20] ^= 1 })
	if s.Store, err = Open(names, s.o); err != nil {
		t.Fatal(err)
	}
	s.want("one of two", 0, 10, 20)
	if n, why := s.Damaged(); n != 1 || !errors.Is(why, seal.ErrDamaged) {
		t.Errorf("%d damaged: %v", n, why)
	}
	if _, err := os.Stat(path + files.BadSuffix); err != nil {
		t.Error(err)
	}
	records := func(num uint64) (int64, bool) { return 10, num != 2 }
	for of, want := range map[string]map[uint64]bool{
		"[4 5 6]":     {4: true, 5: true},
		"[1 2 3 5]":   {5: true},
		"[]":          {},
		"[2 4 5 6 7]": {4: true, 5: true},
	} {
		var segs []uint64
		for _, num := range []uint64{1, 2, 3, 4, 5, 6, 7} {
			if slices.Contains(fmtNums(of), num) {
				segs = append(segs, num)
			}
		}
		if got := s.Reread(segs, records); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("of %s: %v, want %v", of, got, want)
		}
	}
}

func fmtNums(s string) (out []uint64) {
	for _, r := range s {
		if r >= '0' && r <= '9' {
			out = append(out, uint64(r-'0'))
		}
	}
	return out
}

// Keys of different spaces are never equal, whatever their text. A bit marks the keys that
// relay makes.
func TestHashes(t *testing.T) {
	secret := [32]byte{1}
	hashes := map[Hash]string{}
	for _, e := range []queue.Entry{
		{ID: "m"},
		{ID: "n"},
		{Space: queue.ByKey, Key: "m"},
		{Space: queue.ByKey, ID: "m", Key: "n"},
		{Space: queue.ByRefusedID, ID: "m"},
		{Space: queue.ByRefusedID, ID: "m", Fingerprint: 1},
	} {
		h := ident.HashOf(nil, &secret, &e)
		if was, ok := hashes[h]; ok || h.Own() != (e.Space == queue.ByKey) {
			t.Errorf("%+v has the hash of %s; own %v", e, was, h.Own())
		}
		hashes[h] = fmt.Sprintf("%+v", e)
	}
	for _, print := range []uint64{1, 2} {
		h := ident.HashContent(&secret, "", "m", print)
		if was, ok := hashes[h]; ok || h.Own() {
			t.Errorf("content %d has the hash of %s", print, was)
		}
		hashes[h] = "content"
	}
	for _, x := range []struct {
		a, b uint64
		want bool
	}{{0, 1, false}, {1, 0, false}, {1, 1, false}, {1, 2, true}} {
		if ident.Differ(x.a, x.b) != x.want {
			t.Errorf("%d and %d", x.a, x.b)
		}
	}
}

// A set contains any hash once, including the one of zeros.
func TestSet(t *testing.T) {
	s := newSet(5000)
	zero := Known{Fingerprint: 7}
	for range 2 {
		if _, ok := s.get(Hash{}); ok != (s.len() > 0) {
			t.Error("the hash of zeros")
		}
		s.add(zero)
		s.add(Known{Fingerprint: 8})
		for _, k := range known(0, 4000) {
			s.add(k)
			s.add(Known{k.Hash, k.Fingerprint + 1})
		}
	}
	if k, ok := s.get(Hash{}); !ok || k != zero || s.len() != 4001 || s.counted() != 4001 {
		t.Errorf("%+v %v, %d of %d", k, ok, s.counted(), s.len())
	}
	rows := Append(nil, s.sorted())
	if len(rows) != 4001 || rows[0] != zero {
		t.Errorf("%d rows, the first %+v", len(rows), rows[0])
	}
	if merged := mergeSorted(s.sorted(), s.sorted()); len(merged) != len(s.sorted()) {
		t.Errorf("merged with itself: %d rows", len(merged)/Row)
	}
}

// Ids whose file cannot be written expire from memory like those in a file: events first,
// then sales. The current tail stays.
func TestExpireFromMemory(t *testing.T) {
	s := openDir(t, t.TempDir())
	mixed(s, 1)
	mixed(s, 2)
	mixed(s, 3)
	at := time.Duration(0)
	over := func(since age.Stamp, limit time.Duration) bool { return at-since.Ran > limit }
	for _, c := range []struct {
		at            time.Duration
		events, sales bool
	}{{time.Hour, true, true}, {25 * time.Hour, false, true}, {26 * time.Hour, false, true}, {401 * time.Hour, false, false}} {
		at = c.at
		s.Expire(over)
		for num := range uint64(2) {
			wantKnown(t, fmt.Sprint("after ", at), s, num+1, c.events, c.sales)
		}
		wantKnown(t, fmt.Sprint("the tail after ", at), s, 3, true, true)
	}
}

// A copy contains no ids of later segments, not even from files written since.
func TestCopyUpTo(t *testing.T) {
	s := newShop(t, 1000)
	s.filed(1, 0, 10)
	s.filed(2, 10, 20)
	s.Insert(3, known(20, 30), s.now())
	c := &shop{t: t, o: Options{Dir: t.TempDir(), Window: time.Hour, Keep: 1000, NoSync: true}}
	if err := s.Copy(c.o.Dir, 1); err != nil {
		t.Fatal(err)
	}
	c.reopen()
	c.want("a copy", 0, 10, 30)
	s.Begin(4) // still empty
	c.o.Dir = t.TempDir()
	if err := s.Copy(c.o.Dir, 4); err != nil {
		t.Fatal(err)
	}
	c.reopen()
	c.want("a copy of all", 0, 30, 30)
	c.Close()
}

// Two files are not merged while the ids of a segment between them are in memory only, or
// while one of their segments exists.
func TestMergeBlockedByTailBetween(t *testing.T) {
	s := newShop(t, 1000)
	for i := range 4 {
		s.filed(uint64(2*i+1), 10*i, 10*i+10)
	}
	s.Insert(4, known(40, 50), s.now()) // between two files, in memory only
	if err := s.Merge(1, func(first, last uint64) bool { return first <= 2 && 2 <= last }); err != nil {
		t.Fatal(err)
	}
	if n := len(s.list()); n != 3 {
		t.Errorf("%d files: only those of 5 and 7 can be merged", n)
	}
	s.want("merged in part", 0, 50, 60)
}
