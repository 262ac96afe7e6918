package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"relay/queue/local/internal/boltscan"
)

// withPages opens the bbolt file at path for reading page by page.
func withPages(path string, fn func(p *boltscan.File) error) error {
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

// withScan is withPages for files whose meta pages may be gone, or that cannot
// be read whole: p.Unread says so.
func withScan(path string, fn func(p *boltscan.File) error) error {
	p, err := boltscan.Open(path)
	if p == nil {
		return err
	}
	defer p.Close()
	return asDamage(fn(p))
}

// asDamage has damage that package boltscan found be errDamaged.
func asDamage(err error) error {
	if errors.Is(err, boltscan.ErrDamaged) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// readAgain is withPages that tries again for a second when the disk does not
// give the file's bytes, as one does that has just come back.
func readAgain(path string, fn func(p *boltscan.File) error) error {
	for n := 0; ; n++ {
		err := withPages(path, fn)
		if err == nil || !unreadable(err) || errors.Is(err, io.EOF) || n == 5 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// unreadable says that the disk does not give a file's bytes.
func unreadable(err error) bool {
	var pe *os.PathError
	return errors.Is(err, io.EOF) || errors.As(err, &pe) && pe.Op == "read"
}
