package files

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"relay/internal/seal"
	"relay/queue/internal/format"
)

func TestKnownFormat(t *testing.T) {
	for _, c := range []struct {
		format int
		sum    uint32
		want   error
	}{
		{Version, FormatSum(Version), nil},
		{Version + 1, FormatSum(Version + 1), format.ErrNewer},
		{Version - 1, FormatSum(Version - 1), ErrOlderFormat},
		{Version + 1, FormatSum(Version), seal.ErrDamaged}, // a flipped bit
		{0, 0, seal.ErrDamaged},
	} {
		if err := KnownFormat(c.format, c.sum); !errors.Is(err, c.want) {
			t.Errorf("format %d, sum %x: %v, want %v", c.format, c.sum, err, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		name   string
		num    uint64
		suffix string
	}{
		{filepath.Base(Path("dir", 42, ".seg")), 42, ".seg"},
		{"000000000000002a.seg.1.bad", 42, ".seg.1.bad"},
		{"0000000000000000.seg", 0, ""},
		{"0000000100000000.seg", 0, ""}, // does not fit into a sequence number
		{"00000000000002a.seg", 0, ""},
		{"000000000000002g.seg", 0, ""},
		{"000000000000002a", 0, ""},
		{"meta.db", 0, ""},
		{"", 0, ""},
	} {
		if num, suffix, ok := ParseName(c.name); ok != (c.num > 0) || ok && (num != c.num || suffix != c.suffix) {
			t.Errorf("%q is %d %q %v", c.name, num, suffix, ok)
		}
	}
}

// A file is replaced completely or not at all; a quarantined file overwrites no other file.
func TestPlace(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "file")
		refused := errors.New("refused")
		if err := errors.Join(Write(path, noSync, []byte("a"), []byte("b")), Write(path, noSync, []byte("cd"))); err != nil {
			t.Fatal(err)
		}
		err := Place(path, noSync, func(tmp string) error { return errors.Join(os.WriteFile(tmp, []byte("half"), 0o600), refused) })
		if b, rerr := os.ReadFile(path); !errors.Is(err, refused) || rerr != nil || string(b) != "cd" {
			t.Errorf("%q, %v, %v", b, err, rerr)
		}
		for _, want := range []string{path + ".bad", path + ".1.bad", path + ".2.bad"} {
			if got := QuarantinePath(path); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if err := LinkOrCopy(path, want); err != nil {
				t.Fatal(err)
			}
		}
		if es, err := os.ReadDir(filepath.Dir(path)); err != nil || len(es) != 4 {
			t.Errorf("files in the directory: %v, %v", es, err)
		}
		if err := errors.Join(Remove(path), Remove(path)); err != nil {
			t.Error(err)
		}
	}
}
