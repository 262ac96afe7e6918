package ids

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"relay/internal/seal"
)

// A flipped bit anywhere costs at most one id, or the fingerprint of one, and is reported.
// Only a flipped bit in the header makes the file unusable.
func TestFlippedBit(t *testing.T) {
	const n = 2*perBlock + 30
	dir := t.TempDir()
	set := newSet(0)
	for i := range n {
		set.add(Known{numbered(i), uint64(i + 1)})
	}
	good := &file{path: filepath.Join(dir, "good"), first: 3, last: 4}
	if err := good.write(set.sorted(), true); err != nil {
		t.Fatal(err)
	}
	good.f.Close()
	whole, err := os.ReadFile(good.path)
	if err != nil {
		t.Fatal(err)
	}
	forgotten, unprinted, refused := 0, 0, 0
	for at := range whole {
		if at > header+2*Row && at < len(whole)-Row && at%173 > 0 {
			continue
		}
		b := append([]byte(nil), whole...)
		b[at] ^= 1 << (at * 5 % 8)
		path := filepath.Join(dir, "hurt")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := openFile(path)
		if err != nil {
			if at >= header || !errors.Is(err, seal.ErrDamaged) {
				t.Fatalf("byte %d: %v", at, err)
			}
			refused++
			continue
		}
		for _, loaded := range []bool{false, true} {
			said := false
			if loaded {
				if err := f.load(); !errors.Is(err, seal.ErrDamaged) {
					t.Fatalf("byte %d: load returned %v", at, err)
				}
			}
			lost := 0
			for i := range n {
				k, ok, err := f.get(numbered(i))
				said = said || errors.Is(err, seal.ErrDamaged)
				switch {
				case err != nil && !errors.Is(err, seal.ErrDamaged):
					t.Fatal(err)
				case !ok:
					lost++
					forgotten++
				case k.Fingerprint == 0:
					unprinted++
				case k != Known{numbered(i), uint64(i + 1)}:
					t.Fatalf("byte %d: id %d is known as %+v", at, i, k)
				}
				if _, ok, _ := f.get(numbered(n + i)); ok {
					t.Fatalf("byte %d: an id that was never stored is known", at)
				}
			}
			if lost > 1 || !said && at >= header {
				t.Fatalf("byte %d: %d ids are forgotten, reported: %v", at, lost, said)
			}
		}
		if _, err := f.read(); err == nil {
			t.Fatalf("byte %d: the damaged file can be merged", at)
		}
		f.f.Close()
	}
	if refused != header || forgotten == 0 || unprinted == 0 {
		t.Errorf("%d files refused, %d ids forgotten, %d without fingerprint: every case must occur", refused, forgotten, unprinted)
	}
}
