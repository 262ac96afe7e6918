package local

import (
	"fmt"
	"slices"
)

// SetNote keeps a small value under key, durably; nil removes it. The
// value is sealed when there is a key.
func (q *Queue) SetNote(key string, val []byte) error {
	if q.readOnly {
		return ErrReadOnly
	}
	val = slices.Clone(val)
	if err := q.calls.Do("note "+key, func() error { return q.meta.SetNote(key, val) }); err != nil {
		return fmt.Errorf("set note: %w", err)
	}
	return nil
}

// Note gives the value kept under key, nil when there is none.
func (q *Queue) Note(key string) []byte { return q.meta.Note(key) }
