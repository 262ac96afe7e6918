package config

import (
	"errors"
	"fmt"
	"slices"

	"relay/internal/disk"
	"relay/internal/strictyaml"
)

// Refusable returns an error if any user of the machine can write or replace a file, so
// that relay must not use it. The error has the command that fixes this. nil: nothing is
// wrong, or only the file's group can write it.
func Refusable(path string) error {
	if w := disk.AnyUser(disk.Trusted(path)); w != nil {
		return fmt.Errorf("%w; relay does not use it. Fix: %s", w, w.Advice())
	}
	return nil
}

// checkTrusted refuses each file that the configuration names or was made from
// if an untrusted user can write it. It warns about a file that only its group can
// write.
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
			v.Warnf("%v", w).WithHint("%s", w.Advice())
			return
		}
		if path != l.file { // Load has already refused it
			l.errorf(key, "%v", w).WithHint("%s", w.Advice())
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
	for _, path := range l.cfg.Files { // named in nested values
		check(l.root, "auth", path)
	}
}
