package rows

import (
	"errors"
	"time"

	"relay/relay/internal/track"
)

// Layout describes what a file does not say itself, above all the columns of a table. The zero
// value relies on the header alone.
type Layout struct {
	Encoding   Encoding       // of files that are not clearly UTF-8 or UTF-16; "": detected, but never guessed
	Columns    []Column       // overrides the header
	Event      string         // event name for rows without one
	Comma      rune           // separator; 0: one of separators, according to a sep= line or the header
	HeaderRow  int            // line of the header, from 1; 0: the first that is not blank
	Zone       *time.Location // of times without a zone; nil: the mapping's
	TimeFormat string         // format of the columns that fill timestamp and originalTimestamp, as event.CheckTimeFormat checks it
	GroupBy    string         // a header: consecutive rows that are equal in it are one event
	ID         string         // a header, or in JSON a property or path: identifies a sale across files
}

// DefaultEventBytes is the default size limit of an event.
const DefaultEventBytes = 256 << 10

// Options configures how the rows of a file are read.
type Options struct {
	Layout
	EventBytes     int // size limit of an event; 0: DefaultEventBytes
	FingerprintKey track.FingerprintKey
}

// ErrChanged reports that a file changed after its survey: another program writes to it. None of
// the changed content was returned.
var ErrChanged = errors.New("the file was changed while it was being read: import it again when its writer has finished")

// FormatError reports a file that cannot be read as rows at all.
type FormatError struct {
	Err error
	Cut bool // the file could be incomplete
}

func (e *FormatError) Error() string { return e.Err.Error() }
func (e *FormatError) Unwrap() error { return e.Err }

// PrivateError is an error whose text can contain text of the file. Words only name the kind of
// error.
type PrivateError struct {
	Words string
	Err   error
}

func (e *PrivateError) Error() string { return e.Words + ": " + e.Err.Error() }
func (e *PrivateError) Unwrap() error { return e.Err }
