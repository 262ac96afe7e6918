package boltdb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"relay/internal/seal"
	"relay/queue/local/internal/boltscan"
)

// Read opens the bbolt file at path for reading page by page and calls fn. An error
// wraps seal.ErrDamaged if the file is damaged.
func Read(path string, fn func(p *boltscan.File) error) error {
	p, err := boltscan.Open(path)
	if p == nil {
		return err
	}
	defer p.Close()
	if err == nil {
		err = fn(p)
	}
	if err := p.Unread(); err != nil {
		return err // whatever fn concluded from a partly read file
	}
	return asDamage(err)
}

// Scan is Read for files whose meta pages can be missing, or that cannot be read
// completely. In that case p.Unread returns an error.
func Scan(path string, fn func(p *boltscan.File) error) error {
	p, err := boltscan.Open(path)
	if p == nil {
		return err
	}
	defer p.Close()
	return asDamage(fn(p))
}

// asDamage wraps damage found by package boltscan in seal.ErrDamaged.
func asDamage(err error) error {
	if errors.Is(err, boltscan.ErrDamaged) {
		return fmt.Errorf("%w: %w", seal.ErrDamaged, err)
	}
	return err
}

// ReadRetry is Read, retried for a second while the disk does not return the file's
// bytes. A disk that has just been reattached behaves like that.
func ReadRetry(path string, fn func(p *boltscan.File) error) error {
	for n := 0; ; n++ {
		err := Read(path, fn)
		if err == nil || !Unreadable(err) || errors.Is(err, io.EOF) || n == 5 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// Unreadable reports whether err means that the disk did not return a file's bytes.
func Unreadable(err error) bool {
	var pe *os.PathError
	return errors.Is(err, io.EOF) || errors.As(err, &pe) && pe.Op == "read"
}
