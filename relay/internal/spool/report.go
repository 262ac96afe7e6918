package spool

import (
	"encoding/json"
	"fmt"
	"os"

	"relay/relay/internal/ingest"
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
	return fmt.Sprintf("row %d (line %d): %s", p.Row, p.Line, p.Message)
}

func problemOf(r *row, why *ingest.Refusal) Problem {
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
	if fi, err := os.Stat(path); err == nil && fi.Size() > size {
		if err := os.Truncate(path, size); err != nil {
			return nil, fmt.Errorf("open report: %w", err)
		}
	}
	return r, nil
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
