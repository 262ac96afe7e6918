package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"relay/internal/disk"
	"relay/internal/seal"
)

// TestMain: with RELAY_SECRET_DIR set, this program is a child process that prints the secret.
func TestMain(m *testing.M) {
	if dir := os.Getenv("RELAY_SECRET_DIR"); dir != "" {
		s, err := seal.Secret(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%x", s)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestSecretIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	if _, err := seal.ReadSecret(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("ReadSecret of a new directory: %v, want fs.ErrNotExist", err)
	}
	if es, _ := os.ReadDir(dir); len(es) > 0 {
		t.Fatalf("ReadSecret created %v", es)
	}
	first, err := seal.Secret(dir)
	if err != nil || len(first) != 32 || bytes.Equal(first, make([]byte, 32)) {
		t.Fatalf("Secret: %x, %v", first, err)
	}
	for name, get := range map[string]func(string) ([]byte, error){"Secret": seal.Secret, "ReadSecret": seal.ReadSecret} {
		if again, err := get(dir); err != nil || !bytes.Equal(first, again) {
			t.Errorf("%s: %x, %v, want %x", name, again, err, first)
		}
	}
	if other, err := seal.Secret(t.TempDir()); err != nil || bytes.Equal(first, other) {
		t.Errorf("another installation has the same secret (%v)", err)
	}
	if info, err := os.Stat(filepath.Join(dir, seal.SecretName)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if es, _ := os.ReadDir(dir); len(es) != 1 {
		t.Errorf("left in the directory: %v", es)
	}
}

func TestSecretDamaged(t *testing.T) {
	whole := t.TempDir()
	if _, err := seal.Secret(whole); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(whole, seal.SecretName))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(good) + 1 {
		bad := good[:n]
		if n == len(good) {
			bad = append(bytes.Clone(good), '\n')
		}
		damaged(t, fmt.Sprintf("cut at %d", n), bad)
	}
	for i := range good {
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			damaged(t, fmt.Sprintf("byte %d ^ %#x", i, flip), bad)
		}
	}
}

func damaged(t *testing.T, name string, b []byte) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, seal.SecretName)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, get := range []func(string) ([]byte, error){seal.Secret, seal.ReadSecret} {
		s, err := get(dir)
		if !errors.Is(err, seal.ErrDamaged) || s != nil {
			t.Fatalf("%s: %x, %v", name, s, err)
		}
		if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
			t.Fatalf("%s: the error does not say what to do: %v", name, err)
		}
	}
	if now, _ := os.ReadFile(path); !bytes.Equal(now, b) {
		t.Fatalf("%s: the damaged file was replaced", name)
	}
}

// Many goroutines and processes create the secret at once, while the directory's owner removes
// temporary files: all get the same secret.
func TestSecretRace(t *testing.T) {
	for range 20 {
		dir := t.TempDir()
		got := make([]string, 8)
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				if i == 0 {
					if err := disk.Clean(dir); err != nil {
						t.Error(err)
					}
				}
				s, err := seal.Secret(dir)
				if err != nil {
					t.Error(err)
				}
				got[i] = string(s)
			})
		}
		wg.Wait()
		for _, s := range got {
			if s != got[0] || len(s) != 32 {
				t.Fatalf("different secrets: %x", got)
			}
		}
	}
	dir := t.TempDir()
	outs := make([]string, 4)
	var wg sync.WaitGroup
	for i := range outs {
		wg.Go(func() {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), "RELAY_SECRET_DIR="+dir)
			c.Stderr = os.Stderr
			out, err := c.Output()
			if err != nil {
				t.Error(err)
			}
			outs[i] = string(out)
		})
	}
	wg.Wait()
	want, err := seal.ReadSecret(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range outs {
		if s != fmt.Sprintf("%x", want) {
			t.Errorf("a process got %q, the file has %x", s, want)
		}
	}
}

func TestSecretWithoutDirectory(t *testing.T) {
	if s, err := seal.Secret(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%x, %v; want fs.ErrNotExist", s, err)
	}
}

// Something unreadable in the secret's place is not replaced, and the error says what to do.
func TestSecretIsDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, seal.SecretName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Secret(dir); !errors.Is(err, seal.ErrDamaged) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("%v", err)
	}
}

// TestSecretPlanted: a planted link or pipe is neither followed nor waited for. With a dangling
// link, a start once looped forever.
func TestSecretPlanted(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dir, seal.SecretName)); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Secret(dir); !errors.Is(err, seal.ErrDamaged) {
		t.Errorf("%v", err)
	}
}
