package meta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/settled"
)

// The record counts of sealed segments are kept until they are forgotten, across a reopen.
func TestSealed(t *testing.T) {
	o := options(t, nil)
	s, _ := filled(t, o) // 2: 20, 3: 30
	wants := func(want map[uint64]int64) {
		t.Helper()
		if nums := s.AllSealed(); !slices.Equal(nums, slices.Sorted(maps.Keys(want))) {
			t.Errorf("counts of segments %v, want %v", nums, want)
		}
		for num := range uint64(6) {
			n, ok := s.Sealed(num)
			if w, is := want[num]; n != w || ok != is {
				t.Errorf("segment %d: %d, %v", num, n, ok)
			}
		}
	}
	wants(map[uint64]int64{2: 20, 3: 30})
	if err := errors.Join(s.ForgetSealed([]uint64{2, 5}), s.ForgetSealed([]uint64{2})); err != nil {
		t.Fatal(err)
	}
	wants(map[uint64]int64{3: 30})
	if err := errors.Join(s.NoteSealed(map[uint64]int64{3: 31, 4: 40}, nil), s.NoteSealed(map[uint64]int64{3: 31, 4: 40}, nil), s.SaveVoids()); err != nil {
		t.Fatal(err)
	}
	wants(map[uint64]int64{3: 31, 4: 40})
	put, _ := settled.New(5, nil).Settle(queue.Range{From: 3<<32 | 4, To: 3<<32 | 6}).Changes(settled.Set{})
	if err := s.SaveLane("l", Lane{Gen: 6, Dropped: true}, nil, []uint64{put[0].Num()}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	var c Content
	s, c = open(t, o)
	wants(map[uint64]int64{3: 31, 4: 40})
	if !c.Lanes["l"].Dropped || len(c.Settled["l"]) > 0 {
		t.Errorf("the lane is %+v, %v", c.Lanes["l"], c.Settled["l"])
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"seal": s.NoteSealed(map[uint64]int64{9: 1}, nil), "forget": s.ForgetSealed([]uint64{3}), "keys": s.SetKeys(nil),
		"reseal": s.Reseal(1, nil), "lane": s.SaveLane("l", Lane{}, nil, nil),
	} {
		if !errors.Is(err, queue.ErrClosed) {
			t.Errorf("closed: %s: %v", what, err)
		}
	}
	s.AddVoid(Void{1, 2})
	if err := s.SaveVoids(); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("closed: void: %v", err)
	}
	if _, err := s.Begin(); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("closed: snapshot: %v", err)
	}
}

// Each row that cannot have been written counts as damaged, and does not affect the others.
func TestDamagedRows(t *testing.T) {
	for what, hurt := range map[string]func(tx *bolt.Tx, o Options) error{
		"lane": func(tx *bolt.Tx, o Options) error { return putRow(tx, o.Ring, bucketLanes, []byte("x"), []byte{2, 3}) },
		"lane truncated in a count": func(tx *bolt.Tx, o Options) error {
			r := Lane{Counts: map[string]int64{"sent": 1}}
			b := r.encode()
			return putRow(tx, o.Ring, bucketLanes, []byte("x"), b[:len(b)-2])
		},
		"key of a settled block": func(tx *bolt.Tx, o Options) error { return putRow(tx, o.Ring, bucketSettled, []byte("x"), []byte{1}) },
		"settled block": func(tx *bolt.Tx, o Options) error {
			return putRow(tx, o.Ring, bucketSettled, settledKey(1, "l"), []byte{9})
		},
		"void range":  func(tx *bolt.Tx, o Options) error { return putRow(tx, o.Ring, bucketVoid, []byte("x"), []byte{1}) },
		"no checksum": func(tx *bolt.Tx, _ Options) error { return tx.Bucket(bucketNotes).Put([]byte("x"), []byte{1}) },
		"row of another key": func(tx *bolt.Tx, _ Options) error {
			return tx.Bucket(bucketNotes).Put([]byte("x"), bytes.Clone(tx.Bucket(bucketNotes).Get([]byte("note"))))
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := options(t, nil)
			s, set := filled(t, o)
			if err := s.db.Update(func(tx *bolt.Tx) error { return hurt(tx, o) }); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, c := open(t, o)
			if c.Bad != 1 {
				t.Errorf("%d rows are damaged", c.Bad)
			}
			c.Bad = 0
			check(t, s, c, set)
		})
	}
}

// A file without a bucket, or with no or an unknown format, is no meta.db. A damaged secret is
// replaced; a damaged record count is unknown.
func TestDamagedFile(t *testing.T) {
	dir := func(key, val string) func(tx *bolt.Tx) error {
		return func(tx *bolt.Tx) error { return tx.Bucket(bucketDir).Put([]byte(key), []byte(val)) }
	}
	for what, c := range map[string]struct {
		hurt func(tx *bolt.Tx) error
		want error
	}{
		"no bucket":       {func(tx *bolt.Tx) error { return tx.DeleteBucket(bucketVoid) }, seal.ErrDamaged},
		"no info":         {func(tx *bolt.Tx) error { return tx.Bucket(bucketDir).Delete(keyInfo) }, seal.ErrDamaged},
		"info":            {dir("info", "{"), seal.ErrDamaged},
		"format":          {dir("info", `{"format":3,"sum":1}`), seal.ErrDamaged},
		"newer format":    {dir("info", fmt.Sprintf(`{"format":3,"sum":%d}`, files.FormatSum(3))), format.ErrNewer},
		"older format":    {dir("info", fmt.Sprintf(`{"format":1,"sum":%d}`, files.FormatSum(1))), files.ErrOlderFormat},
		"secret":          {dir("secret", "x"), nil},
		"sealed segments": {dir(string(binary.BigEndian.AppendUint64([]byte("records"), 2)), "x"), nil},
	} {
		t.Run(what, func(t *testing.T) {
			o := options(t, nil)
			s, _ := filled(t, o)
			if err := s.db.Update(c.hurt); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, content, err := Open(o)
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			defer s.Close()
			if len(content.Secret) != 32 || len(content.Lanes) != 1 {
				t.Errorf("%+v", content)
			}
			if _, ok := s.Sealed(2); ok == strings.HasPrefix(what, "sealed") {
				t.Errorf("count of segment 2 is known: %v", ok)
			}
		})
	}
	o := options(t, nil)
	if err := os.WriteFile(o.path(), []byte("no file of bbolt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(o); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("not a bbolt file: %v", err)
	}
}

// A new file beside other files lists plain text among its keys. A read-only file is not
// changed.
func TestKeysOfNewFile(t *testing.T) {
	for _, others := range []bool{false, true} {
		o := options(t, bytes.Repeat([]byte{3}, 32))
		if err := Create(o, others); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(o.path())
		if err != nil {
			t.Fatal(err)
		}
		o.ReadOnly = true
		s, _ := open(t, o)
		if keys := s.Keys(); slices.Contains(keys, 0) != others || !slices.Contains(keys, o.Ring.Keys().Current()) {
			t.Errorf("with other files: %v: keys %x", others, keys)
		}
		snap, err := s.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := snap.Write(o.path() + ".copy"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if after, err := os.ReadFile(o.path()); err != nil || !bytes.Equal(before, after) {
			t.Errorf("the file was changed: %v", err)
		}
	}
	o := options(t, nil)
	o.Dir += "/gone"
	if err := Create(o, false); err == nil {
		t.Error("Create succeeded in a directory that does not exist")
	}
}

// A file that cannot be reopened after it was rewritten is reopened at the next write, and
// nothing is lost.
func TestReopenAfterFailedRewrite(t *testing.T) {
	o := options(t, nil)
	s, set := filled(t, o)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.db = nil
	s.mu.Unlock()
	hidden := o.path() + ".hidden"
	if err := os.Rename(o.path(), hidden); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(o.path(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.SetNote("later", []byte("x")); err == nil {
		t.Error("a write succeeded without a file")
	}
	if _, err := s.Begin(); err == nil {
		t.Error("a read succeeded without a file")
	}
	if err := errors.Join(os.Remove(o.path()), os.Rename(hidden, o.path()), s.SetNote("later", []byte("x")), s.Close()); err != nil {
		t.Fatal(err)
	}
	s, c := open(t, o)
	check(t, s, c, set)
	if string(s.Note("later")) != "x" {
		t.Error("a later change is lost")
	}
}
