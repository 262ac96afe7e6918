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

// ErrGrown says that a file was imported as it was, and has more in it by now.
var ErrGrown = errors.New("the file grew while it was imported: what was there at the beginning is stored, what was added since is not")

// Import stores the events of f. It may be stopped by ctx, or by a crash, and
// run again with the same State: it goes on behind the last batch that was
// confirmed. While the queue is full, or its disk takes nothing, it waits.
//
// Invariant: what is stored is what the survey has seen, or nothing more is:
// ErrChanged.
func Import(ctx context.Context, f io.ReadSeeker, o Options) (Report, error) {
	o = o.withDefaults()
	st, err := o.begin(ctx)
	if err != nil {
		return Report{}, err
	}
	if err := o.settle(ctx, f); err != nil {
		return Report{}, err
	}
	before, _ := stampOf(f)
	w := rows.NewFile(f, o.MaxFileBytes)
	var failed error
	s, err := w.Survey(ctx, st.Content, func(n int64) {
		o.Progress(Progress{Surveyed: n})
		failed = errors.Join(failed, o.meanwhile(ctx, st))
	})
	if err = errors.Join(failed, err); err != nil {
		return Report{}, o.spare(ctx, st, err)
	}
	if after, ok := stampOf(f); ok && after != before {
		return Report{}, o.spare(ctx, st, rows.ErrChanged)
	}
	s.Format = o.formatOf(s.Format)
	if s.Format != rows.CSV && len(o.ForTables) > 0 && s.Size > 0 {
		return Report{}, o.spare(ctx, st, &rows.FormatError{Err: fmt.Errorf("the file is JSON, and only a table obeys %s: leave them out, an event of JSON says itself what it is, when it was and what belongs to it (or say --format csv, when it is a table)",
			strings.Join(o.ForTables, ", "))})
	}
	s.Assume(o.Encoding)
	if s.Unclear != nil {
		return Report{}, o.spare(ctx, st, &rows.FormatError{Err: s.Unclear})
	}
	if o.Encoding == rows.AutoEncoding && s.Encoding == rows.Windows1252 && o.Assumed != nil {
		o.Assumed()
	}
	if s.Encoding == rows.UTF8 && s.Stray > 0 && o.Stray != nil {
		o.Stray(s.Stray)
	}
	if o.Growing && !o.Final && !s.Ended {
		return Report{}, o.spare(ctx, st, ErrUnfinished)
	}
	if o.Key == "" {
		o.Key = o.digestKey(s)
		o.OnKey(o.Key)
		if st, err = loadState(ctx, o.State, o.Key); err != nil {
			return Report{}, err
		}
	}
	st.follow(s)
	rep := Report{Counts: st.Counts, Key: o.Key, Size: s.Packed, Resumed: st.Rows}
	if st.Done && !o.CheckOnly {
		rep.Already = true
		return rep, o.spare(ctx, st, nil)
	}
	if o.CheckRows > 0 && (st.Rows == 0 || o.CheckOnly) {
		if err := o.check(w, s); err != nil {
			return rep, o.spare(ctx, st, err)
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
		// What its writer adds later is another state of it.
		if after, ok := stampOf(f); ok && after.size != s.Packed && !o.Growing {
			err = ErrGrown
		}
	}
	return rep, o.spare(ctx, st, err)
}

// begin loads the state of a file whose key is known, and notes, before anything
// of the file is read, that it is being read.
func (o *Options) begin(ctx context.Context) (*state, error) {
	if o.Key == "" {
		return &state{}, nil
	}
	o.OnKey(o.Key)
	st, err := loadState(ctx, o.State, o.Key)
	if err != nil || o.Deaths == 0 {
		return st, err
	}
	if st.Tries >= o.Deaths {
		return nil, ErrDeadly
	}
	st.Tries++
	return st, st.save(ctx, o.State)
}

// spare notes that the process has not ended while the file was read.
func (o *Options) spare(ctx context.Context, st *state, cause error) error {
	if o.Deaths == 0 || st.Tries == 0 {
		return cause
	}
	st.Tries = 0
	return errors.Join(cause, st.save(context.WithoutCancel(ctx), o.State))
}

// meanwhile does other work that is due.
func (o *Options) meanwhile(ctx context.Context, st *state) error {
	if o.Meanwhile == nil {
		return nil
	}
	work := o.Meanwhile()
	if work == nil {
		return nil
	}
	tries := st.Tries
	if err := o.spare(ctx, st, nil); err != nil {
		return err
	}
	work()
	if st.Tries = tries; o.Deaths == 0 || tries == 0 {
		return nil
	}
	return st.save(ctx, o.State)
}

// settle waits until the file has been left alone for a moment.
func (o *Options) settle(ctx context.Context, f io.ReadSeeker) error {
	for {
		s, ok := stampOf(f)
		if !ok || o.Settle == 0 {
			return nil
		}
		wait := o.Settle - time.Since(s.mod)
		if wait <= 0 || wait > o.Settle { // a time that is yet to come says nothing
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

// digestKey is the key of a file that is told from others by what is in it.
func (o *Options) digestKey(s *rows.Survey) string {
	if o.Run == "" {
		return "import-" + s.Digest[:20]
	}
	sum := sha256.Sum256([]byte(s.Digest + o.Run))
	return "import-" + hex.EncodeToString(sum[:10])
}

// formatOf decides what a file is that looks like found.
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

// extOf is what the end of a name says of what is in the file, packed or not.
func extOf(name string) string {
	return filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz"))
}

// store appends the rows behind st.Rows, batch by batch.
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
			return &rows.FormatError{Err: fmt.Errorf("%d rows of the file were dealt with, and now it has fewer", st.Rows)}
		} else if err != nil {
			return unreadable(err)
		}
		skip -= 1 + r.Joined
		if r.Number%1000 == 0 {
			if err := o.meanwhile(ctx, st); err != nil {
				return err
			}
		}
	}
	var b batch
	waits := func() error { // for the queue, not for the file
		if o.Deaths == 0 || st.Tries == 0 {
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
		case b.Rows > 0 && o.Deaths > 0:
			st.Tries = 1 // it got on, and is read on
		}
		st.add(b.Counts)
		st.Report, st.Done = rep.size, last
		st.Digest, st.Content = s.Digest, s.Size
		b.reset()
		o.Progress(Progress{Surveyed: s.Packed, Bytes: w.BytesRead(), Size: s.Packed, Counts: st.Counts})
		if err := st.save(ctx, o.State); err != nil || last {
			return err
		}
		return o.meanwhile(ctx, st)
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
				err = fmt.Errorf("behind row %d: %w", st.Rows, err)
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

// stamp is what tells one state of a file from another, without reading it.
type stamp struct {
	size int64
	mod  time.Time
}

// stampOf is the stamp of f; none when f is no file.
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
