package watch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"relay/internal/disk"
)

// contentKind is the result of reading a file.
type contentKind int

const (
	unseen   contentKind = iota
	present              // sum is the hash of its bytes
	missing              // it does not exist
	failed               // it exists but cannot be used; sum is the hash of the error's text
	unstable             // it changed while it was read
)

// content identifies the content of a file at one scan, without its bytes. It is comparable.
type content struct {
	kind contentKind
	sum  [sha256.Size]byte
}

func contentOf(data []byte) content { return content{kind: present, sum: sha256.Sum256(data)} }

// readContent reads a file. The FileInfo is nil if the file does not exist. A file that changes
// while it is read is unstable; one that is larger than limit, not a regular file or not readable
// has failed.
func readContent(path string, limit int64) (content, os.FileInfo, Change) {
	data, info, err := readStable(path, limit)
	switch {
	case errors.Is(err, errUnstable):
		return content{kind: unstable}, info, Change{Path: path}
	case errors.Is(err, fs.ErrNotExist):
		return content{kind: missing}, nil, Change{Path: path, Deleted: true}
	case err != nil:
		err = fmt.Errorf("read %s: %w", path, disk.Bare(err))
		return content{kind: failed, sum: sha256.Sum256([]byte(err.Error()))}, info, Change{Path: path, Err: err}
	}
	return contentOf(data), info, Change{Path: path, Data: data}
}

var errUnstable = errors.New("the file changed while it was read")

func readStable(path string, limit int64) ([]byte, os.FileInfo, error) {
	before, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, nil, err
	case !before.Mode().IsRegular():
		return nil, before, errors.New("not a regular file")
	case before.Size() > limit:
		return nil, before, &disk.TooLargeError{Path: path, Limit: limit}
	}
	f, err := disk.Open(path)
	if err != nil {
		return nil, before, err
	}
	defer func() { _ = f.Close() }()
	var b bytes.Buffer
	b.Grow(int(before.Size()) + bytes.MinRead)
	n, err := io.Copy(&b, io.LimitReader(f, limit+1))
	if err != nil {
		return nil, before, err
	}
	after, err := os.Stat(path)
	if err != nil {
		return nil, before, errUnstable // it was there a moment ago
	}
	if !os.SameFile(before, after) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) || n != after.Size() {
		return nil, before, errUnstable
	}
	return b.Bytes(), after, nil
}
