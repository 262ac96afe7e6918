package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one file of an archive.
type entry struct {
	name string // with slashes
	file string
	mode os.FileMode
}

// archive writes base.zip for Windows and base.tar.gz for the others: a directory
// with the binary and the other files. Order, owners and times are fixed.
func (r *release) archive(t target, binary, papers, base string) error {
	top := "relay_" + r.version
	entries := []entry{{path.Join(top, t.binary()), binary, 0o755}}
	err := filepath.WalkDir(papers, func(file string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(papers, file)
		entries = append(entries, entry{path.Join(top, filepath.ToSlash(rel)), file, 0o644})
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	if t.os == "windows" {
		return writeFile(base+".zip", func(w io.Writer) error { return r.zip(w, entries) })
	}
	return writeFile(base+".tar.gz", func(w io.Writer) error { return r.tarball(w, entries) })
}

func (r *release) tarball(w io.Writer, entries []entry) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	a := tar.NewWriter(z)
	for _, e := range entries {
		b, err := os.ReadFile(e.file)
		if err != nil {
			return err
		}
		h := &tar.Header{Name: e.name, Mode: int64(e.mode), Size: int64(len(b)), ModTime: r.date, Format: tar.FormatUSTAR}
		if err := a.WriteHeader(h); err != nil {
			return err
		}
		if _, err := a.Write(b); err != nil {
			return err
		}
	}
	return errors.Join(a.Close(), z.Close())
}

func (r *release) zip(w io.Writer, entries []entry) error {
	a := zip.NewWriter(w)
	for _, e := range entries {
		b, err := os.ReadFile(e.file)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: r.date}
		h.SetMode(e.mode)
		f, err := a.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return a.Close()
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// checksums writes SHA256SUMS in the format of sha256sum -c.
func (r *release) checksums() error {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range entries {
		sum, err := sha256File(filepath.Join(r.out, e.Name()))
		if err != nil {
			return err
		}
		b.WriteString(sum + "  " + e.Name() + "\n")
	}
	return os.WriteFile(filepath.Join(r.out, "SHA256SUMS"), []byte(b.String()), 0o644)
}

func sha256File(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
