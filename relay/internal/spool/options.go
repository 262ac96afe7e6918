package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"relay/mapper/event"
	"relay/queue"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/track"
)

// Appender is what is needed of the queue.
type Appender interface {
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
}

// Options say how a file is read. Only Queue is required.
type Options struct {
	rows.Layout
	Queue Appender
	Route track.Routes // nil: every event is unmapped

	Name   string      // of the file: .csv and .tsv are tables; .json, .jsonl and .ndjson are not; each also .gz
	Format rows.Format // overrides what name and content say

	// ForTables are flags that somebody has given and that only a table obeys: a file
	// that is none is refused.
	ForTables []string

	PrintKey      track.PrintKey
	MaxEventBytes int   // default 256 KiB
	MaxFileBytes  int64 // of the file, and of what it unpacks to; 0: any number
	CheckRows     int   // checked before anything is stored; default 1,000, negative: none
	SkipBad       bool  // store the good rows although some of the checked ones are bad
	// Undated takes rows without a time: they happened at Received. A time that
	// is there and cannot be read is refused all the same.
	Undated bool
	// UndatedFiles takes them from files that say no times at all: events of JSON,
	// and tables without a column for it. A blank cell in such a column is refused.
	UndatedFiles bool
	// ReadTime reads a time as the mapping in force will; default event.ReadTime.
	ReadTime func(value []byte, received time.Time) (time.Time, bool)
	// Check has the last word on a checked row: a text it returns is what is
	// wrong with the event.
	Check func(event []byte) string
	// Checked is told how many rows were checked and found good enough.
	Checked   func(rows int)
	CheckOnly bool // store nothing
	// Growing is for a file that its writer may not have finished. One whose last
	// line has no end is ErrUnfinished, before anything is stored, unless Final
	// says that nobody adds to it any more. What is added behind what was read is
	// no error.
	Growing, Final bool
	// Settle is how long a file must have been left alone before it is read: its
	// writer may still be at it. 0: not at all.
	Settle time.Duration

	Key        string           // of the file; default: a digest of its content
	Run        string           // part of that digest: the same file with another one is another file
	Deaths     int              // so many times may the process end while this file is read; 0: not counted. It needs State and Key
	OnKey      func(key string) // told before anything is asked of State and Queue
	Stray      func(int64)      // told how many bytes of a file of UTF-8 are none: what holds them is no match key
	Assumed    func()           // told that the file is no UTF-8 and is read as Windows-1252, which it may not be
	OnResume   func(rows int64) // an earlier run has dealt with so many
	State      State            // makes the work resumable; default: none
	ReportFile string           // refused rows, JSON lines; default: none
	ReportIn   *os.Root         // where ReportFile lies; nil: anywhere
	Received   time.Time        // default: now

	// Meanwhile is called every so often, between two batches and while the file is
	// surveyed, and gives other work that is due, or nil. While that runs, this file is not
	// being read: should the process end, it is not for this file. nil: there is none.
	Meanwhile func() (work func())

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
	Problems []rows.Problem // the first 20
	Likely   string         // what would probably make rows of a table usable, as --column takes it
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
	if e.Likely != "" {
		key := "columns"
		if strings.HasPrefix(e.Likely, "--header-row") {
			key = "header_row"
		}
		fmt.Fprintf(&b, "\nprobably it takes: %s (spool: %s)", e.Likely, key)
	}
	return b.String()
}

// ErrUnfinished says that the last line of a file has no end.
var ErrUnfinished = errors.New("the last line of the file has no end; its writer may not have finished")

// ErrDeadly says that the process has ended while it read this file, as often as
// Options.Deaths allows, each time at the same place.
var ErrDeadly = errors.New("relay ended each time it read this file")

// rows say how the rows of the file are read.
func (o *Options) rows() rows.Options {
	return rows.Options{Layout: o.Layout, EventBytes: o.MaxEventBytes, PrintKey: o.PrintKey}
}

func (o Options) withDefaults() Options {
	if o.MaxEventBytes <= 0 {
		o.MaxEventBytes = rows.DefaultEventBytes
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
	if o.ReadTime == nil {
		o.ReadTime = func(value []byte, _ time.Time) (time.Time, bool) { return event.ReadTime(value, time.UTC) }
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
