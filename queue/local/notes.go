package local

import (
	"context"
	"fmt"
	"slices"
	"time"
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

// UpdateNote keeps what fn makes of the value under key, durably; nil removes it. Of two
// calls the second is given what the first has kept.
func (q *Queue) UpdateNote(key string, fn func(was []byte) ([]byte, error)) error {
	q.turns.updating.Lock()
	defer q.turns.updating.Unlock()
	val, err := fn(q.Note(key))
	if err != nil {
		return err
	}
	return q.SetNote(key, val)
}

// Current is nil: no other process sets values.
func (q *Queue) Current(context.Context, time.Duration) error { return nil }

// Note gives the value kept under key, nil when there is none.
func (q *Queue) Note(key string) []byte { return q.meta.Note(key) }
