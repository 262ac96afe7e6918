package sealed

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"relay/internal/seal"
)

func ring(t *testing.T, b byte) *seal.Ring {
	t.Helper()
	var key []byte
	if b != 0 {
		key = bytes.Repeat([]byte{b}, 32)
	}
	keys, err := seal.NewKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewRing(keys)
}

func write(t *testing.T, content []byte, name string, r *seal.Ring) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, bytes.NewReader(content), name, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(b []byte, r *seal.Ring) (name string, content []byte, err error) {
	f, err := Open(bytes.NewReader(b), r)
	if err != nil {
		return "", nil, err
	}
	content, err = io.ReadAll(f)
	return f.Name, content, err
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, key := range []byte{1, 0} {
		for _, n := range []int{0, 1, piece - 1, piece, piece + 1, 3 * piece} {
			for _, name := range []string{"ada@example.com.csv", ""} {
				plain := bytes.Repeat([]byte("x"), n)
				got, content, err := read(write(t, plain, name, ring(t, key)), ring(t, key))
				if err != nil || got != name || !bytes.Equal(content, plain) {
					t.Errorf("%d bytes, key %d: %q, %d bytes, %v", n, key, got, len(content), err)
				}
			}
		}
	}
}

// A file that is cut, changed or opened with another key is an error.
func TestDamage(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	whole := write(t, bytes.Repeat([]byte("lee@example.com\n"), 20000), "lee@example.com.csv", r)
	if bytes.Contains(whole, []byte("example.com")) {
		t.Error("the content is not sealed")
	}
	if _, _, err := read(whole, ring(t, 2)); !errors.Is(err, seal.ErrKey) {
		t.Errorf("with another key: %v", err)
	}
	small := write(t, nil, "x", r)
	for n := range small {
		if _, _, err := read(small[:n], r); !errors.Is(err, seal.ErrDamaged) {
			t.Fatalf("cut at %d of %d: %v", n, len(small), err)
		}
	}
	for _, n := range []int{0, 10, len(magic) + 8, len(magic) + 12, 66000, len(whole) - 1} {
		if _, _, err := read(whole[:n], r); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	for range 200 {
		bad := bytes.Clone(whole)
		bad[rand.IntN(len(bad))] ^= 1 << rand.IntN(8)
		if _, _, err := read(bad, r); err == nil {
			t.Fatal("a flipped bit is not detected")
		}
	}
}
