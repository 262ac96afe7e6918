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

// NoFileError means that a path that should be a file is something else.
type NoFileError struct {
	Path   string
	Reason string // what it is, why it is not read, and what to do
}

func (e *NoFileError) Error() string { return e.Path + " " + e.Reason }

// Unwrap makes it a file system error.
func (e *NoFileError) Unwrap() error {
	return &fs.PathError{Op: "read", Path: e.Path, Err: fs.ErrInvalid}
}

// TooLargeError means that a file is larger than the limit for such files.
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
	return "is larger than the limit of " + limit + " for such a file; check what it is"
}

// Bare returns a file error without its path, for messages that already contain it.
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

// Open opens a file for reading. Every file that a user names, such as the mapping, a key or an
// import, is opened with it. Open never blocks, whatever is at path: a pipe, a device, a socket or
// a directory is a *NoFileError. Files this process was given open (/dev/stdin, or /dev/fd/3 as
// made by the shell's <(…)) and the null device are opened as they are. Links are followed.
func Open(path string) (*os.File, error) {
	if given(path) {
		return os.Open(path)
	}
	if info, err := os.Stat(path); err == nil { // checked before opening: opening a device can start it
		if err := wantFile(path, info); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat() // it may have been replaced since the check
	if err == nil {
		err = wantFile(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile returns the content of a file, opened with Open. A file larger than limit is a
// *TooLargeError and is not read.
func ReadFile(path string, limit int64) ([]byte, error) {
	b, err := ReadFirst(path, limit+1)
	if err == nil && int64(len(b)) > limit {
		return nil, &TooLargeError{Path: path, Limit: limit}
	}
	return b, err
}

// ReadFirst returns the first n bytes of a file, or all of it if it is shorter.
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

// OpenOwn opens one of relay's own files, in its own directory. It does not follow a link, does not
// block, and does not open a file with a second name elsewhere: *PlantedError.
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

// given reports whether path is a file that this process was given open, or the null device.
func given(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return path == filepath.ToSlash(os.DevNull) || path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// wantFile returns an error if info is not a regular file.
func wantFile(path string, info fs.FileInfo) error {
	mode := info.Mode()
	instead := "remove it and put the file in its place"
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return &NoFileError{path, "is a folder, not a file; give the path of a file"}
	case mode&fs.ModeNamedPipe != 0:
		return &NoFileError{path, "is a pipe, not a file, and relay would wait until another program writes to it; " + instead}
	case mode&fs.ModeSocket != 0:
		return &NoFileError{path, "is a socket, not a file; " + instead}
	case mode&fs.ModeDevice != 0:
		return &NoFileError{path, "is a device, not a file, and may have no end; " + instead}
	}
	return &NoFileError{path, "is not a file; " + instead}
}
