package meta

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local/internal/settled"
)

func options(t *testing.T, key []byte, old ...[]byte) Options {
	t.Helper()
	keys, err := seal.NewKeys(key, old...)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Dir: t.TempDir(), Ring: seal.NewRing(keys), Secret: func() []byte { return bytes.Repeat([]byte{7}, 32) }, NoSync: true}
}

func open(t *testing.T, o Options) (*Store, Content) {
	t.Helper()
	s, c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, c
}

// fail makes a write fail.
func fail(t *testing.T, s *Store) {
	t.Helper()
	if err := s.SaveLane("", Lane{}, nil, nil); err == nil {
		t.Fatal("a lane without a name was stored")
	}
}

// filled opens a store with an entry of each kind.
func filled(t *testing.T, o Options) (*Store, settled.Set) {
	t.Helper()
	if err := Create(o, false); err != nil {
		t.Fatal(err)
	}
	s, _ := open(t, o)
	set := settled.New(3<<32|1, nil).Settle(queue.Range{From: 3<<32 | 4, To: 3<<32 | 6})
	put, gone := set.Changes(settled.Set{})
	s.AddVoid(Void{1 << 50, 1<<50 + 7})
	if err := errors.Join(
		s.SaveLane("l", Lane{Cursor: set.Cursor(), Gen: 5, State: []byte("state"), Counts: map[string]int64{"sent": 3}}, put, gone),
		s.SetNote("note", []byte("kept")), s.SetNote("gone", []byte("x")), s.SetNote("gone", nil),
		s.SaveVoids(), s.NoteSealed(map[uint64]int64{1: 10, 2: 20}, nil), s.NoteSealed(map[uint64]int64{3: 30}, []uint64{2}),
	); err != nil {
		t.Fatal(err)
	}
	return s, set
}

func check(t *testing.T, s *Store, c Content, set settled.Set) {
	t.Helper()
	l := c.Lanes["l"]
	got := settled.New(l.Cursor, c.Settled["l"])
	if len(c.Lanes) != 1 || l.Cursor != 3<<32|1 || l.Gen != 5 || string(l.State) != "state" || l.Counts["sent"] != 3 || l.Dropped {
		t.Errorf("lanes %+v", c.Lanes)
	}
	if !got.Has(3<<32|4) || !got.Has(3<<32|5) || got.Has(3<<32|6) || got.Cursor() != set.Cursor() {
		t.Errorf("settled %+v", c.Settled)
	}
	if string(s.Note("note")) != "kept" || s.Note("gone") != nil || !slices.Equal(s.Voids(), []Void{{1 << 50, 1<<50 + 7}}) {
		t.Errorf("notes and void ranges: %q, %v", s.Note("note"), s.Voids())
	}
	if !maps.Equal(s.sealed, map[uint64]int64{2: 20, 3: 30}) || c.Bad > 0 || string(c.Secret) != string(bytes.Repeat([]byte{7}, 32)) {
		t.Errorf("sealed %v, %d bad rows, secret %x", s.sealed, c.Bad, c.Secret)
	}
}

// What was stored is there after a reopen, and in a snapshot.
func TestStored(t *testing.T) {
	for name, key := range map[string][]byte{"plain": nil, "sealed": make([]byte, 32)} {
		t.Run(name, func(t *testing.T) {
			o := options(t, key)
			s, set := filled(t, o)
			snap, err := s.Begin()
			if err == nil {
				err = errors.Join(s.SetNote("later", []byte("x")), snap.Write(filepath.Join(t.TempDir(), Name)))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := s.SetNote("note", nil); !errors.Is(err, queue.ErrClosed) {
				t.Errorf("closed: %v", err)
			}
			s, c := open(t, o)
			check(t, s, c, set)
			if string(s.Note("later")) != "x" {
				t.Error("a change after the snapshot is lost")
			}
		})
	}
}

// After a failed write nothing more is written to the file. The next write goes to a new file
// with the contents of the old one.
func TestRewriteAfterFailedWrite(t *testing.T) {
	for name, key := range map[string][]byte{"plain": nil, "sealed": make([]byte, 32)} {
		t.Run(name, func(t *testing.T) {
			o := options(t, key)
			s, set := filled(t, o)
			before, err := os.Stat(o.path())
			if err != nil {
				t.Fatal(err)
			}
			fail(t, s)
			if err := s.SetNote("after", []byte("too")); err != nil {
				t.Fatal(err)
			}
			after, err := os.Stat(o.path())
			if err != nil {
				t.Fatal(err)
			}
			if os.SameFile(before, after) {
				t.Error("the file was written to after a failed write")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, c := open(t, o)
			check(t, s, c, set)
			if string(s.Note("after")) != "too" {
				t.Error("notes are lost")
			}
		})
	}
}

// A new key is listed before anything is encrypted with it, and no plain text is left in the
// file.
func TestCurrentKeyIsListed(t *testing.T) {
	o := options(t, nil)
	s, set := filled(t, o)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dir := o.Dir
	o = options(t, bytes.Repeat([]byte{1}, 32))
	o.Dir = dir
	cur := o.Ring.Keys().Current()
	s, c := open(t, o)
	check(t, s, c, set)
	if keys := s.Keys(); !slices.Equal(keys, []uint32{0, cur}) {
		t.Errorf("keys %x", keys)
	}
	if b, err := os.ReadFile(o.path()); err != nil || bytes.Contains(b, []byte("kept")) {
		t.Errorf("a note is in the file as plain text; %v", err)
	}
	if err := s.Reseal(cur, []uint32{0, cur}); err != nil {
		t.Fatal(err)
	}
	if info, err := Check(o.path()); err != nil || !slices.Equal(info.Keys, []uint32{cur}) || !slices.Equal(s.Keys(), info.Keys) {
		t.Errorf("%+v, %v", info, err)
	}
}

// After the key of an open file has changed and Reseal has run, no plain text and nothing
// encrypted with the old key is left in the file, neither in rows nor in free pages. Writes
// continue, and a key added meanwhile stays listed.
func TestResealed(t *testing.T) {
	ring := func(key byte, old ...[]byte) *seal.Keys {
		keys, err := seal.NewKeys(bytes.Repeat([]byte{key}, 32), old...)
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	o := options(t, nil)
	s, set := filled(t, o)
	is := func() []byte {
		t.Helper()
		b, err := os.ReadFile(o.path())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	rows := func() (rows [][]byte) {
		t.Helper()
		if err := s.db.View(func(tx *bolt.Tx) error {
			for _, name := range [][]byte{bucketLanes, bucketSettled, bucketNotes, bucketVoid} {
				if err := tx.Bucket(name).ForEach(func(_, v []byte) error { rows = append(rows, bytes.Clone(v)); return nil }); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before := rows()
	was := []uint32{0}
	for _, key := range []byte{1, 2} {
		keys := ring(key, bytes.Repeat([]byte{1}, 32))
		cur := keys.Current()
		was = append(was, cur)
		if err := s.SetKeys(was); err != nil {
			t.Fatal(err)
		}
		o.Ring.Use(keys)
		if err := s.SetNote("note", []byte("kept")); err != nil { // now the plain text is in a free page
			t.Fatal(err)
		}
		if !bytes.Contains(is(), []byte("state")) && key == 1 {
			t.Fatal("the search does not find a text that is in the file")
		}
		if err := s.Reseal(cur, was[:len(was)-1]); err == nil {
			t.Error("a key added meanwhile is no longer listed")
		}
		if err := s.Reseal(cur, was); err != nil {
			t.Fatal(err)
		}
		was = []uint32{cur}
		b := is()
		for _, text := range append(before, []byte("kept"), []byte("state")) {
			if bytes.Contains(b, text) {
				t.Errorf("key %d: %q is left in the file", key, text)
			}
		}
		if info, err := Check(o.path()); err != nil || !slices.Equal(info.Keys, was) || !slices.Equal(s.Keys(), was) {
			t.Errorf("%+v, %v", info, err)
		}
		before = rows()
		if err := s.SetNote("later", []byte{key}); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, c := open(t, o)
	check(t, s, c, set)
	if !bytes.Equal(s.Note("later"), []byte{2}) {
		t.Error("a later change is lost")
	}
}

// Snapshots can be taken while the file is rewritten.
func TestSnapshotDuringRewrite(t *testing.T) {
	o := options(t, nil)
	s, _ := filled(t, o)
	ended := make(chan error)
	go func() {
		var err error
		for range 30 {
			fail(t, s)
			err = errors.Join(err, s.SetNote("again", []byte("x")))
		}
		ended <- err
	}()
	dir := t.TempDir()
	for n := 0; ; n++ {
		select {
		case err := <-ended:
			if err != nil || n == 0 {
				t.Errorf("%d snapshots: %v", n, err)
			}
			return
		default:
		}
		snap, err := s.Begin()
		if err == nil {
			path := filepath.Join(dir, fmt.Sprint(n))
			if err = snap.Write(path); err == nil {
				_, err = Check(path)
			}
		}
		if err != nil {
			t.Error(err)
			<-ended
			return
		}
	}
}

// Rows found damaged when the file is rewritten are reported. They are restored from memory if
// possible; the caller must save its lanes again.
func TestDamagedWhileOpen(t *testing.T) {
	o := options(t, nil)
	said := 0
	o.Damaged = func(rows int) { said += rows }
	s, set := filled(t, o)
	if err := s.db.Update(func(tx *bolt.Tx) error {
		for _, b := range []*bolt.Bucket{tx.Bucket(bucketLanes), tx.Bucket(bucketNotes), tx.Bucket(bucketVoid)} {
			k, v := b.Cursor().First()
			v = bytes.Clone(v)
			v[len(v)-1] ^= 1
			if err := b.Put(k, v); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	fail(t, s)
	if err := s.SetNote("after", []byte("too")); err != nil {
		t.Fatal(err)
	}
	if said != 3 || s.LostRows() != 3 {
		t.Errorf("%d rows reported as damaged, %d lost", said, s.LostRows())
	}
	put, _ := set.Changes(settled.Set{})
	if err := s.SaveLane("l", Lane{Cursor: set.Cursor(), Gen: 5, State: []byte("state"), Counts: map[string]int64{"sent": 3}}, put, nil); err != nil {
		t.Fatal(err)
	}
	s.RestoredRows(3)
	if s.LostRows() != 0 {
		t.Error("LostRows is not 0 although all lanes were saved")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, c := open(t, o)
	check(t, s, c, set)
}

// A flipped bit anywhere costs the row in which it is, or the file is refused as damaged. What
// is read is what was stored, and what is missing is counted.
func TestFlippedBit(t *testing.T) {
	o := options(t, nil)
	s, _ := filled(t, o)
	for i := range 40 {
		if err := s.SaveLane(fmt.Sprint("lane-", i), Lane{Cursor: queue.Seq(i), Gen: uint64(i), State: []byte("state")}, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(o.path())
	if err != nil {
		t.Fatal(err)
	}
	_, want := open(t, o)
	opens, missing, refused := 0, 0, 0
	for at := 0; at < len(whole); at += 1 + at%41 {
		b := bytes.Clone(whole)
		b[at] ^= 1 << (at % 8)
		hurt := options(t, nil)
		if err := os.WriteFile(hurt.path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, c, err := Open(hurt)
		if err != nil {
			if !errors.Is(err, seal.ErrDamaged) {
				t.Fatalf("byte %d: %v", at, err)
			}
			refused++
			continue
		}
		opens++
		lost := len(want.Lanes) - len(c.Lanes)
		for name, r := range c.Lanes {
			if w := want.Lanes[name]; w.Cursor != r.Cursor || w.Gen != r.Gen || string(w.State) != string(r.State) {
				t.Errorf("byte %d: lane %s is %+v", at, name, r)
			}
		}
		if at >= 4*os.Getpagesize() && (lost > 1 || lost > c.Bad) { // before that, the older meta page can be in use
			t.Errorf("byte %d: %d lanes lost, %d rows reported as damaged", at, lost, c.Bad)
		}
		missing += lost
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		os.Remove(hurt.path())
	}
	if opens == 0 || missing == 0 || refused == 0 {
		t.Errorf("%d opened, %d lanes missing, %d refused: every case must occur", opens, missing, refused)
	}
	t.Logf("%d open, %d lanes missing, %d refused", opens, missing, refused)
}
