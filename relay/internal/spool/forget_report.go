package spool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relay/internal/disk"
)

// ForgetReport removes a person from the report of an import. Nothing but a report is
// touched.
func ForgetReport(ctx context.Context, path string, who Seeker, dry bool) (rows int, err error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	if !fi.Mode().IsRegular() {
		return 0, errors.New("it is no report of refused rows any more")
	}
	f, err := disk.Open(path)
	if err != nil {
		return 0, err
	}
	is := isReport(f)
	_ = f.Close()
	if !is {
		return 0, errors.New("it is no report of refused rows any more")
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	defer func() { _ = root.Close() }()
	return forgetFile(ctx, root, nil, &Layout{}, filepath.Base(path), "", who, dry)
}

// problemIn is what a line of a report says; false: it is none, and may be an event.
func problemIn(line []byte) (p Problem, ok bool) {
	if !bytes.HasPrefix(line, []byte(reportBegin)) {
		return p, false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return p, dec.Decode(&p) == nil && !dec.More()
}

// about says whether a line of a report is about the person: the row that was refused is
// looked at as it is in its file.
func (p *Problem) about(who Seeker) bool {
	if who.Text(p.Message) {
		return true
	}
	t := tableRows{who: who}
	if p.Table == nil {
		if who.Event([]byte(p.Text), "", time.Time{}) {
			return true
		}
		if json.Valid([]byte(p.Text)) {
			return false
		}
		t.records.comma = separator(p.Text)
	} else {
		l := p.Table.layout()
		t.records.comma = l.Comma
		t.know(&header{names: p.Table.Header}, l)
	}
	if err := t.records.open(strings.NewReader(p.Text), defaultEventBytes); err != nil {
		return true
	}
	if err := t.read([]byte(p.Text)); err != nil {
		return true
	}
	return slices.ContainsFunc(t.rows, func(row tableRow) bool { return row.gone })
}
