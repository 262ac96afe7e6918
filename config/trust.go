package config

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"relay/internal/disk"
	"relay/internal/strictyaml"
)

// Refusable says why a file must not be obeyed: any user of the machine may write
// it, or replace it. The error has the command that ends that. nil: nothing is
// wrong, or only the file's group may.
func Refusable(path string) error {
	if w := disk.AnyUser(disk.Trusted(path)); w != nil {
		return fmt.Errorf("%w: not obeyed; fix: %s", w, w.Fix)
	}
	return nil
}

// checkTrusted refuses each file that the configuration names or was made from
// and that a user who has no say here may write, and programs it has run; a file that only
// its group may write is warned about.
func (l *loader) checkTrusted() {
	seen := []string{}
	check := func(v strictyaml.Value, key, path string) {
		if path == "" || slices.Contains(seen, path) {
			return
		}
		seen = append(seen, path)
		var w *disk.WritableError
		if !errors.As(disk.Trusted(path), &w) {
			return
		}
		if w.Group {
			v.Warnf("%v", w).WithHint("%s", w.Fix)
			return
		}
		if path != l.file { // Load has refused that before
			l.errorf(key, "%v", w).WithHint("%s", w.Fix)
		}
	}
	for _, s := range settings() {
		v, ok := l.values[s.key]
		if !ok {
			continue
		}
		for _, item := range v.OneOrList() {
			for _, path := range l.sources[item.Path()].files {
				check(v, s.key, path)
			}
		}
		if path, ok := s.at(l.cfg).(*string); ok && s.kind == kindPath && slices.Contains(l.cfg.Files, *path) {
			check(v, s.key, *path)
		}
	}
	for _, path := range l.cfg.Files { // named deeper down
		check(l.root, "auth", path)
	}
	for _, path := range programs(l.cfg.Alerts.Command) {
		check(l.values["alerts.command"], "alerts.command", path)
	}
}

// programs are the files that a command runs: its first word, and the absolute paths
// among the others, of which one may be the script of an interpreter.
func programs(command []string) (files []string) {
	for i, word := range command {
		if i == 0 && !strings.ContainsRune(word, filepath.Separator) {
			if found, err := exec.LookPath(word); err == nil {
				files = append(files, found)
			}
			continue
		}
		info, err := os.Stat(word)
		if err == nil && info.Mode().IsRegular() && (i == 0 || filepath.IsAbs(word) && info.Mode().Perm()&0o111 != 0) {
			files = append(files, word)
		}
	}
	return files
}
