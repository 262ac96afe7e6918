package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/spool/sealed"
)

// maxSearched is the size limit, packed and unpacked, of a file that Forget searches: it keeps
// the remaining rows in memory.
const maxSearched = 512 << 20

// forgetFile removes rows from a file that no import reads any more. A file whose name matches
// the person is renamed, and its other rows are kept. If it cannot be searched, it is removed.
func forgetFile(ctx context.Context, root *os.Root, ring *seal.Ring, layout *rows.Layout, path, name string, who rows.Matcher, dry bool) (gone int, err error) {
	in, err := openFile(root, path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	return forgetOpened(ctx, root, in, ring, layout, path, name, who, dry)
}

// forgetOpened is forgetFile for an open file: it searches that file even if its path is replaced
// meanwhile.
func forgetOpened(ctx context.Context, root *os.Root, in *os.File, ring *seal.Ring, layout *rows.Layout, path, name string, who rows.Matcher, dry bool) (gone int, err error) {
	fi, err := in.Stat()
	if err != nil {
		return 0, err
	}
	if fi.Size() > maxSearched {
		return 0, rows.ErrUnsearchable
	}
	var kept bytes.Buffer
	var content io.ReadSeeker = in
	isSealed := strings.HasSuffix(path, sealed.Suffix)
	if isSealed {
		name, content, err = unseal(in, ring)
	}
	if err == nil {
		gone, err = rows.Forget(ctx, content, &kept, layout, maxSearched, who)
	}
	named, whole := namedAfter(name, who)
	whole = whole && errors.Is(err, rows.ErrUnsearchable)
	if named || err == nil && packedAs(content, who) {
		gone = max(gone, 1)
	}
	switch {
	case whole:
		err = nil
	case named && !dry && errors.Is(err, rows.ErrUnsearchable): // only its name can be checked
		if isSealed {
			return 0, errors.Join(err, reseal(root, path, fi, content, neutralName(name), ring))
		}
		return 0, errors.Join(err, rename(root, path))
	}
	if err != nil || gone == 0 || dry {
		return gone, err
	}
	_ = in.Close() // some systems cannot replace an open file
	if whole || kept.Len() == 0 {
		err = root.Remove(path)
	} else if isSealed {
		if named {
			name = neutralName(name)
		}
		err = reseal(root, path, fi, bytes.NewReader(kept.Bytes()), name, ring)
	} else {
		err = replace(root, path, fi, kept.Bytes())
		if err == nil && named {
			err = rename(root, path)
		}
	}
	if err == nil {
		err = disk.SyncDir(filepath.Join(root.Name(), filepath.Dir(path)))
	}
	if err != nil {
		return 0, err
	}
	return gone, nil
}

// unseal returns the name and content of a sealed file. A file that cannot be opened is
// rows.ErrUnsearchable.
func unseal(in io.Reader, ring *seal.Ring) (name string, content io.ReadSeeker, err error) {
	if ring == nil {
		return "", nil, rows.ErrUnsearchable
	}
	f, err := sealed.Open(in, ring)
	var b []byte
	if err == nil {
		b, err = io.ReadAll(f)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", rows.ErrUnsearchable, err)
	}
	return f.Name, bytes.NewReader(b), nil
}

// reseal replaces a file by a sealed file with this name and content.
func reseal(root *os.Root, path string, old fs.FileInfo, content io.ReadSeeker, name string, ring *seal.Ring) error {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := sealed.Write(&b, content, name, ring); err != nil {
		return err
	}
	return replace(root, path, old, b.Bytes())
}

// replace replaces the content of a file and keeps its modification time, from which its
// retention counts.
func replace(root *os.Root, path string, old fs.FileInfo, content []byte) error {
	return replaceWith(root, path, old.Mode().Perm(), old.ModTime(), func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// replaceWith replaces a file by the output of write, with this modification time.
func replaceWith(root *os.Root, path string, mode fs.FileMode, age time.Time, write func(io.Writer) error) (err error) {
	tmp := disk.TempName(path)
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	err = write(f)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Chtimes(tmp, age, age)
	}
	if err == nil {
		err = root.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, root.Remove(tmp))
	}
	return nil
}
