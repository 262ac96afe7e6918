package spool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"relay/relay/internal/spool/rows"
)

// ErrGrown reports that a file was imported as it was at the beginning but has grown since.
var ErrGrown = errors.New("the file grew while it was imported: its content at the beginning is stored, later additions are not")

// Import stores the events of f. After it was stopped by ctx or by a crash it can be run again
// with the same State: it continues after the last confirmed batch. While the queue is full, or
// cannot write, it waits.
//
// Invariant: only content that the survey has seen is stored; otherwise the error is
// rows.ErrChanged.
func Import(ctx context.Context, f io.ReadSeeker, o Options) (Report, error) {
	o = o.withDefaults()
	st, err := o.begin(ctx)
	if err != nil {
		return Report{}, err
	}
	if err := o.waitSettled(ctx, f); err != nil {
		return Report{}, err
	}
	before, _ := stampOf(f)
	w := rows.NewFile(f, o.MaxFileBytes)
	var failed error
	s, err := w.Survey(ctx, st.Content, func(n int64) {
		o.Progress(Progress{Surveyed: n})
		failed = errors.Join(failed, o.runMeanwhile(ctx, st))
	})
	if err = errors.Join(failed, err); err != nil {
		return Report{}, o.survived(ctx, st, err)
	}
	if after, ok := stampOf(f); ok && after != before {
		return Report{}, o.survived(ctx, st, rows.ErrChanged)
	}
	found := s.Format
	s.Format = o.formatOf(found)
	if s.Format != rows.CSV && len(o.ForTables) > 0 && s.Size > 0 {
		return Report{}, o.survived(ctx, st, &rows.FormatError{Err: fmt.Errorf("the file is JSON, and %s apply only to tables: leave them out, since JSON events have their own name, time and products (if the file is a table, use --format csv)",
			strings.Join(o.ForTables, ", "))})
	}
	s.Assume(o.Encoding)
	if s.Unclear != nil {
		return Report{}, o.survived(ctx, st, &rows.FormatError{Err: s.Unclear})
	}
	if o.Encoding == rows.AutoEncoding && s.Encoding == rows.Windows1252 {
		o.Assumed()
	}
	if s.Encoding == rows.UTF8 && s.Stray > 0 {
		o.Stray(s.Stray)
	}
	if o.Growing && !o.Final && !s.Ended {
		return Report{}, o.survived(ctx, st, ErrUnfinished)
	}
	if o.Key == "" {
		o.Key = o.digestKey(s)
		o.OnKey(o.Key)
		if st, err = loadState(ctx, o.State, o.Key); err != nil {
			return Report{}, err
		}
	}
	st.follow(s)
	if err := o.count(ctx, st); err != nil {
		return Report{}, err
	}
	rep := Report{Counts: st.Counts, Key: o.Key, Size: s.Packed, Resumed: st.Rows}
	if st.Done && !o.CheckOnly {
		rep.Already = true
		return rep, o.survived(ctx, st, nil)
	}
	if o.CheckRows > 0 && (st.Rows == 0 || o.CheckOnly) {
		err := o.check(w, s)
		if format := (*rows.FormatError)(nil); errors.As(err, &format) && s.Format == rows.CSV && found != rows.CSV && o.Format == rows.Auto {
			format.Err = fmt.Errorf("%w\nthe file is read as a table because of its name, but seems to be JSON: name it .jsonl or .json (or use --format jsonl)", format.Err)
		}
		if err != nil {
			return rep, o.survived(ctx, st, err)
		}
	}
	if st.Rows > 0 && !o.CheckOnly {
		o.OnResume(st.Rows)
	}
	if o.CheckOnly {
		return Report{Key: o.Key, Size: s.Packed}, nil
	}
	err = o.store(ctx, w, s, st)
	rep.Counts = st.Counts
	if err == nil {
		// What its writer adds later is a later state of the file.
		if after, ok := stampOf(f); ok && after.size != s.Packed && !o.Growing {
			err = ErrGrown
		}
	}
	return rep, o.survived(ctx, st, err)
}

// begin loads the state of a file with a known key and records, before any of the file is read,
// that it is being read. A file that is stored completely only waits to be moved: a crash is not
// its fault.
func (o *Options) begin(ctx context.Context) (*state, error) {
	if o.Key == "" {
		return &state{}, nil
	}
	o.OnKey(o.Key)
	st, err := loadState(ctx, o.State, o.Key)
	if err != nil || o.MaxCrashes == 0 {
		return st, err
	}
	if st.Tries >= o.MaxCrashes {
		return nil, ErrCrashes
	}
	return st, o.count(ctx, st)
}

// count records, once, that a file is being read that is not stored completely.
func (o *Options) count(ctx context.Context, st *state) error {
	if o.MaxCrashes == 0 || st.Done || st.reading {
		return nil
	}
	st.reading = true
	st.Tries++
	return st.save(ctx, o.State)
}

// survived records that the process did not end while the file was read, and returns cause.
func (o *Options) survived(ctx context.Context, st *state, cause error) error {
	if o.MaxCrashes == 0 || st.Tries == 0 {
		return cause
	}
	st.Tries = 0
	return errors.Join(cause, st.save(context.WithoutCancel(ctx), o.State))
}

// runMeanwhile runs the work that Options.Meanwhile returns.
func (o *Options) runMeanwhile(ctx context.Context, st *state) error {
	if o.Meanwhile == nil {
		return nil
	}
	work := o.Meanwhile()
	if work == nil {
		return nil
	}
	tries := st.Tries
	if err := o.survived(ctx, st, nil); err != nil {
		return err
	}
	work()
	if st.Tries = tries; o.MaxCrashes == 0 || tries == 0 {
		return nil
	}
	return st.save(ctx, o.State)
}

// waitSettled waits until the file has been unchanged for o.Settle.
func (o *Options) waitSettled(ctx context.Context, f io.ReadSeeker) error {
	for {
		s, ok := stampOf(f)
		if !ok || o.Settle == 0 {
			return nil
		}
		wait := o.Settle - time.Since(s.mod)
		if wait <= 0 || wait > o.Settle { // a modification time in the future tells nothing
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// digestKey returns the key of a file that is identified by its content.
func (o *Options) digestKey(s *rows.Survey) string {
	if o.Run == "" {
		return "import-" + s.Digest[:20]
	}
	sum := sha256.Sum256([]byte(s.Digest + o.Run))
	return "import-" + hex.EncodeToString(sum[:10])
}

// formatOf returns the format of a file whose content looks like found.
func (o *Options) formatOf(found rows.Format) rows.Format {
	if o.Format != rows.Auto {
		return o.Format
	}
	switch extOf(o.Name) {
	case ".csv", ".tsv", ".tab":
		return rows.CSV
	case ".json", ".jsonl", ".ndjson":
		if found == rows.CSV {
			return rows.JSONLines
		}
	}
	return found
}

// extOf returns the extension that describes a file's content, packed or not.
func extOf(name string) string {
	return filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz"))
}

// store appends the rows after st.Rows, batch by batch.
func (o *Options) store(ctx context.Context, w *rows.File, s *rows.Survey, st *state) error {
	in, err := w.Rows(s, o.rows())
	if err != nil {
		return unreadable(err)
	}
	var at files = anywhere{}
	if o.ReportIn != nil {
		at = o.ReportIn
	}
	rep, err := openReport(at, o.ReportFile, st.Report)
	if err != nil {
		return err
	}
	defer rep.close()
	for skip := st.Rows; skip > 0; {
		var r rows.Row
		if err := in.Next(&r); errors.Is(err, io.EOF) {
			return &rows.FormatError{Err: fmt.Errorf("the file has fewer rows than the %d that were already processed", st.Rows)}
		} else if err != nil {
			return unreadable(err)
		}
		skip -= 1 + r.Joined
		if r.Number%1000 == 0 {
			if err := o.runMeanwhile(ctx, st); err != nil {
				return err
			}
		}
	}
	var b batch
	waits := func() error { // it waits for the queue, not for the file
		if o.MaxCrashes == 0 || st.Tries == 0 {
			return nil
		}
		st.Tries = 0
		return st.save(ctx, o.State)
	}
	flush := func(last bool) error {
		if err := b.append(ctx, o, waits); err != nil {
			return err
		}
		if err := rep.sync(); err != nil {
			return err
		}
		switch {
		case last:
			st.Tries = 0
		case b.Rows > 0 && o.MaxCrashes > 0:
			st.Tries = 1 // there was progress, and reading continues
		}
		st.add(b.Counts)
		st.Report, st.Done = rep.size, last
		st.Digest, st.Content = s.Digest, s.Size
		b.reset()
		o.Progress(Progress{Surveyed: s.Packed, Bytes: w.BytesRead(), Size: s.Packed, Counts: st.Counts})
		if err := st.save(ctx, o.State); err != nil || last {
			return err
		}
		return o.runMeanwhile(ctx, st)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var r rows.Row
		err := in.Next(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if e := flush(false); e != nil {
				return e
			}
			if err = unreadable(err); st.Rows > 0 {
				err = fmt.Errorf("after row %d: %w", st.Rows, err)
			}
			return err
		}
		b.Rows += 1 + r.Joined
		b.Joined += r.Joined
		e, why := o.judge(&r, st)
		switch {
		case why != nil:
			b.Refused++
			if err := rep.add(r.Problem(why, r.Text)); err != nil {
				return err
			}
		case e == nil:
			b.Ignored++
		default:
			b.add(e)
		}
		if len(b.entries) >= batchRows || len(b.bytes) >= batchBytes || b.Rows >= 10*batchRows {
			if err := flush(false); err != nil {
				return err
			}
		}
	}
	return flush(true)
}

// stamp identifies a state of a file without reading it.
type stamp struct {
	size int64
	mod  time.Time
}

// stampOf returns the stamp of f; false if f is not a file.
func stampOf(f any) (stamp, bool) {
	file, ok := f.(interface{ Stat() (fs.FileInfo, error) })
	if !ok {
		return stamp{}, false
	}
	fi, err := file.Stat()
	if err != nil {
		return stamp{}, false
	}
	return stamp{fi.Size(), fi.ModTime()}, true
}
