package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// state is how far the work on a file is. It is written after each batch that
// the queue has confirmed.
type state struct {
	Version int    `json:"version"`
	Key     string `json:"key"`
	Size    int64  `json:"size"` // of the file when Done was set
	Done    bool   `json:"done"`
	Report  int64  `json:"report_bytes"` // what of the report belongs to the rows behind us
	Counts
}

// Counts says what became of the rows of a file.
type Counts struct {
	Rows       int64 `json:"rows"`
	Stored     int64 `json:"stored"`
	Duplicates int64 `json:"duplicates"`
	Refused    int64 `json:"refused"`
	Ignored    int64 `json:"ignored"` // calls other than track
}

const stateVersion = 1

// readState returns the state in path if it is of the file with this key, else
// a fresh one.
func readState(path, key string) (*state, error) {
	fresh := &state{Version: stateVersion, Key: key}
	if path == "" {
		return fresh, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var s state
	// A torn one cannot be: it is renamed into place. What else may be wrong
	// with it costs time, not events: their ids are the same.
	if json.Unmarshal(b, &s) != nil || s.Version != stateVersion || s.Key != key {
		return fresh, nil
	}
	return &s, nil
}

// write makes the state durable.
func (s *state) write(path string) error {
	if path == "" {
		return nil
	}
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := replace(path, append(b, '\n')); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// replace writes a file beside path, syncs it and renames it into place.
func replace(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes renames in dir durable, where the system knows of that.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
