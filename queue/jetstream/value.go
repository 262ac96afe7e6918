package jetstream

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"
)

// SetValue keeps a small value under key, durably; nil removes it.
func (l *Log) SetValue(ctx context.Context, key string, val []byte) error {
	return l.UpdateValue(ctx, key, func([]byte) ([]byte, error) { return val, nil })
}

// UpdateValue keeps what fn makes of the value under key, durably, by compare-and-set; nil
// removes it. fn is called again when another process was first, and then it may be
// given what it has made before.
func (l *Log) UpdateValue(ctx context.Context, key string, fn func(was []byte) ([]byte, error)) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.IOTimeout)
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
		seq, err := l.swap(ctx, subject, was.seq, data)
		if err == nil {
			l.mu.Lock()
			l.view.keepValue(subject, value{seq, clone(val)})
			l.mu.Unlock()
			return nil
		}
		if !is(err, errWrongLast) {
			return fmt.Errorf("set value: %w", stalled(err))
		}
		if !sleep(ctx, time.Duration(rand.IntN(20))*time.Millisecond) { // the server that answered may be behind
			return fmt.Errorf("set value: %w", stalled(ctx.Err()))
		}
		m, _, err := l.row(ctx, subject)
		if err != nil {
			return fmt.Errorf("set value: %w", stalled(err))
		}
		was.seq = m.seq
		if was.data, err = l.openValue(m); err != nil {
			return fmt.Errorf("set value: %w", err)
		}
	}
}

// Value gives the value kept under key, nil when there is none. What another process has
// set is known about a second later.
func (l *Log) Value(key string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return clone(l.view.values[l.valueSubject(key)].data)
}

// Current returns once the values are known that other processes had set a time ago.
func (l *Log) Current(ctx context.Context, ago time.Duration) error {
	recent := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return time.Since(l.read) <= ago
	}
	if recent() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.IOTimeout)
	defer cancel()
	l.reading.Lock() // one reads for all that wait
	defer l.reading.Unlock()
	if recent() {
		return nil
	}
	l.mu.Lock()
	v := l.view
	l.mu.Unlock()
	if err := l.readRows(ctx, v); err != nil {
		return fmt.Errorf("follow the values: %w", stalled(err))
	}
	return nil
}

// value is a small value as its message had it.
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

// keepValue takes a value unless a newer one is known.
func (v *view) keepValue(subject string, val value) {
	if v.values[subject].seq < val.seq {
		v.values[subject] = val
	}
}

func (l *Log) valueSubject(key string) string {
	return l.rowSubject() + "value." + base64.RawURLEncoding.EncodeToString([]byte(key))
}
