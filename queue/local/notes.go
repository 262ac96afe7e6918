package local

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// SetNote durably stores a small value under key; nil removes it. The value is encrypted if
// there is a key.
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

// UpdateNote durably replaces the value under key by the result of fn; nil removes it. Calls
// are serialized.
func (q *Queue) UpdateNote(key string, fn func(was []byte) ([]byte, error)) error {
	q.locks.updating.Lock()
	defer q.locks.updating.Unlock()
	val, err := fn(q.Note(key))
	if err != nil {
		return err
	}
	return q.SetNote(key, val)
}

// Current returns nil: no other process sets values.
func (q *Queue) Current(context.Context, time.Duration) error { return nil }

// Note returns the value stored under key, or nil.
func (q *Queue) Note(key string) []byte { return q.meta.Note(key) }
