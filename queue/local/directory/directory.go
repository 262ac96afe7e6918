// Package directory lists what is in a queue directory: the queue's own files, other files
// that relay keeps there, and foreign files.
//
// Invariant: Own accepts the name of every file that relay creates there. Any other file is
// never opened as relay's, and is reported (Strangers).
package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// Names of the queue's own files that have no package of their own.
const (
	Lock    = "lock"
	Dead    = "dead.db"
	Reserve = "reserve"
)

// Other files and directories that the sidecar keeps in the queue directory.
var (
	besides = map[string]fs.FileMode{
		seal.SecretName: 0, "audit.log": 0, "restored.json": 0, "admin.sock": fs.ModeSocket,
		"receipts": fs.ModeDir, "copies": fs.ModeDir,
	}
	besidesNamed = regexp.MustCompile(`^(audit\.log\.[1-9]|receipts/[0-9a-f]{16}\.log)$`)
	copyOfQueue  = regexp.MustCompile(`^copies/relay-backup-[0-9]+(/|$)`)
)

// Own reports whether a path, slash-separated and relative to the queue directory, is
// relay's own, and whether it is a file (0), a directory or a socket. It covers everything
// that relay keeps there: Planted checks these before they are opened; all others are
// Strangers.
func Own(name string) (mode fs.FileMode, ok bool) {
	if mode, ok := besides[name]; ok {
		return mode, true
	}
	if m := copyOfQueue.FindStringSubmatch(name); m != nil {
		if m[1] == "" {
			mode = fs.ModeDir
		}
		return mode, true
	}
	if dir := path.Dir(name); disk.IsTemp(name) && (dir == "." || dir == "receipts") || besidesNamed.MatchString(name) {
		return 0, true
	}
	return 0, ownFile(name) || TempSegment(name) || Quarantined(name)
}

// ownFile reports whether name is the name of one of the queue's own files.
func ownFile(name string) bool {
	if _, suffix, ok := files.ParseName(name); ok {
		return suffix == segment.Suffix || suffix == ids.Suffix || suffix == ids.SalesSuffix
	}
	return name == Lock || name == meta.Name || name == Dead || name == Reserve
}

// TempSegment reports whether name is the name of a segment that is being written, or was
// when relay ended.
func TempSegment(name string) bool {
	_, suffix, ok := files.ParseName(name)
	return ok && suffix == segment.Suffix+segment.TmpSuffix
}

// Quarantined reports whether name is a files.QuarantinePath of one of the queue's own files.
func Quarantined(name string) bool {
	base, ok := strings.CutSuffix(name, files.BadSuffix)
	if !ok || ownFile(base) {
		return ok
	}
	number := path.Ext(base)
	return len(number) > 1 && strings.Trim(number[1:], "0123456789") == "" && ownFile(strings.TrimSuffix(base, number))
}

// leftOver reports whether a temporary file has not been written to for so long that its
// process must have been killed. The next Open removes it.
func leftOver(name string, e fs.DirEntry) bool {
	if !disk.IsTemp(name) && !TempSegment(name) {
		return false
	}
	fi, err := e.Info()
	return err == nil && time.Since(fi.ModTime()) > 10*time.Minute
}

// Access returns the first of relay's files in dir, or directory on the way to them, that this
// process cannot use; nil: it can use all.
func Access(dir string) *disk.AccessError {
	return disk.Access(dir, func(name string, _ fs.DirEntry) bool {
		kind, own := Own(name)
		return own && kind&fs.ModeSocket == 0 && !Quarantined(name)
	})
}

// Strangers returns the slash-separated paths below a queue directory that are not relay's:
// files, links, and directories that cannot be read. It leaves out sockets, pipes, empty
// directories, and paths for which except returns true.
func Strangers(dir string, except func(path string) bool) (all []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("list queue directory: %w", err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			return nil
		case name == ".":
			return err
		case err != nil && name == "lost+found": // belongs to the file system; only root can enter it
			return fs.SkipDir
		case err != nil:
			all = append(all, name)
			return fs.SkipDir
		case except(name):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		kind, own := Own(name)
		switch {
		case e.IsDir() || own && kind == e.Type() && !leftOver(name, e) || e.Type()&^fs.ModeSymlink != 0:
			return nil
		}
		all = append(all, name)
		return nil
	})
	slices.Sort(all)
	if err != nil {
		return nil, fmt.Errorf("list queue directory: %w", err)
	}
	return all, nil
}

// Segments returns the numbers of the segments among names, ascending.
func Segments(names []string) []uint64 {
	var nums []uint64
	for _, n := range names {
		if num, suffix, ok := files.ParseName(n); ok && suffix == segment.Suffix {
			nums = append(nums, num)
		}
	}
	slices.Sort(nums)
	return nums
}
