package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"relay/relay/internal/track"
)

// Problem is a row that cannot be used. As JSON it is a line of the report.
type Problem struct {
	Row     int64  `json:"row"`
	Line    int64  `json:"line,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Text    string `json:"text,omitempty"` // of the row; only in the report, which is for the file's owner
}

func (p Problem) String() string {
	if p.Line == 0 { // JSON over several lines
		return fmt.Sprintf("row %d: %s", p.Row, p.Message)
	}
	return fmt.Sprintf("row %d (line %d): %s", p.Row, p.Line, p.Message)
}

func problemOf(r *row, why *track.Problem) Problem {
	return Problem{Row: r.number, Line: r.line, Code: why.Code, Message: why.Message}
}

// report is the file of refused rows, made when there is the first one.
type report struct {
	path string
	f    *os.File
	size int64
}

// openReport goes on with a report: what was written for rows that are yet to
// come (again) is cut off.
func openReport(path string, size int64) (*report, error) {
	r := &report{path: path, size: size}
	if path == "" {
		return r, nil
	}
	switch fi, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist): // removed, or another report than before
		r.size = 0
	case err != nil:
		return nil, fmt.Errorf("open report: %w", err)
	case fi.Size() > size:
		if !ours(path) {
			return nil, fmt.Errorf("open report: %s holds something else, it is not written over", path)
		}
		if err := os.Truncate(path, size); err != nil {
			return nil, fmt.Errorf("open report: %w", err)
		}
	default:
		r.size = fi.Size()
	}
	return r, nil
}

// ours tells whether a file is a report: a wrong name must not cost somebody a file.
func ours(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	const begin = `{"row":`
	head := make([]byte, len(begin))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == begin
}

func (r *report) add(p Problem) error {
	if r.path == "" {
		return nil
	}
	if r.f == nil {
		f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		r.f = f
	}
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
		_ = r.f.Close() // synced before each state
	}
}
