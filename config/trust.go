package config

import (
	"errors"
	"fmt"
	"slices"

	"relay/internal/disk"
	"relay/internal/strictyaml"
)

// Refusable says why a file must not be obeyed: any user of the machine may write
// it, or replace it. The error has the command that ends that. nil: nothing is
// wrong, or only the file's group may.
func Refusable(path string) error {
	if w := disk.AnyUser(disk.Trusted(path)); w != nil {
		return fmt.Errorf("%w; it is not obeyed. To end that: %s", w, w.Advice())
	}
	return nil
}

// checkTrusted refuses each file that the configuration names or was made from
// and that a user who has no say here may write; a file that only its group may write is
// warned about.
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
		if path != l.file { // Load has refused that before
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
	for _, path := range l.cfg.Files { // named deeper down
		check(l.root, "auth", path)
	}
}
