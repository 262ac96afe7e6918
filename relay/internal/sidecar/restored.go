package sidecar

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/relay/internal/exit"
)

// RestoreMark is a file in the directory of a restored queue. The first start logs its
// content and removes it.
const RestoreMark = "restored.json"

// RestoredQueue is the content of a restore mark.
type RestoredQueue struct {
	Whole  bool      `json:"whole"`  // false: the restore has not finished
	Made   time.Time `json:"made"`   // when the backup was made
	Events int64     `json:"events"` // waiting events, which might be sent twice
}

// Write writes the mark into dir.
func (m RestoredQueue) Write(dir string) error {
	b, err := json.Marshal(m)
	if err == nil {
		err = disk.WriteFile(filepath.Join(dir, RestoreMark), 0o600, b)
	}
	if err != nil {
		return fmt.Errorf("mark the queue as restored: %w", err)
	}
	return nil
}

// restoredIn reads the mark in dir; ok reports whether there is one.
func restoredIn(dir string) (m RestoredQueue, ok bool, err error) {
	b, err := disk.ReadFile(filepath.Join(dir, RestoreMark), 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read restore mark: %w", err)
	}
	if json.Unmarshal(b, &m) != nil {
		m = RestoredQueue{} // incomplete: the restore was interrupted
	}
	return m, true, nil
}

// checkRestored refuses a directory with an unfinished restore.
func checkRestored(dir string) error {
	m, ok, err := restoredIn(dir)
	if err == nil && ok && !m.Whole {
		err = exit.BadConfig(fmt.Errorf("a restore into %s did not finish: delete the contents of the directory and run `relay restore` again", dir))
	}
	return err
}

// logRestored logs once that the queue in dir was restored from a backup.
func logRestored(dir string, log *slog.Logger) error {
	m, ok, err := restoredIn(dir)
	if err != nil || !ok {
		return err
	}
	log.Warn("this queue was restored from a backup: events delivered after the backup are sent again", "code", logs.QueueRestored,
		"made", m.Made, "events", m.Events)
	if err := os.Remove(filepath.Join(dir, RestoreMark)); err != nil {
		return fmt.Errorf("remove restore mark: %w", err)
	}
	return nil
}
