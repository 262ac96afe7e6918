package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"relay/internal/seal"
)

// Kept is what stays of dropped files: done and refused, for people to look at.
type Kept struct {
	root *os.Root
	ring *seal.Ring
}

// KeptFile is one of them.
type KeptFile struct {
	Name   string    `json:"name"` // such as done/sales.csv
	Size   int64     `json:"size"`
	Since  time.Time `json:"since"`
	Sealed bool      `json:"encrypted"`
}

// OpenKept opens what stays in a spool directory; ring opens what is sealed.
func OpenKept(dir string, ring *seal.Ring) (*Kept, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Kept{root, ring}, nil
}

// Close lets go of the directory.
func (k *Kept) Close() error { return k.root.Close() }

// List lists the files, the newest last.
func (k *Kept) List() ([]KeptFile, error) {
	var all []KeptFile
	for _, dir := range []string{doneDir, refusedDir} {
		f, err := k.root.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries, err := f.ReadDir(-1)
		_ = f.Close()
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			fi, err := e.Info()
			if err != nil || !fi.Mode().IsRegular() {
				continue
			}
			name, sealed := strings.CutSuffix(e.Name(), sealedEnd)
			all = append(all, KeptFile{Name: path.Join(dir, name), Size: fi.Size(), Since: fi.ModTime(), Sealed: sealed})
		}
	}
	slices.SortFunc(all, func(a, b KeptFile) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name)) })
	return all, nil
}

// Open opens a file that List names, as it was dropped.
func (k *Kept) Open(name string) (io.ReadCloser, error) {
	if dir, file, ok := strings.Cut(name, "/"); !ok || dir != doneDir && dir != refusedDir || file == "" || strings.Contains(file, "/") {
		return nil, fmt.Errorf("%q: want done/FILE or refused/FILE, as `relay spool list` shows it", name)
	}
	f, err := k.root.Open(name)
	if err == nil {
		return f, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sealed, again := k.root.Open(name + sealedEnd)
	if again != nil {
		return nil, err
	}
	r, err := OpenSealed(sealed, k.ring)
	if err != nil {
		return nil, errors.Join(err, sealed.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{r, sealed}, nil
}
