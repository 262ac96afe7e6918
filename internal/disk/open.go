package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// NoFileError says that something that is no file lies where one is to be read.
type NoFileError struct {
	Path   string
	Reason string // what it is, why it is not read, and what to do
}

func (e *NoFileError) Error() string { return e.Path + " " + e.Reason }

// Unwrap makes it an error of a file that could not be read, as of the system.
func (e *NoFileError) Unwrap() error {
	return &fs.PathError{Op: "read", Path: e.Path, Err: fs.ErrInvalid}
}

// TooLargeError says that a file holds more than is read of it.
type TooLargeError struct {
	Path  string
	Limit int64 // bytes
}

func (e *TooLargeError) Error() string { return e.Path + " " + e.what() }

func (e *TooLargeError) what() string {
	limit := fmt.Sprintf("%d bytes", e.Limit)
	switch {
	case e.Limit%(1<<20) == 0:
		limit = fmt.Sprintf("%d MiB", e.Limit>>20)
	case e.Limit%(1<<10) == 0:
		limit = fmt.Sprintf("%d KiB", e.Limit>>10)
	}
	return "is larger than the " + limit + " that are read of such a file; look what it is"
}

// Bare is the error of a file without its path, for a message that names it already.
func Bare(err error) error {
	if none, ok := errors.AsType[*NoFileError](err); ok {
		return errors.New(none.Reason)
	}
	if large, ok := errors.AsType[*TooLargeError](err); ok {
		return errors.New(large.what())
	}
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err
	}
	return err
}

// Open opens a file to read. All that somebody has named, such as the mapping, a key or
// a file to import, is opened by it: whatever lies at path, Open does not wait for it.
// A pipe, a device, a socket or a folder is a *NoFileError. What this process was given
// open (/dev/stdin, /dev/fd/3, as the shell's <(…) makes) and the null device are taken
// as they are. Links are followed.
func Open(path string) (*os.File, error) {
	if given(path) {
		return os.Open(path)
	}
	if info, err := os.Stat(path); err == nil { // to open a device may set it going
		if err := wantFile(path, info); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // it may be another one than a moment ago
	if err == nil {
		err = wantFile(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile returns what a file holds, which it opens by Open. One that is larger than
// limit is a *TooLargeError, and is not read.
func ReadFile(path string, limit int64) ([]byte, error) {
	b, err := ReadFirst(path, limit+1)
	if err == nil && int64(len(b)) > limit {
		return nil, &TooLargeError{Path: path, Limit: limit}
	}
	return b, err
}

// ReadFirst returns the first n bytes of a file, all when it has fewer.
func ReadFirst(path string, n int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		b.Grow(int(min(info.Size(), n)) + bytes.MinRead)
	}
	if _, err := io.Copy(&b, io.LimitReader(f, n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// OpenOwn opens a file of this program's own, in a directory of its own. A link in its
// place is not followed, what is no file not waited for, and a file that has another name
// elsewhere not touched: *PlantedError.
func OpenOwn(path string, flag int, mode fs.FileMode) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil {
		if err := judge(path, info, 0); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, flag|noFollow|noWait, mode)
	if err != nil {
		return nil, err
	}
	return f, alone(f, path)
}

// given says whether a path stands for what this process was given open, or for nothing.
func given(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return path == filepath.ToSlash(os.DevNull) || path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// wantFile refuses what is no file.
func wantFile(path string, info fs.FileInfo) error {
	mode := info.Mode()
	instead := "remove it and put the file in its place"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &NoFileError{path, "is a folder, and a file is wanted; name the file in it"}
	case mode&fs.ModeNamedPipe != 0:
		return &NoFileError{path, "is a pipe, and relay would wait until somebody writes to it; " + instead}
	case mode&fs.ModeSocket != 0:
		return &NoFileError{path, "is a socket, and a file is wanted; " + instead}
	case mode&fs.ModeDevice != 0:
		return &NoFileError{path, "is a device, which may have no end; " + instead}
	}
	return &NoFileError{path, "is no file; " + instead}
}
