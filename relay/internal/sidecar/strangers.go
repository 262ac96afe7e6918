package sidecar

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"relay/config"
	"relay/mapper/personal"
	"relay/queue/local/directory"
)

// strangers is admin's way to learn what lies below the directory of the queue and is not
// relay's: a copy that somebody made, the file of an editor. Files that relay.yaml names,
// and the directory of dropped files, are none.
func strangers(settings func() *config.Config) func() ([]string, error) {
	return func() ([]string, error) {
		cfg := settings()
		dir, err := filepath.Abs(cfg.Dir())
		if err != nil {
			return nil, fmt.Errorf("list queue directory: %w", err)
		}
		named := make(map[string]bool)
		for _, file := range append([]string{cfg.File, cfg.Spool.Dir}, cfg.Files...) {
			if abs, err := filepath.Abs(file); err == nil && file != "" {
				named[abs] = true
			}
		}
		all, err := directory.Strangers(dir, func(name string) bool { return named[filepath.Join(dir, filepath.FromSlash(name))] })
		if err != nil || len(all) == 0 {
			return nil, err
		}
		const most = 10
		shown := make([]string, 0, most)
		for _, name := range all[:min(len(all), most)] {
			shown = append(shown, showPath(dir, name))
		}
		if len(all) > most {
			shown = append(shown, "…")
		}
		return []string{fmt.Sprintf("%d files, links and folders below %s that are not relay's: look into them, or remove them: %s", len(all), dir, strings.Join(shown, ", "))}, nil
	}
}

// showPath shows a path of which the parts that may be a person's name are shown by their
// shape, with the size and the time by which the file is found.
func showPath(dir, name string) string {
	fi, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		fi = nil // gone meanwhile
	}
	return personal.ShowPath(name, func(part string) bool {
		_, own := directory.Own(part)
		return own
	}, fi)
}
