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

// RestoreMark lies in the directory of a queue that came out of a backup until
// the first start has said so.
const RestoreMark = "restored.json"

// RestoredQueue is what the mark of a restore says.
type RestoredQueue struct {
	Whole  bool      `json:"whole"`  // false: the restore has not ended
	Made   time.Time `json:"made"`   // when the backup was
	Events int64     `json:"events"` // waited in it: what may go twice
}

// Write puts the mark into dir.
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

// restoredIn reads the mark of dir; ok: there is one.
func restoredIn(dir string) (m RestoredQueue, ok bool, err error) {
	b, err := disk.ReadFile(filepath.Join(dir, RestoreMark), 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("look for a restore: %w", err)
	}
	if json.Unmarshal(b, &m) != nil {
		m = RestoredQueue{} // it was being written
	}
	return m, true, nil
}

// checkRestored refuses a directory in which a restore has not ended.
func checkRestored(dir string) error {
	m, ok, err := restoredIn(dir)
	if err == nil && ok && !m.Whole {
		err = exit.BadConfig(fmt.Errorf("a restore into %s was not completed: delete what is in it and run `relay restore` again", dir))
	}
	return err
}

// sayRestored logs once that the queue in dir came out of a backup.
func sayRestored(dir string, log *slog.Logger) error {
	m, ok, err := restoredIn(dir)
	if err != nil || !ok {
		return err
	}
	log.Warn("this queue was restored from a backup: what was delivered after it was made is sent again", "code", logs.QueueRestored,
		"made", m.Made, "events", m.Events)
	if err := os.Remove(filepath.Join(dir, RestoreMark)); err != nil {
		return fmt.Errorf("remove the mark of a restore: %w", err)
	}
	return nil
}
