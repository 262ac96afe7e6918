package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relay/internal/disk"
)

// A backup is a tar file: the queue directory below top, and SHA256SUMS as the last entry.
// Only a file that ends with it is complete.
const (
	top    = "relay-backup/"
	sumsAt = top + "SHA256SUMS"
)

// Write writes the files in dir to w as a backup.
func Write(dir string, w io.Writer) error {
	tw := tar.NewWriter(w)
	var sums strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name := top + filepath.ToSlash(rel)
		switch {
		case fi.IsDir():
			return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o700, ModTime: fi.ModTime()})
		case !fi.Mode().IsRegular():
			return nil
		}
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: fi.Size(), ModTime: fi.ModTime()}); err != nil {
			return err
		}
		sum, err := copyFile(tw, path, fi.Size())
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum, strings.TrimPrefix(name, top))
		return nil
	})
	if err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: sumsAt, Mode: 0o600, Size: int64(sums.Len()), ModTime: time.Now()}); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if _, err := io.WriteString(tw, sums.String()); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

func copyFile(w io.Writer, path string, size int64) (sum string, err error) {
	f, err := disk.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(w, h), f, size); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ErrIncomplete is returned by Verify and Unpack for a truncated or changed backup.
var ErrIncomplete = errors.New("the backup is incomplete or was changed")

// Verify reads a backup to its end and verifies every checksum.
func Verify(r io.Reader) (files int, err error) {
	files, _, err = readBackup(r, func(_ string, _ bool, body io.Reader) error {
		_, err := io.Copy(io.Discard, body)
		return err
	})
	return files, err
}

// LockName is the lock file of a queue directory. Unpack skips it: the caller holds the
// lock of the target directory.
const LockName = "lock"

// Unpack writes the files of a backup to dir, syncs them and verifies every checksum. made
// is when the backup was made. On error the caller must remove what was written.
func Unpack(r io.Reader, dir string) (files int, made time.Time, err error) {
	root, err := os.OpenRoot(dir) // names in the backup cannot leave dir
	if err != nil {
		return 0, made, fmt.Errorf("unpack backup: %w", err)
	}
	defer func() { _ = root.Close() }()
	dirs := []string{dir}
	files, made, err = readBackup(r, func(name string, isDir bool, body io.Reader) error {
		switch {
		case isDir:
			dirs = append(dirs, filepath.Join(dir, filepath.FromSlash(name)))
			return root.Mkdir(name, 0o700)
		case name == LockName:
			return nil
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, body)
		return errors.Join(err, f.Sync(), f.Close())
	})
	for _, d := range dirs {
		if err == nil {
			err = disk.SyncDir(d)
		}
	}
	return files, made, err
}

// readBackup calls take for each file and directory of a backup, then verifies the
// checksums.
func readBackup(r io.Reader, take func(name string, isDir bool, body io.Reader) error) (files int, made time.Time, err error) {
	tr := tar.NewReader(r)
	sums := map[string]string{}
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, made, ErrIncomplete
		}
		if err != nil {
			return files, made, fmt.Errorf("%w: %w", ErrIncomplete, err)
		}
		if h.Name == sumsAt {
			made = h.ModTime.UTC()
			break
		}
		name, ok := strings.CutPrefix(strings.TrimSuffix(h.Name, "/"), top)
		if !ok || h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
			return files, made, fmt.Errorf("%w: %q does not belong in a backup", ErrIncomplete, h.Name)
		}
		body := &cutReader{r: tr}
		hash := sha256.New()
		if err = take(name, h.Typeflag == tar.TypeDir, io.TeeReader(body, hash)); err == nil {
			_, err = io.Copy(hash, body)
		}
		if body.err != nil {
			return files, made, fmt.Errorf("%w: %w", ErrIncomplete, body.err)
		}
		if err != nil {
			return files, made, fmt.Errorf("unpack backup: %w", err)
		}
		if h.Typeflag == tar.TypeReg {
			sums[name] = hex.EncodeToString(hash.Sum(nil))
			files++
		}
	}
	list, err := io.ReadAll(tr)
	if err != nil {
		return files, made, fmt.Errorf("%w: %w", ErrIncomplete, err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok || sums[name] != sum {
			return files, made, fmt.Errorf("%w: %s differs", ErrIncomplete, name)
		}
		n++
	}
	if n != files {
		return files, made, ErrIncomplete
	}
	return files, made, nil
}

// cutReader keeps the read error, to distinguish it from an error of the writer.
type cutReader struct {
	r   io.Reader
	err error
}

func (c *cutReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}
