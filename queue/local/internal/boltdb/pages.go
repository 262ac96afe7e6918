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

// Read opens the bbolt file at path for reading page by page.
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
		return err // whatever was made of a file that was not read whole
	}
	return asDamage(err)
}

// Scan is Read for files whose meta pages may be gone, or that cannot
// be read whole: p.Unread says so.
func Scan(path string, fn func(p *boltscan.File) error) error {
	p, err := boltscan.Open(path)
	if p == nil {
		return err
	}
	defer p.Close()
	return asDamage(fn(p))
}

// asDamage has damage that package boltscan found be seal.ErrDamaged.
func asDamage(err error) error {
	if errors.Is(err, boltscan.ErrDamaged) {
		return fmt.Errorf("%w: %w", seal.ErrDamaged, err)
	}
	return err
}

// ReadAgain is Read that tries again for a second when the disk does not
// give the file's bytes, as one does that has just come back.
func ReadAgain(path string, fn func(p *boltscan.File) error) error {
	for n := 0; ; n++ {
		err := Read(path, fn)
		if err == nil || !Unreadable(err) || errors.Is(err, io.EOF) || n == 5 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// Unreadable says that the disk does not give a file's bytes.
func Unreadable(err error) bool {
	var pe *os.PathError
	return errors.Is(err, io.EOF) || errors.As(err, &pe) && pe.Op == "read"
}
