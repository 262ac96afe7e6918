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
	"relay/relay/internal/spool/sealed"
)

// Kept gives people access to kept files: done and refused ones.
type Kept struct {
	root *os.Root
	ring *seal.Ring
}

// KeptFile is a kept file.
type KeptFile struct {
	Name   string    `json:"name"` // such as done/sales.csv; File, if it is sealed and cannot be opened
	File   string    `json:"file"` // path on disk, equal to Name unless it is sealed
	Size   int64     `json:"size"`
	Since  time.Time `json:"since"`
	Sealed bool      `json:"encrypted"`
}

// OpenKept opens the kept files of a spool directory; ring decrypts sealed ones.
func OpenKept(dir string, ring *seal.Ring) (*Kept, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Kept{root, ring}, nil
}

// Close releases the directory.
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
			file := path.Join(dir, e.Name())
			one := KeptFile{Name: file, File: file, Size: fi.Size(), Since: fi.ModTime(), Sealed: strings.HasSuffix(file, sealed.Suffix)}
			if one.Sealed {
				one.Name = k.name(file)
			}
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b KeptFile) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.File, b.File)) })
	names := make(map[string]bool, len(all))
	for i, f := range all { // of several files with the same name, all but the oldest get their claim appended
		if names[f.Name] {
			all[i].Name += "." + strings.TrimSuffix(path.Base(f.File), sealed.Suffix)
		}
		names[f.Name] = true
	}
	return all, nil
}

// name returns the original name of a sealed file; without its key, file.
func (k *Kept) name(file string) string {
	in, err := k.root.Open(file)
	if err != nil {
		return file
	}
	defer in.Close()
	f, err := sealed.Open(in, k.ring)
	if err != nil {
		return file
	}
	return path.Join(path.Dir(file), path.Base(f.Name))
}

// Open opens a file that List returned, decrypted.
func (k *Kept) Open(name string) (io.ReadCloser, error) {
	if dir, file, ok := strings.Cut(name, "/"); !ok || dir != doneDir && dir != refusedDir || file == "" || strings.Contains(file, "/") {
		return nil, fmt.Errorf("%q: want done/FILE or refused/FILE, as shown by `relay spool list`", name)
	}
	f, err := k.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		all, failed := k.List()
		for _, one := range all {
			if one.Sealed && (one.Name == name || strings.TrimSuffix(one.File, sealed.Suffix) == name) {
				name = one.File
				f, err = k.root.Open(name)
				break
			}
		}
		err = errors.Join(failed, err)
	}
	if err != nil || !strings.HasSuffix(name, sealed.Suffix) {
		return f, err
	}
	r, err := sealed.Open(f, k.ring)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{r, f}, nil
}
