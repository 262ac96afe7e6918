package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/track"
)

// Appender is what is needed of the queue.
type Appender interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
}

// Options say how a file is read. Only Queue is required.
type Options struct {
	Queue Appender
	Route track.Routes // nil: every event is unmapped

	Name     string // of the file: .csv is CSV, .json, .jsonl and .ndjson are not
	Format   Format // overrides what name and content say
	Encoding Encoding
	Comma    rune              // of CSV; 0: , ; tab or |, by the header
	Columns  map[string]string // of CSV: header name -> path; "" leaves the column out
	Event    string            // name of rows that give none (CSV)

	PrintKey      track.PrintKey
	MaxEventBytes int  // default 256 KiB
	CheckRows     int  // checked before anything is stored; default 1,000, negative: none
	SkipBad       bool // store the good rows although some of the checked ones are bad
	// Undated takes rows that do not say when they happened, or not so that it
	// can be read; they happened at Received then. Otherwise such a row is refused.
	Undated bool
	// Check has the last word on a checked row: a text it returns is what is
	// wrong with the event.
	Check func(event []byte) string
	// Checked is told how many rows were checked and found good enough.
	Checked   func(rows int)
	CheckOnly bool // store nothing

	Key        string           // of the file; default: a digest of its content
	Run        string           // part of that digest: the same file with another one is another file
	OnKey      func(key string) // told before anything is asked of State and Queue
	OnResume   func(rows int64) // an earlier run has dealt with so many
	State      State            // makes the work resumable; default: none
	ReportFile string           // refused rows, JSON lines; default: none
	Received   time.Time        // default: now

	Progress func(Progress) // called after each batch, and while the file is surveyed
	Logger   *slog.Logger
	Now      func() time.Time
}

// Progress is how far an import is.
type Progress struct {
	Surveyed    int64 // bytes looked at before the first row
	Bytes, Size int64 // of the file, behind us and in all
	Counts
}

// Report is what became of a file.
type Report struct {
	Counts
	Key     string
	Size    int64
	Resumed int64 // rows that an earlier run had dealt with
	Already bool  // all of them
}

// CheckError says that a file was refused before anything of it was stored.
type CheckError struct {
	Checked  int
	Bad      int
	Problems []Problem // the first 20
}

func (e *CheckError) Error() string {
	if e.Checked == 0 {
		return "the file holds no rows"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of the first %d rows cannot be used, nothing was stored", e.Bad, e.Checked)
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	if e.Bad > len(e.Problems) {
		fmt.Fprintf(&b, "\n  … and %d more", e.Bad-len(e.Problems))
	}
	return b.String()
}

// FormatError says that a file cannot be read as rows at all.
type FormatError struct{ Err error }

func (e *FormatError) Error() string { return e.Err.Error() }
func (e *FormatError) Unwrap() error { return e.Err }

// Import stores the events of f. It may be stopped by ctx, or by a crash, and
// run again with the same State: it goes on behind the last batch that was
// confirmed. While the queue is full, or its disk takes nothing, it waits.
func Import(ctx context.Context, f io.ReadSeeker, o Options) (Report, error) {
	o = o.withDefaults()
	s, err := look(ctx, start(f), func(n int64) { o.Progress(Progress{Surveyed: n}) })
	if err != nil {
		return Report{}, err
	}
	s.format = o.formatOf(s.format)
	if o.Encoding != AutoEncoding {
		s.encoding = o.Encoding
	}
	if o.Key == "" {
		o.Key = "import-" + s.digest[:20]
		if o.Run != "" {
			sum := sha256.Sum256([]byte(s.digest + o.Run))
			o.Key = "import-" + hex.EncodeToString(sum[:10])
		}
	}
	o.OnKey(o.Key)
	st, err := loadState(ctx, o.State, o.Key)
	if err != nil {
		return Report{}, err
	}
	rep := Report{Counts: st.Counts, Key: o.Key, Size: s.size, Resumed: st.Rows}
	if st.Done && st.Size == s.size && !o.CheckOnly {
		rep.Already = true
		return rep, nil
	}
	if o.CheckRows > 0 && (st.Rows == 0 || o.CheckOnly) {
		if err := o.check(start(f), s); err != nil {
			return rep, err
		}
	}
	if st.Rows > 0 && !o.CheckOnly {
		o.OnResume(st.Rows)
	}
	if o.CheckOnly {
		return Report{Key: o.Key, Size: s.size}, nil
	}
	err = o.store(ctx, start(f), s, st)
	rep.Counts = st.Counts
	return rep, err
}

func (o Options) withDefaults() Options {
	if o.MaxEventBytes <= 0 {
		o.MaxEventBytes = 256 << 10
	}
	if o.CheckRows == 0 {
		o.CheckRows = 1000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Received.IsZero() {
		o.Received = o.Now()
	}
	if o.Checked == nil {
		o.Checked = func(int) {}
	}
	if o.OnKey == nil {
		o.OnKey = func(string) {}
	}
	if o.OnResume == nil {
		o.OnResume = func(int64) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// formatOf decides what a file is that looks like found.
func (o *Options) formatOf(found Format) Format {
	if o.Format != Auto {
		return o.Format
	}
	switch strings.ToLower(filepath.Ext(o.Name)) {
	case ".csv":
		return CSV
	case ".json", ".jsonl", ".ndjson":
		if found == CSV {
			return JSONLines
		}
	}
	return found
}

// counted counts what was read of a file from its beginning.
type counted struct {
	f     io.ReadSeeker
	n     int64
	begun bool
}

func start(f io.ReadSeeker) *counted { return &counted{f: f} }

func (c *counted) Read(p []byte) (int, error) {
	if !c.begun {
		if _, err := c.f.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
		c.begun = true
	}
	n, err := c.f.Read(p)
	c.n += int64(n)
	return n, err
}

// judge turns a row into an entry; nil for a call that is not a track.
func (o *Options) judge(r *row) (*queue.Entry, *track.Problem) {
	if r.bad != nil {
		return nil, r.bad
	}
	m := &r.msg
	if !m.Track {
		return nil, nil
	}
	if !o.Undated {
		switch times := m.Times(); {
		case len(times) == 0:
			return nil, &track.Problem{Code: "missing_timestamp", Message: "the row does not say when it happened"}
		case !slices.ContainsFunc(times, readable):
			return nil, &track.Problem{Code: "invalid_timestamp", Message: "its time cannot be read; write 2026-11-20T18:30:00Z, or seconds since 1970"}
		}
	}
	e := &queue.Entry{ID: string(m.ID), Print: m.Print, Lanes: track.Lanes(o.Route, string(m.Event)), Received: o.Received, Flags: m.Flags | queue.FlagImported, Body: m.Body}
	if e.ID == "" {
		e.ID = o.Key + "-" + strconv.FormatInt(r.number, 10)
	}
	return e, nil
}

func readable(when []byte) bool {
	_, ok := mapper.ReadTime(when, time.UTC)
	return ok
}

// check reads the first rows and stores nothing.
func (o *Options) check(f io.Reader, s *survey) error {
	in, err := o.open(f, s)
	if err != nil {
		return &FormatError{err}
	}
	e := &CheckError{}
	for e.Checked < o.CheckRows {
		var r row
		if err := in.next(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return &FormatError{err}
		}
		e.Checked++
		entry, why := o.judge(&r)
		if why == nil && entry != nil && o.Check != nil {
			if words := o.Check(entry.Body); words != "" {
				why = &track.Problem{Code: "check", Message: words}
			}
		}
		if why == nil {
			continue
		}
		if e.Bad++; e.Bad <= 20 {
			e.Problems = append(e.Problems, problemOf(&r, why))
		}
	}
	// When not one row is good the file is the wrong one, whatever is skipped.
	if e.Checked == 0 || e.Bad == e.Checked || e.Bad > 0 && !o.SkipBad {
		return e
	}
	o.Checked(e.Checked)
	return nil
}

// store appends the rows behind st.Rows, batch by batch.
func (o *Options) store(ctx context.Context, f *counted, s *survey, st *state) error {
	in, err := o.open(f, s)
	if err != nil {
		return &FormatError{err}
	}
	rep, err := openReport(o.ReportFile, st.Report)
	if err != nil {
		return err
	}
	defer rep.close()
	for skip := st.Rows; skip > 0; skip-- {
		var r row
		if err := in.next(&r); err != nil {
			return &FormatError{fmt.Errorf("the file has changed: it had more rows: %w", err)}
		}
	}
	var b batch
	flush := func() error {
		if err := b.append(ctx, o); err != nil {
			return err
		}
		if err := rep.sync(); err != nil {
			return err
		}
		b.Rows += st.Rows
		b.Stored += st.Stored
		b.Duplicates += st.Duplicates
		b.Conflicts += st.Conflicts
		b.Refused += st.Refused
		b.Ignored += st.Ignored
		st.Counts, st.Report = b.Counts, rep.size
		b.reset()
		o.Progress(Progress{Surveyed: s.size, Bytes: min(f.n, s.size), Size: s.size, Counts: st.Counts})
		return st.save(ctx, o.State)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var r row
		err := in.next(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if e := flush(); e != nil {
				return e
			}
			return &FormatError{fmt.Errorf("behind row %d: %w", st.Rows, err)}
		}
		b.Rows++
		e, why := o.judge(&r)
		switch {
		case why != nil:
			b.Refused++
			p := problemOf(&r, why)
			p.Text = string(r.text)
			if err := rep.add(p); err != nil {
				return err
			}
		case e == nil:
			b.Ignored++
		default:
			b.add(e)
		}
		if len(b.entries) >= batchRows || len(b.bytes) >= batchBytes || b.Rows >= 10*batchRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	st.Done, st.Size = true, s.size
	if err := flush(); err != nil {
		st.Done = false
		return err
	}
	return nil
}
