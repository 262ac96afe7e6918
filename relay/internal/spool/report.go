package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"relay/internal/disk"
	"relay/relay/internal/spool/rows"
)

// report is the file of refused rows. It is created with the first one.
type report struct {
	in   files
	path string
	f    *os.File
	size int64

	reading *rows.Problem // the last line that describes how rows are read; nil: none yet
}

// files is where a report is: an os.Root, or anywhere.
type files interface {
	OpenFile(name string, flag int, mode fs.FileMode) (*os.File, error)
}

type anywhere struct{}

func (anywhere) OpenFile(name string, flag int, mode fs.FileMode) (*os.File, error) {
	return disk.OpenOwn(name, flag, mode)
}

// openReport continues a report. Lines for rows that will be read again are cut off.
func openReport(in files, path string, size int64) (*report, error) {
	r := &report{in: in, path: path, size: size}
	if path == "" {
		return r, nil
	}
	f, err := in.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) { // removed, or another report than before
		r.size = 0
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open report: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("open report: %w", err)
	case fi.Size() > size:
		if !rows.IsReport(f) {
			return nil, fmt.Errorf("open report: %s is not a report and is not overwritten", path)
		}
		if err := f.Truncate(size); err != nil {
			return nil, fmt.Errorf("open report: %w", err)
		}
	default:
		r.size = fi.Size()
	}
	return r, nil
}

func (r *report) add(p rows.Problem) error {
	if r.path == "" {
		return nil
	}
	if r.f == nil {
		f, err := r.in.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		r.f = f
	}
	if p.Table != nil && r.reading == nil || r.reading != nil && r.reading.Table != p.Table {
		reading := p.Reading()
		r.reading = &reading
		if err := r.write(&reading); err != nil {
			return err
		}
	}
	p.Table = nil
	return r.write(&p)
}

func (r *report) write(p *rows.Problem) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	n, err := r.f.Write(append(b, '\n'))
	r.size += int64(n)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *report) sync() error {
	if r.f == nil {
		return nil
	}
	if err := r.f.Sync(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *report) close() {
	if r.f != nil {
		_ = r.f.Close() // it was synced before each state
	}
}
