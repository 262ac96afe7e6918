package watch

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"

	"relay/internal/logs"
)

// dirWatch keeps system watches on the directories that lead to files. A watch on a file reports
// nothing after the first atomic save; one on its directory does. The zero dirWatch watches nothing.
type dirWatch struct {
	notify *fsnotify.Watcher
	dirs   map[string]watchedDir
	log    *slog.Logger
}

type watchedDir struct {
	info   os.FileInfo // to detect that another directory has replaced it
	failed bool        // it cannot be watched, which has been logged
}

// follow watches the directories that lead to files now. After a change it checks again, because a
// link or directory might have moved before it was watched.
func (d *dirWatch) follow(files []string) {
	if d.notify == nil {
		return
	}
	for range 5 {
		var want []string
		for _, path := range files {
			if abs, err := filepath.Abs(path); err == nil {
				want = append(want, dirsOf(abs)...)
			}
		}
		slices.Sort(want)
		if !d.set(slices.Compact(want)) {
			return
		}
	}
}

// set watches exactly the directories of want. It reports whether a watch was added.
func (d *dirWatch) set(want []string) (changed bool) {
	for dir := range d.dirs {
		if !slices.Contains(want, dir) {
			_ = d.notify.Remove(dir)
			delete(d.dirs, dir)
		}
	}
	for _, dir := range want {
		if d.add(dir) {
			changed = true
		}
	}
	return changed
}

// add watches dir. It reports whether dir was not watched before.
func (d *dirWatch) add(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		delete(d.dirs, dir)
		return true // it is gone: now its parent counts
	}
	old, watched := d.dirs[dir]
	if watched && !old.failed && os.SameFile(old.info, info) && slices.Contains(d.notify.WatchList(), dir) {
		return false
	}
	_ = d.notify.Remove(dir) // a watch on the directory that was replaced
	err = d.notify.Add(dir)
	if err != nil && !old.failed {
		d.log.Warn("changes in a directory are found only by polling", "code", logs.PollingOnly, "dir", dir, "err", err)
	}
	d.dirs[dir] = watchedDir{info: info, failed: err != nil}
	return err == nil
}

// dirsOf returns the directories in which a change can make path another file: those of the file, of
// every link in the path, and of the targets of links. If one is missing, it returns the nearest
// existing directory above it.
func dirsOf(path string) []string {
	dirs := []string{nearest(filepath.Dir(path))}
	for range 40 { // as many links as Linux follows
		link, target := firstLink(path)
		if link == "" {
			break
		}
		dirs = append(dirs, nearest(filepath.Dir(link)))
		rest := strings.TrimPrefix(path, link)
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Clean(target + rest)
	}
	return append(dirs, nearest(filepath.Dir(path)))
}

// firstLink returns the first part of path that is a symbolic link, and its target.
func firstLink(path string) (link, target string) {
	volume := filepath.VolumeName(path)
	for i := len(volume) + 1; i <= len(path); i++ {
		if i < len(path) && !os.IsPathSeparator(path[i]) {
			continue
		}
		part := path[:i]
		info, err := os.Lstat(part)
		if err != nil {
			return "", ""
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if to, err := os.Readlink(part); err == nil {
				return part, to
			}
			return "", ""
		}
	}
	return "", ""
}

// nearest returns dir, or the first directory above it that exists.
func nearest(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}
