package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"relay/internal/disk"
)

// SecretName is the name of the file in the data directory.
const SecretName = "secret"

// The file is one line: its type, the secret in hex, and a check in hex, the first four bytes of
// the SHA-256 of everything before it.
const (
	secretMagic = "relay-secret-1 "
	secretLen   = 32
)

// Secret returns the 32-byte secret of the installation with data directory dir, and creates it if
// there is none. It is durable before it is returned. If two processes create it at once, both get
// the same secret.
//
// A damaged file is never replaced: the error is ErrDamaged and says what to do.
func Secret(dir string) ([]byte, error) {
	path := filepath.Join(dir, SecretName)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, fmt.Errorf("read secret of the installation: %s is %w: it is a link or a pipe, and relay would use what it leads to as its secret; "+
			"check who put it there, remove it, and restore the file from a backup", path, ErrDamaged)
	}
	for try := 0; ; try++ {
		s, err := ReadSecret(dir)
		if err == nil {
			// The process that created it may not have synced the directory yet.
			return s, disk.SyncDir(dir)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		fresh := make([]byte, secretLen)
		rand.Read(fresh)
		// Not there: another process removed the temporary files in dir.
		if err := disk.Create(path, 0o600, encodeSecret(fresh)); err != nil && !errors.Is(err, fs.ErrExist) &&
			(try == 10 || !errors.Is(err, fs.ErrNotExist)) {
			return nil, fmt.Errorf("create secret of the installation: %w", err)
		}
	}
}

// ReadSecret is like Secret but never creates the file: without one the error is fs.ErrNotExist.
func ReadSecret(dir string) ([]byte, error) {
	path := filepath.Join(dir, SecretName)
	b, err := disk.ReadFile(path, 4<<10)
	info, _ := os.Stat(path)
	directory := info != nil && info.IsDir()
	switch {
	case directory:
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("read secret of the installation: %w: allow relay's user to read it", err)
	case err != nil:
		return nil, fmt.Errorf("read secret of the installation: %w", err)
	}
	s, ok := decodeSecret(b)
	if !ok || directory {
		return nil, fmt.Errorf("read secret of the installation: %s is %w: restore the file from a backup; "+
			"if there is none, remove it: relay then creates another one and no longer recognises earlier fingerprints", path, ErrDamaged)
	}
	return s, nil
}

func encodeSecret(s []byte) []byte {
	line := secretMagic + hex.EncodeToString(s) + " "
	return []byte(line + secretCheck(line) + "\n")
}

func decodeSecret(b []byte) ([]byte, bool) {
	line, ok := strings.CutSuffix(string(b), "\n")
	at := len(line) - 8
	if !ok || at < 0 || line[at:] != secretCheck(line[:at]) {
		return nil, false
	}
	text, ok := strings.CutPrefix(strings.TrimSuffix(line[:at], " "), secretMagic)
	s, err := hex.DecodeString(text)
	return s, ok && err == nil && len(s) == secretLen
}

func secretCheck(line string) string {
	sum := sha256.Sum256([]byte(line))
	return hex.EncodeToString(sum[:4])
}
