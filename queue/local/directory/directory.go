// Package directory knows what lies in the directory of a queue: the queue's own files,
// what relay keeps beside them, and what is neither.
//
// Invariant: a file that relay makes there has a name that Own knows. What Own does not
// know is never opened as relay's, and is reported (Strangers).
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

// The names of the queue's own files, beside those that have packages of their own.
const (
	Lock    = "lock"
	Dead    = "dead.db"
	Reserve = "reserve"
)

// What the sidecar keeps in the directory of its queue, beside the queue's own files.
var (
	besides = map[string]fs.FileMode{
		seal.SecretName: 0, "audit.log": 0, "restored.json": 0, "admin.sock": fs.ModeSocket,
		"receipts": fs.ModeDir, "copies": fs.ModeDir,
	}
	besidesNamed = regexp.MustCompile(`^(audit\.log\.[1-9]|receipts/[0-9a-f]{16}\.log)$`)
	copyOfQueue  = regexp.MustCompile(`^copies/relay-backup-[0-9]+(/|$)`)
)

// Own says whether what has this path below the directory of a queue, with slashes, is
// relay's own, and whether it is a file (0), a folder or a socket. It is the list of all
// that relay keeps there: Planted looks at these before they are opened, and the others
// are Strangers.
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

// ownFile says whether a file of this name is the queue's.
func ownFile(name string) bool {
	if _, suffix, ok := files.ParseName(name); ok {
		return suffix == segment.Suffix || suffix == ids.Suffix || suffix == ids.SalesSuffix
	}
	return name == Lock || name == meta.Name || name == Dead || name == Reserve
}

// TempSegment says whether a segment of this name is being written, or was when relay
// ended.
func TempSegment(name string) bool {
	_, suffix, ok := files.ParseName(name)
	return ok && suffix == segment.Suffix+segment.TmpSuffix
}

// Quarantined says whether a name is one of files.BadName, of a file of the queue's.
func Quarantined(name string) bool {
	base, ok := strings.CutSuffix(name, files.BadSuffix)
	if !ok || ownFile(base) {
		return ok
	}
	number := path.Ext(base)
	return len(number) > 1 && strings.Trim(number[1:], "0123456789") == "" && ownFile(strings.TrimSuffix(base, number))
}

// leftOver says whether a temporary file has not been written to for so long that whoever
// wrote it was killed. Open removes it; until then nobody looks into it.
func leftOver(name string, e fs.DirEntry) bool {
	if !disk.IsTemp(name) && !TempSegment(name) {
		return false
	}
	fi, err := e.Info()
	return err == nil && time.Since(fi.ModTime()) > 10*time.Minute
}

// Strangers are the paths of what lies below the directory of a queue, with slashes, and is
// not relay's: files, links, folders that cannot be looked into. What holds nothing, as
// sockets, pipes and empty folders, is none; nor is what except says.
func Strangers(dir string, except func(path string) bool) (all []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("list queue directory: %w", err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile
			return nil
		case name == ".":
			return err
		case err != nil && name == "lost+found": // the file system's own, which root alone enters
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

// Segments gives the numbers of the segments among names, ascending.
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
