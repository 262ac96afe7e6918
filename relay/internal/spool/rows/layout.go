package rows

import (
	"errors"
	"time"

	"relay/relay/internal/track"
)

// Layout says what a file means that does not say it itself, above all the columns of a
// table. The zero value: the header says it all.
type Layout struct {
	Encoding   Encoding       // of files that are not plainly UTF-8 or UTF-16; "": it is found out, and no file is read by a guess
	Columns    []Column       // what the header does not say
	Event      string         // name of rows that give none
	Comma      rune           // 0: , ; tab or |, by a sep= line or the header
	HeaderRow  int            // line of the header, the first is 1; 0: the first that is not blank
	Zone       *time.Location // of those that say none; nil: the mapping's
	TimeFormat string         // of the columns that fill timestamp and originalTimestamp: a form as event.TimeFormat checks it
	GroupBy    string         // header: rows that follow each other and are equal in it are one event
	ID         string         // header, or in JSON a property or path: what makes a row the same sale in the next export
}

// DefaultEventBytes is what an event may have where nobody says otherwise.
const DefaultEventBytes = 256 << 10

// Options say how the rows of a file are read.
type Options struct {
	Layout
	EventBytes int // what an event may have; 0: DefaultEventBytes
	PrintKey   track.PrintKey
}

// ErrChanged says that a file no longer holds what it held when it was looked
// at: somebody writes into it. Nothing of what it holds instead was stored.
var ErrChanged = errors.New("the file was changed while it was being read: import it again when its writer has finished")

// FormatError says that a file cannot be read as rows at all.
type FormatError struct {
	Err error
	Cut bool // as it would be when the rest of it is yet to come
}

func (e *FormatError) Error() string { return e.Err.Error() }
func (e *FormatError) Unwrap() error { return e.Err }

// PrivateError is an error whose text may repeat what is in the file; Words say no
// more than what kind it is.
type PrivateError struct {
	Words string
	Err   error
}

func (e *PrivateError) Error() string { return e.Words + ": " + e.Err.Error() }
func (e *PrivateError) Unwrap() error { return e.Err }
