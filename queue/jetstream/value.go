package jetstream

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"
)

// SetValue durably stores a small value under key; nil removes it.
func (l *Log) SetValue(ctx context.Context, key string, val []byte) error {
	return l.UpdateValue(ctx, key, func([]byte) ([]byte, error) { return val, nil })
}

// UpdateValue durably replaces the value under key with the result of fn, by compare-and-set; nil
// removes it. fn is called again if another process changed the value first, and may then see its
// own earlier result.
func (l *Log) UpdateValue(ctx context.Context, key string, fn func(was []byte) ([]byte, error)) error {
	ctx, cancel := context.WithTimeout(ctx, l.options.IOTimeout)
	defer cancel()
	subject := l.valueSubject(key)
	l.mu.Lock()
	was := l.view.values[subject]
	l.mu.Unlock()
	for {
		val, err := fn(clone(was.data))
		if err != nil {
			return err
		}
		var data []byte
		if val != nil {
			if data, err = l.ring.Seal(nil, "value", 0, []byte(subject), val); err != nil {
				return fmt.Errorf("set value: %w", err)
			}
		}
		seq, err := l.compareAndSet(ctx, subject, was.seq, data)
		if err == nil {
			l.mu.Lock()
			l.view.keepValue(subject, value{seq, clone(val)})
			l.mu.Unlock()
			return nil
		}
		if !hasCode(err, codeWrongLast) {
			return fmt.Errorf("set value: %w", asStalled(err))
		}
		if !sleep(ctx, time.Duration(rand.IntN(20))*time.Millisecond) { // the server that answered may be behind
			return fmt.Errorf("set value: %w", asStalled(ctx.Err()))
		}
		m, _, err := l.readRow(ctx, subject)
		if err != nil {
			return fmt.Errorf("set value: %w", asStalled(err))
		}
		was.seq = m.seq
		if was.data, err = l.openValue(m); err != nil {
			return fmt.Errorf("set value: %w", err)
		}
	}
}

// Value returns the value under key, or nil. A value set by another process is visible after about
// a second.
func (l *Log) Value(key string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return clone(l.view.values[l.valueSubject(key)].data)
}

// Current returns once all values are known that other processes had set by a time ago.
func (l *Log) Current(ctx context.Context, ago time.Duration) error {
	recent := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return time.Since(l.rowsReadAt) <= ago
	}
	if recent() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.options.IOTimeout)
	defer cancel()
	l.reading.Lock() // one read serves all waiting callers
	defer l.reading.Unlock()
	if recent() {
		return nil
	}
	l.mu.Lock()
	v := l.view
	l.mu.Unlock()
	if err := l.readRows(ctx, v); err != nil {
		return fmt.Errorf("read the values: %w", asStalled(err))
	}
	return nil
}

// value is a small value and the sequence number of its message.
type value struct {
	seq  uint64
	data []byte
}

func (l *Log) openValue(m message) ([]byte, error) {
	if len(m.data) == 0 {
		return nil, nil
	}
	plain, err := l.ring.Open("value", 0, []byte(m.subject), m.data)
	if err != nil {
		return nil, fmt.Errorf("read a value: %w", err)
	}
	return plain, nil
}

func (l *Log) readValue(v *view, m message) error {
	plain, err := l.openValue(m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v.keepValue(m.subject, value{m.seq, plain})
	return nil
}

// keepValue stores a value unless a newer one is known.
func (v *view) keepValue(subject string, val value) {
	if v.values[subject].seq < val.seq {
		v.values[subject] = val
	}
}

func (l *Log) valueSubject(key string) string {
	return l.rowSubject() + "value." + base64.RawURLEncoding.EncodeToString([]byte(key))
}
