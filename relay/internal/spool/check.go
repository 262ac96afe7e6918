package spool

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"relay/mapper/event"
	"relay/queue"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/track"
)

// judge converts a row to an entry; nil for a call other than track.
func (o *Options) judge(r *rows.Row, st *state) (*queue.Entry, *track.Problem) {
	if r.Bad != nil {
		return nil, r.Bad
	}
	m := &r.Msg
	if !m.Track {
		return nil, nil
	}
	if why := o.judgeTime(r); why != nil {
		return nil, why
	}
	e := &queue.Entry{ID: string(m.ID), Fingerprint: m.Fingerprint, Lanes: track.Lanes(o.routes, string(m.Event)), Received: o.Received, Flags: m.Flags | queue.FlagImported, Body: m.Body}
	switch {
	case r.SaleID != "":
		e.Space, e.ID, e.Fingerprint = queue.BySale, o.saleID(string(m.Event), r.SaleID), o.FingerprintKey.Whole(m.Body)
	case e.ID == "":
		e.ID = o.Key + st.Salt + "-" + strconv.FormatInt(r.Number, 10)
	}
	return e, nil
}

// saleID returns the id of a sale that is identified by a value of its own, in whichever file it
// is. Another Run makes it another sale.
func (o *Options) saleID(name, value string) string {
	text := name + "\x00" + value
	if o.Run != "" {
		text += "\x00" + o.Run
	}
	sum := sha256.Sum256([]byte(text))
	return "sale-" + hex.EncodeToString(sum[:16])
}

// judgeTime returns the problem of an event's time. An unreadable time must not be replaced by
// the time at which the file was written or read.
func (o *Options) judgeTime(r *rows.Row) *track.Problem {
	times := r.Msg.Times()
	for _, when := range times {
		if _, ok := o.readTime(when); ok {
			return nil
		}
	}
	switch {
	case len(times) > 0:
		return rows.UnreadableTime(times[0])
	case !o.Undated && (r.Timed || !o.UndatedFiles):
		return &track.Problem{Code: "missing_timestamp", Message: "the row does not say when it happened (timestamp)" + r.TimeHint()}
	}
	return nil
}

// routes returns the event sets of an event.
func (o *Options) routes(name string) []string {
	if m := o.Mapping(); m != nil {
		return m.Routes(name)
	}
	return nil
}

// readTime parses a time as the mapping says, or with its defaults.
func (o *Options) readTime(value []byte) (time.Time, bool) {
	if m := o.Mapping(); m != nil {
		return m.ReadTime(value, o.Received)
	}
	return event.ReadTime(value, time.UTC)
}

// check reads the first rows and stores nothing.
func (o *Options) check(w *rows.File, s *rows.Survey) error {
	in, err := w.Rows(s, o.rows())
	if err != nil {
		return unreadable(err)
	}
	e := &CheckError{}
	f := newForecast(o.Mapping(), o.Received)
	for e.Checked < o.CheckRows {
		var r rows.Row
		if err := in.Next(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return unreadable(err)
		}
		e.Checked++
		entry, why := o.judge(&r, &state{})
		if why == nil {
			if entry != nil {
				f.add(&r)
			}
			continue
		}
		if e.Bad++; e.Likely == "" && why.Code == "missing_timestamp" {
			e.Likely = r.Suggestion()
		}
		if e.Bad <= 20 {
			e.Problems = append(e.Problems, r.Problem(why, r.Text[:min(len(r.Text), 1024)]))
		}
	}
	// If no row is usable, it is the wrong file, even with SkipBad.
	if e.Checked == 0 || e.Bad == e.Checked || e.Bad > 0 && !o.SkipBad {
		return e
	}
	if unfit := f.unfit(e.Checked); unfit != nil && !o.Unsent {
		return unfit
	}
	o.Checked(f.words(e.Checked))
	return nil
}

// unreadable turns an error of reading rows into a FormatError, unless the file has changed or
// the disk failed.
func unreadable(err error) error {
	if errors.Is(err, rows.ErrChanged) || isDisk(err) {
		return err
	}
	cut := errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*jsontext.SyntacticError))
	return &rows.FormatError{Err: err, Cut: cut}
}

// isDisk reports an error of the file system.
func isDisk(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}
