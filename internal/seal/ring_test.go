package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"relay/internal/seal"
)

func testKey(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

func ringOf(t *testing.T, key []byte, old ...[]byte) *seal.Ring {
	t.Helper()
	keys, err := seal.NewKeys(key, old...)
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewRing(keys)
}

func sealed(t *testing.T, r *seal.Ring, purpose string, n uint64, bound, plain string) []byte {
	t.Helper()
	b, err := r.Seal([]byte("before"), purpose, n, []byte(bound), []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	b, ok := bytes.CutPrefix(b, []byte("before"))
	if !ok {
		t.Fatal("Seal did not append")
	}
	return b
}

func TestSealAndOpen(t *testing.T) {
	for name, key := range map[string][]byte{"with a key": testKey(1), "without": nil} {
		t.Run(name, func(t *testing.T) {
			r := ringOf(t, key)
			for _, plain := range []string{"", "secret words", strings.Repeat("x", 100_000)} {
				b := sealed(t, r, "p", 1, "here", plain)
				if key != nil && plain != "" && bytes.Contains(b, []byte(plain)) {
					t.Error("the value contains the plain text")
				}
				if got, err := r.Open("p", 1, []byte("here"), b); err != nil || string(got) != plain {
					t.Errorf("opened %d bytes of %d, %v", len(got), len(plain), err)
				}
			}
		})
	}
}

// A sealed value opens only with its key, for its purpose, number and place, and not if a bit
// differs or its end is missing.
func TestOpensNowhereElse(t *testing.T) {
	r := ringOf(t, testKey(1))
	b := sealed(t, r, "p", 1, "here", "secret words")
	for _, c := range []struct {
		purpose string
		n       uint64
		bound   string
	}{{"q", 1, "here"}, {"p", 2, "here"}, {"p", 1, "there"}, {"p", 1, ""}} {
		if got, err := r.Open(c.purpose, c.n, []byte(c.bound), b); !errors.Is(err, seal.ErrDamaged) || got != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	for n := range b {
		if got, err := r.Open("p", 1, []byte("here"), b[:n]); !errors.Is(err, seal.ErrDamaged) || got != nil {
			t.Errorf("cut at %d: %q, %v", n, got, err)
		}
		bad := bytes.Clone(b)
		bad[n] ^= 1
		want := seal.ErrDamaged
		if n < 4 { // the key id
			want = seal.ErrKey
		}
		if got, err := r.Open("p", 1, []byte("here"), bad); !errors.Is(err, want) || got != nil {
			t.Errorf("bit of byte %d: %q, %v", n, got, err)
		}
	}
	if again := sealed(t, r, "p", 1, "here", "secret words"); bytes.Equal(again, b) {
		t.Error("two sealed values are equal: the nonce was reused")
	}
}

func TestKeysChange(t *testing.T) {
	r := ringOf(t, testKey(1))
	first := sealed(t, r, "p", 1, "", "first")
	plain := sealed(t, ringOf(t, nil), "p", 1, "", "plain")
	second, err := seal.NewKeys(testKey(2), testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	r.Use(second)
	b := sealed(t, r, "p", 1, "", "second")
	for want, b := range map[string][]byte{"first": first, "second": b, "plain": plain} {
		if got, err := r.Open("p", 1, nil, b); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", want, got, err)
		}
	}
	alone, err := seal.NewKeys(testKey(2))
	if err != nil {
		t.Fatal(err)
	}
	r.Use(alone) // the old key, and keys derived from it, are no longer used
	if got, err := r.Open("p", 1, nil, first); !errors.Is(err, seal.ErrKey) || got != nil {
		t.Errorf("without its key: %q, %v", got, err)
	}
	if err := alone.Opens(seal.KeyID(testKey(1))); !errors.Is(err, seal.ErrKey) || !strings.Contains(err.Error(), fmt.Sprintf("%08x", seal.KeyID(testKey(1)))) {
		t.Errorf("Opens: %v", err)
	}
	if err := errors.Join(alone.Opens(0), alone.Opens(alone.Current())); err != nil {
		t.Error(err)
	}
	for _, bad := range [][]byte{testKey(1)[:31], append(testKey(1), 1)} {
		if _, err := seal.NewKeys(bad); !errors.Is(err, seal.ErrKey) {
			t.Errorf("key of %d bytes: %v", len(bad), err)
		}
		if _, err := seal.NewKeys(nil, bad); !errors.Is(err, seal.ErrKey) {
			t.Errorf("old key of %d bytes: %v", len(bad), err)
		}
	}
}

// More purposes than are cached, from several goroutines, while the keys change.
func TestRingIsConcurrent(t *testing.T) {
	r := ringOf(t, testKey(1), testKey(2))
	other, err := seal.NewKeys(testKey(2), testKey(1))
	if err != nil {
		t.Fatal(err)
	}
	first := r.Keys()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range uint64(300) {
				b, err := r.Seal(nil, "p", n, nil, []byte{byte(n)})
				if err != nil {
					t.Error(err)
					return
				}
				if g == 0 && n%10 == 0 {
					r.Use([]*seal.Keys{first, other}[n/10%2])
				}
				if got, err := r.Open("p", n, nil, b); err != nil || !bytes.Equal(got, []byte{byte(n)}) {
					t.Errorf("%x, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestReadKeys(t *testing.T) {
	hex := func(n byte) string { return strings.Repeat(fmt.Sprintf("%02x", n), 32) }
	for _, c := range []struct{ name, text, err string }{
		{"one", hex(1), ""},
		{"one line", hex(1) + "\n", ""},
		{"two, from Windows", hex(1) + "\r\n" + hex(2) + "\r\n", ""},
		{"empty", "", "is empty"},
		{"blank", " \n\n", "is empty"},
		{"short", hex(1)[2:], "line 1 of "},
		{"second is not hex", hex(1) + "\n" + strings.Repeat("z", 64), "line 2 of "},
		{"blank between", hex(1) + "\n\n" + hex(2), "line 2 of "},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			keys, err := seal.ReadKeys(path)
			if c.err != "" {
				if !errors.Is(err, seal.ErrKey) || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "0101") || strings.Contains(err.Error(), "zz") {
					t.Errorf("%v, want %q and no part of the key", err, c.err)
				}
				return
			}
			if err != nil || !bytes.Equal(keys[0], testKey(1)) || len(keys) == 2 && !bytes.Equal(keys[1], testKey(2)) {
				t.Errorf("%x, %v", keys, err)
			}
		})
	}
	if _, err := seal.ReadKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
